"""Tables beside lending: holds, fees and their payments, and what terminals may repeat.

Amounts are integers in the minor unit of the library's one currency. `patron` is cleared when a row is over
and its retention too, as with loans.
"""

from sqlalchemy import BigInteger, Column, Date, Index, String, Table, Text, text

from central.ledger.schema_base import BY_KEY, ID, metadata

hold = Table(
    "hold",
    metadata,
    Column("hold", ID, primary_key=True),
    Column("n", BigInteger, nullable=False),  # order in which they were placed
    Column("patron", ID),
    Column("item", ID),  # this copy, or
    Column("title_id", ID),  # any copy of the title
    Column("pickup", ID, nullable=False),
    Column("placed", BigInteger, nullable=False),
    Column("expires", Date),
    Column("state", String(10), nullable=False),  # circulation.holds.Hold.state
    Column("ready_item", ID),
    Column("ready_until", Date),
    Column("ended", BigInteger),
)
QUEUED = text("state IN ('waiting', 'ready')")
Index("ix_hold_n", hold.c.n, unique=True)
Index("ix_hold_item", hold.c.item, sqlite_where=QUEUED, postgresql_where=QUEUED)
Index("ix_hold_title", hold.c.title_id, sqlite_where=QUEUED, postgresql_where=QUEUED)
Index("ix_hold_patron", hold.c.patron, sqlite_where=QUEUED, postgresql_where=QUEUED)
Index("ix_hold_ready", hold.c.ready_item, sqlite_where=QUEUED, postgresql_where=QUEUED)
OVER = text("ended IS NOT NULL")
Index("ix_hold_ended", hold.c.ended, sqlite_where=OVER, postgresql_where=OVER)
OVER_NAMED = text("ended IS NOT NULL AND patron IS NOT NULL")
Index("ix_hold_to_forget", hold.c.ended, sqlite_where=OVER_NAMED, postgresql_where=OVER_NAMED)

fee = Table(
    "fee",
    metadata,
    Column("fee", ID, primary_key=True),
    Column("patron", ID),
    Column("item", ID),
    Column("kind", String(16), nullable=False),  # circulation.fees.FeeKind
    Column("amount", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False, server_default="0"),
    Column("at", BigInteger, nullable=False),
)
OWED = text("paid < amount")
Index("ix_fee_patron", fee.c.patron, sqlite_where=OWED, postgresql_where=OWED)
PAID_NAMED = text("paid >= amount AND patron IS NOT NULL")
Index("ix_fee_to_forget", fee.c.at, sqlite_where=PAID_NAMED, postgresql_where=PAID_NAMED)

payment = Table(
    "payment",
    metadata,
    Column("key", String(200), primary_key=True),  # idempotency: one key is paid once
    Column("patron", ID),
    Column("amount", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("terminal", ID, nullable=False),
    Column("means", String(2), nullable=False, server_default=""),  # SIP2 payment type
)
PAYER = text("patron IS NOT NULL")
Index("ix_payment_to_forget", payment.c.at, sqlite_where=PAYER, postgresql_where=PAYER)

repeat = Table(
    "repeat",
    metadata,
    Column("digest", ID, primary_key=True),  # of terminal and frame
    Column("at", BigInteger, nullable=False, index=True),
    Column("fact", ID, nullable=False),
    Column("outcome", Text, nullable=False),  # central.terminal.Outcome, without names and titles
    **BY_KEY,
)
