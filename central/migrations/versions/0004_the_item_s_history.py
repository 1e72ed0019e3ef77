"""An item's history is found by going back from its newest event, not by two indexes.

What is there is linked in the order of time, item by item, as the two indexes give it: of the events only ten
thousand are held at a time.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import islice

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

LENT = "SELECT item, start, request, 'loan' FROM loan ORDER BY item, start, request"
BACK = "SELECT item, at, fact_id, 'checkin' FROM checkin ORDER BY item, at, fact_id"
LINK = {
    "loan": "UPDATE loan SET previous = ? WHERE request = ?",
    "checkin": "UPDATE checkin SET previous = ? WHERE fact_id = ?",
    "newest": "INSERT INTO newest (item, event) VALUES (?, ?)",
}
AT_ONCE = 10_000

Link = tuple[str, tuple[str, str]]


def links() -> Iterator[Link]:
    """Return which statement of `LINK` is to be carried out with what."""
    connection = op.get_bind()
    lent, back = (connection.exec_driver_sql(query) for query in (LENT, BACK))
    last: tuple[str, str] | None = None
    for item, _, event, kind in merge(map(tuple, lent), map(tuple, back)):
        if last is not None and last[0] == item:
            yield kind, (last[1], event)
        elif last is not None:
            yield "newest", last
        last = (item, event)
    if last is not None:
        yield "newest", last


def upgrade() -> None:
    op.create_table('newest',
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('event', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('item', name=op.f('pk_newest')),
    sqlite_with_rowid=False
    )
    op.add_column('loan', sa.Column('previous', sa.String(length=64), nullable=True))
    op.add_column('checkin', sa.Column('previous', sa.String(length=64), nullable=True))
    all_links = links()
    while some := list(islice(all_links, AT_ONCE)):
        for kind, statement in LINK.items():
            values = [told for what, told in some if what == kind]
            if values:
                op.get_bind().exec_driver_sql(statement, values)
    op.drop_index('ix_loan_item', table_name='loan')
    op.drop_index('ix_checkin_item', table_name='checkin')


def downgrade() -> None:
    op.create_index('ix_checkin_item', 'checkin', ['item', 'at'], unique=False)
    op.create_index('ix_loan_item', 'loan', ['item', 'start'], unique=False)
    op.drop_column('checkin', 'previous')
    op.drop_column('loan', 'previous')
    op.drop_table('newest')
