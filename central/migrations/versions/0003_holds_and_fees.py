"""Holds, fees and payments, what terminals may repeat, and what they show of a patron and an item."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

QUEUED = sa.text("state IN ('waiting', 'ready')")
IN_DOUBT = sa.text("closed IS NULL AND kind = 'time-in-doubt'")
OVER = sa.text('ended IS NOT NULL')
OVER_NAMED = sa.text('ended IS NOT NULL AND patron IS NOT NULL')
PAID_NAMED = sa.text('paid >= amount AND patron IS NOT NULL')
PAYER = sa.text('patron IS NOT NULL')
OWED = sa.text('paid < amount')
TITLED = sa.text("title_id <> ''")


def upgrade() -> None:
    op.create_table('fee',
    sa.Column('fee', sa.String(length=64), nullable=False),
    sa.Column('patron', sa.String(length=64), nullable=True),
    sa.Column('item', sa.String(length=64), nullable=True),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('paid', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('fee', name=op.f('pk_fee'))
    )
    with op.batch_alter_table('fee') as batch_op:
        batch_op.create_index('ix_fee_patron', ['patron'], sqlite_where=OWED, postgresql_where=OWED)
        batch_op.create_index(
            'ix_fee_to_forget', ['at'], sqlite_where=PAID_NAMED, postgresql_where=PAID_NAMED
        )
    op.create_table('hold',
    sa.Column('hold', sa.String(length=64), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.Column('patron', sa.String(length=64), nullable=True),
    sa.Column('item', sa.String(length=64), nullable=True),
    sa.Column('title_id', sa.String(length=64), nullable=True),
    sa.Column('pickup', sa.String(length=64), nullable=False),
    sa.Column('placed', sa.BigInteger(), nullable=False),
    sa.Column('expires', sa.Date(), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('ready_item', sa.String(length=64), nullable=True),
    sa.Column('ready_until', sa.Date(), nullable=True),
    sa.Column('ended', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('hold', name=op.f('pk_hold'))
    )
    with op.batch_alter_table('hold') as batch_op:
        batch_op.create_index('ix_hold_ended', ['ended'], sqlite_where=OVER, postgresql_where=OVER)
        batch_op.create_index('ix_hold_item', ['item'], sqlite_where=QUEUED, postgresql_where=QUEUED)
        batch_op.create_index('ix_hold_n', ['n'], unique=True)
        batch_op.create_index('ix_hold_patron', ['patron'], sqlite_where=QUEUED, postgresql_where=QUEUED)
        batch_op.create_index('ix_hold_ready', ['ready_item'], sqlite_where=QUEUED, postgresql_where=QUEUED)
        batch_op.create_index(
            'ix_hold_to_forget', ['ended'], sqlite_where=OVER_NAMED, postgresql_where=OVER_NAMED
        )
        batch_op.create_index('ix_hold_title', ['title_id'], sqlite_where=QUEUED, postgresql_where=QUEUED)
    op.create_table('payment',
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('patron', sa.String(length=64), nullable=True),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('terminal', sa.String(length=64), nullable=False),
    sa.Column('means', sa.String(length=2), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_payment'))
    )
    with op.batch_alter_table('payment') as batch_op:
        batch_op.create_index('ix_payment_to_forget', ['at'], sqlite_where=PAYER, postgresql_where=PAYER)
    op.create_table('repeat',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('fact', sa.String(length=64), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_repeat')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('repeat') as batch_op:
        batch_op.create_index(batch_op.f('ix_repeat_at'), ['at'])
    with op.batch_alter_table('item') as batch_op:
        batch_op.add_column(sa.Column('title_id', sa.String(length=64), server_default='', nullable=False))
        batch_op.add_column(sa.Column('call_number', sa.String(length=60), server_default='', nullable=False))
        batch_op.add_column(sa.Column('collection', sa.String(length=60), server_default='', nullable=False))
        batch_op.add_column(sa.Column('status', sa.String(length=20), server_default='', nullable=False))
        batch_op.add_column(sa.Column('place', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('properties', sa.String(length=300), server_default='', nullable=False))
        batch_op.create_index('ix_item_title', ['title_id'], sqlite_where=TITLED, postgresql_where=TITLED)
    with op.batch_alter_table('patron') as batch_op:
        batch_op.add_column(sa.Column('name', sa.String(length=200), server_default='', nullable=False))
        batch_op.add_column(sa.Column('address', sa.String(length=500), server_default='', nullable=False))
        batch_op.add_column(sa.Column('email', sa.String(length=200), server_default='', nullable=False))
        batch_op.add_column(sa.Column('phone', sa.String(length=60), server_default='', nullable=False))
        batch_op.add_column(sa.Column('birth', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('internet', sa.String(length=64), server_default='', nullable=False))
        batch_op.add_column(sa.Column('barred', sa.String(length=300), nullable=True))
    with op.batch_alter_table('case') as batch_op:
        batch_op.create_index('ix_case_in_doubt', ['key'], sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT)


def downgrade() -> None:
    with op.batch_alter_table('case') as batch_op:
        batch_op.drop_index('ix_case_in_doubt', sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT)
    with op.batch_alter_table('patron') as batch_op:
        batch_op.drop_column('barred')
        batch_op.drop_column('internet')
        batch_op.drop_column('birth')
        batch_op.drop_column('phone')
        batch_op.drop_column('email')
        batch_op.drop_column('address')
        batch_op.drop_column('name')
    with op.batch_alter_table('item') as batch_op:
        batch_op.drop_index('ix_item_title', sqlite_where=TITLED, postgresql_where=TITLED)
        batch_op.drop_column('properties')
        batch_op.drop_column('place')
        batch_op.drop_column('status')
        batch_op.drop_column('collection')
        batch_op.drop_column('call_number')
        batch_op.drop_column('title_id')
    op.drop_table('repeat')
    op.drop_table('payment')
    op.drop_table('hold')
    op.drop_table('fee')
