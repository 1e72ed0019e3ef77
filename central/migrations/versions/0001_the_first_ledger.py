"""The first ledger."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('alarm',
    sa.Column('alarm', sa.String(length=64), nullable=False),
    sa.Column('rule', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('part', sa.String(length=32), server_default='', nullable=False),
    sa.Column('severity', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=32), nullable=False),
    sa.Column('since', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('seen', sa.String(length=300), server_default='', nullable=False),
    sa.Column('why', sa.String(length=300), server_default='', nullable=False),
    sa.Column('do', sa.String(length=300), server_default='', nullable=False),
    sa.Column('standing', sa.Boolean(), nullable=False),
    sa.Column('returned_at', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_at', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_by', sa.String(length=64), server_default='', nullable=False),
    sa.Column('note', sa.String(length=300), server_default='', nullable=False),
    sa.Column('shelved_until', sa.BigInteger(), nullable=True),
    sa.Column('shelved_by', sa.String(length=64), server_default='', nullable=False),
    sa.Column('suppressed_by', sa.String(length=64), server_default='', nullable=False),
    sa.Column('out_of_service_by', sa.String(length=64), server_default='', nullable=False),
    sa.Column('out_of_service_until', sa.BigInteger(), nullable=True),
    sa.Column('times', sa.Integer(), server_default='1', nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('closed', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('alarm', name=op.f('pk_alarm'))
    )
    op.create_table('answer',
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=False),
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('due', sa.Date(), nullable=True),
    sa.Column('renewed', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('refusal', sa.Text(), nullable=True),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('request', name=op.f('pk_answer')),
    sqlite_with_rowid=False
    )
    op.create_table('branch',
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('branch', name=op.f('pk_branch'))
    )
    op.create_table('card',
    sa.Column('card', sa.String(length=64), nullable=False),
    sa.Column('patron', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('card', name=op.f('pk_card')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('card', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_card_patron'), ['patron'], unique=False)

    op.create_table('case',
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('station', sa.String(length=64), server_default='', nullable=False),
    sa.Column('branch', sa.String(length=64), server_default='', nullable=False),
    sa.Column('item', sa.String(length=64), server_default='', nullable=False),
    sa.Column('detail', sa.String(length=300), server_default='', nullable=False),
    sa.Column('opened', sa.BigInteger(), nullable=False),
    sa.Column('closed', sa.BigInteger(), nullable=True),
    sa.Column('times', sa.Integer(), server_default='1', nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_case'))
    )
    with op.batch_alter_table('case', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_item'), ['item'], unique=False)
        batch_op.create_index(batch_op.f('ix_case_opened'), ['opened'], unique=False)

    op.create_table('change',
    sa.Column('n', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('n', name=op.f('pk_change'))
    )
    with op.batch_alter_table('change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_change_at'), ['at'], unique=False)

    op.create_table('checkin',
    sa.Column('fact_id', sa.String(length=64), nullable=False),
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('via', sa.String(length=8), nullable=False),
    sa.Column('secured', sa.String(length=10), nullable=True),
    sa.PrimaryKeyConstraint('fact_id', name=op.f('pk_checkin'))
    )
    with op.batch_alter_table('checkin', schema=None) as batch_op:
        batch_op.create_index('ix_checkin_at', ['at'], unique=False)
        batch_op.create_index('ix_checkin_item', ['item', 'at'], unique=False)

    op.create_table('count',
    sa.Column('fact_id', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('since', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('entered', sa.Integer(), nullable=False),
    sa.Column('departed', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('fact_id', name=op.f('pk_count'))
    )
    with op.batch_alter_table('count', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_count_at'), ['at'], unique=False)

    op.create_table('dead_letter',
    sa.Column('fact_id', sa.String(length=64), nullable=False),
    sa.Column('stream', sa.String(length=64), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('received', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=True),
    sa.Column('why', sa.String(length=300), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('fact_id', name=op.f('pk_dead_letter'))
    )
    with op.batch_alter_table('dead_letter', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dead_letter_received'), ['received'], unique=False)

    op.create_table('item',
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=300), server_default='', nullable=False),
    sa.Column('class', sa.String(length=64), nullable=False),
    sa.Column('media', sa.String(length=20), server_default='', nullable=False),
    sa.Column('owner', sa.String(length=32), server_default='', nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('gone', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('version', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('loan', sa.String(length=64), nullable=True),
    sa.Column('last_at', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('last_id', sa.String(length=64), server_default='', nullable=False),
    sa.Column('tag', sa.String(length=10), server_default='secured', nullable=False),
    sa.Column('trouble', sa.String(length=32), nullable=True),
    sa.PrimaryKeyConstraint('item', name=op.f('pk_item'))
    )
    op.create_table('journal',
    sa.Column('fact_id', sa.String(length=64), nullable=False),
    sa.Column('stream', sa.String(length=64), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=False),
    sa.Column('kind', sa.String(length=32), server_default='', nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('received', sa.BigInteger(), nullable=False),
    sa.Column('item', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('fact_id', name=op.f('pk_journal')),
    sqlite_with_rowid=False
    )
    op.create_table('lease',
    sa.Column('one', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.BigInteger(), nullable=False),
    sa.Column('boot', sa.String(length=64), nullable=False),
    sa.Column('taken', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('one', name=op.f('pk_lease'))
    )
    op.create_table('loan',
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('patron', sa.String(length=64), nullable=True),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('start', sa.BigInteger(), nullable=False),
    sa.Column('ended', sa.BigInteger(), nullable=True),
    sa.Column('due', sa.Date(), nullable=False),
    sa.Column('first_due', sa.Date(), nullable=False),
    sa.Column('renewals', sa.Integer(), server_default='0', nullable=False),
    sa.Column('withdrawn', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('contested', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('tag', sa.String(length=8), nullable=True),
    sa.PrimaryKeyConstraint('request', name=op.f('pk_loan'))
    )
    with op.batch_alter_table('loan', schema=None) as batch_op:
        batch_op.create_index('ix_loan_item', ['item', 'start'], unique=False)
        batch_op.create_index('ix_loan_patron', ['patron'], unique=False, sqlite_where=sa.text('ended IS NULL AND NOT withdrawn'), postgresql_where=sa.text('ended IS NULL AND NOT withdrawn'))
        batch_op.create_index('ix_loan_start', ['start'], unique=False)
        batch_op.create_index('ix_loan_to_forget', ['ended'], unique=False, sqlite_where=sa.text('patron IS NOT NULL AND (ended IS NOT NULL OR withdrawn)'), postgresql_where=sa.text('patron IS NOT NULL AND (ended IS NOT NULL OR withdrawn)'))
        batch_op.create_index('one_open_loan', ['item'], unique=True, sqlite_where=sa.text('ended IS NULL AND NOT withdrawn'), postgresql_where=sa.text('ended IS NULL AND NOT withdrawn'))

    op.create_table('meta',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_meta'))
    )
    op.create_table('passage',
    sa.Column('fact_id', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('direction', sa.String(length=8), nullable=False),
    sa.Column('verdict', sa.String(length=12), nullable=False),
    sa.Column('degraded', sa.Boolean(), nullable=False),
    sa.Column('foreign_tags', sa.Integer(), nullable=False),
    sa.Column('silent', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('fact_id', name=op.f('pk_passage'))
    )
    with op.batch_alter_table('passage', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_passage_at'), ['at'], unique=False)

    op.create_table('patron',
    sa.Column('patron', sa.String(length=64), nullable=False),
    sa.Column('first_name', sa.String(length=60), server_default='', nullable=False),
    sa.Column('class', sa.String(length=64), nullable=False),
    sa.Column('home', sa.String(length=64), nullable=False),
    sa.Column('language', sa.String(length=8), server_default='', nullable=False),
    sa.Column('expires', sa.Date(), nullable=True),
    sa.Column('blocked', sa.String(length=64), nullable=True),
    sa.Column('pin', sa.String(length=200), nullable=True),
    sa.PrimaryKeyConstraint('patron', name=op.f('pk_patron')),
    sqlite_with_rowid=False
    )
    op.create_table('renewal',
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('loan', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('due', sa.Date(), nullable=False),
    sa.Column('withdrawn', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.PrimaryKeyConstraint('request', name=op.f('pk_renewal'))
    )
    with op.batch_alter_table('renewal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_renewal_loan'), ['loan'], unique=False)

    op.create_table('station',
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('name', sa.String(length=60), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('station', name=op.f('pk_station'))
    )
    op.create_table('stream',
    sa.Column('stream', sa.String(length=64), nullable=False),
    sa.Column('station', sa.String(length=64), nullable=False),
    sa.Column('upto', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('id', sa.String(length=64), server_default='', nullable=False),
    sa.Column('high', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('high_id', sa.String(length=64), server_default='', nullable=False),
    sa.Column('last_at', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('parked_id', sa.String(length=64), nullable=True),
    sa.Column('parked_body', sa.Text(), nullable=True),
    sa.Column('parked_seen', sa.String(length=300), nullable=True),
    sa.Column('parked_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('stream', name=op.f('pk_stream')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('stream', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_stream_station'), ['station'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('stream', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_stream_station'))

    op.drop_table('stream')
    op.drop_table('station')
    with op.batch_alter_table('renewal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_renewal_loan'))

    op.drop_table('renewal')
    op.drop_table('patron')
    with op.batch_alter_table('passage', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_passage_at'))

    op.drop_table('passage')
    op.drop_table('meta')
    with op.batch_alter_table('loan', schema=None) as batch_op:
        batch_op.drop_index('one_open_loan', sqlite_where=sa.text('ended IS NULL AND NOT withdrawn'), postgresql_where=sa.text('ended IS NULL AND NOT withdrawn'))
        batch_op.drop_index('ix_loan_to_forget', sqlite_where=sa.text('patron IS NOT NULL AND (ended IS NOT NULL OR withdrawn)'), postgresql_where=sa.text('patron IS NOT NULL AND (ended IS NOT NULL OR withdrawn)'))
        batch_op.drop_index('ix_loan_start')
        batch_op.drop_index('ix_loan_patron', sqlite_where=sa.text('ended IS NULL AND NOT withdrawn'), postgresql_where=sa.text('ended IS NULL AND NOT withdrawn'))
        batch_op.drop_index('ix_loan_item')

    op.drop_table('loan')
    op.drop_table('lease')
    op.drop_table('journal')
    op.drop_table('item')
    with op.batch_alter_table('dead_letter', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dead_letter_received'))

    op.drop_table('dead_letter')
    with op.batch_alter_table('count', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_count_at'))

    op.drop_table('count')
    with op.batch_alter_table('checkin', schema=None) as batch_op:
        batch_op.drop_index('ix_checkin_item')
        batch_op.drop_index('ix_checkin_at')

    op.drop_table('checkin')
    with op.batch_alter_table('change', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_change_at'))

    op.drop_table('change')
    with op.batch_alter_table('case', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_opened'))
        batch_op.drop_index(batch_op.f('ix_case_item'))

    op.drop_table('case')
    with op.batch_alter_table('card', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_card_patron'))

    op.drop_table('card')
    op.drop_table('branch')
    op.drop_table('answer')
    op.drop_table('alarm')
