"""What Alembic runs: the connection comes from `central.ledger.database`; nothing is set here."""

from alembic import context

from central.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
