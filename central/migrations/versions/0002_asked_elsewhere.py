"""Requests that an authority elsewhere decides."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('asked', 'sent', 'unknown', 'granted', 'undo', 'undoing')")
NAMED = sa.text('card IS NOT NULL')


def upgrade() -> None:
    op.create_table('asked',
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('card', sa.String(length=64), nullable=True),
    sa.Column('patron', sa.String(length=64), nullable=True),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('asked', sa.BigInteger(), nullable=False),
    sa.Column('since', sa.BigInteger(), nullable=False),
    sa.Column('happened', sa.Boolean(), nullable=False),
    sa.Column('withdrawn', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=True),
    sa.PrimaryKeyConstraint('request', name=op.f('pk_asked')),
    )
    op.create_index('ix_asked_n', 'asked', ['n'], unique=True)
    op.create_index('ix_asked_open', 'asked', ['state'], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index('ix_asked_to_forget', 'asked', ['card'], sqlite_where=NAMED, postgresql_where=NAMED)


def downgrade() -> None:
    op.drop_index('ix_asked_to_forget', table_name='asked')
    op.drop_index('ix_asked_open', table_name='asked')
    op.drop_index('ix_asked_n', table_name='asked')
    op.drop_table('asked')
