"""The ledger's tables, for SQLAlchemy Core. Portable: nothing here is SQLite's own.

Moments are integers, milliseconds since 1970 UTC; due dates are local dates. State stands in plain
tables beside an append-only journal; the journal never names a patron, so that forgetting who had an
item is clearing one column of `loan`. What is written per fact has its statements in `statements`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from central.ledger.schema_base import BY_KEY, ID, metadata
from central.ledger.schema_services import fee, hold, payment, repeat

__all__ = ["BY_KEY", "ID", "fee", "hold", "metadata", "payment", "repeat"]

# --- registry -------------------------------------------------------------------------------------

branch = Table(
    "branch",
    metadata,
    Column("branch", ID, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("zone", String(64), nullable=False),
)
station = Table(
    "station",
    metadata,
    Column("station", ID, primary_key=True),
    Column("branch", ID, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", String(60), nullable=False, server_default=""),
)
patron = Table(
    "patron",
    metadata,
    Column("patron", ID, primary_key=True),
    Column("first_name", String(60), nullable=False, server_default=""),
    Column("class", String(64), nullable=False),
    Column("home", ID, nullable=False),
    Column("language", String(8), nullable=False, server_default=""),
    Column("expires", Date),
    Column("blocked", String(64)),
    Column("pin", String(200)),
    # What a kiosk of another make shows (SIP2 64); never in a topic, a log or a measurement.
    Column("name", String(200), nullable=False, server_default=""),
    Column("address", String(500), nullable=False, server_default=""),
    Column("email", String(200), nullable=False, server_default=""),
    Column("phone", String(60), nullable=False, server_default=""),
    Column("birth", Date),
    Column("internet", String(64), nullable=False, server_default=""),
    # Why a terminal barred the card (SIP2 01), until it is enabled again (25).
    Column("barred", String(300)),
    **BY_KEY,
)
card = Table(
    "card",
    metadata,
    Column("card", ID, primary_key=True),
    Column("patron", ID, nullable=False, index=True),
    **BY_KEY,
)
item = Table(
    "item",
    metadata,
    Column("item", ID, primary_key=True),
    Column("title", String(300), nullable=False, server_default=""),
    Column("class", String(64), nullable=False),
    Column("media", String(20), nullable=False, server_default=""),
    Column("owner", String(32), nullable=False, server_default=""),
    Column("branch", ID, nullable=False),
    Column("gone", Boolean, nullable=False, server_default=false()),
    Column("title_id", ID, nullable=False, server_default=""),
    Column("call_number", String(60), nullable=False, server_default=""),
    Column("collection", String(60), nullable=False, server_default=""),
    # A word other than on loan or available: lost, missing, on-order, in-process, claimed-returned, ...
    Column("status", String(20), nullable=False, server_default=""),
    Column("place", ID),  # the branch where it was last seen, when that is not its own
    Column("properties", String(300), nullable=False, server_default=""),
    # What the history comes to (circulation.history.ItemState), and the version gates compare.
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("loan", ID),
    Column("last_at", BigInteger, nullable=False, server_default="0"),
    Column("last_id", ID, nullable=False, server_default=""),
    Column("tag", String(10), nullable=False, server_default="secured"),
    Column("trouble", String(32)),
)
TITLED = text("title_id <> ''")
Index("ix_item_title", item.c.title_id, sqlite_where=TITLED, postgresql_where=TITLED)

# --- streams --------------------------------------------------------------------------------------

stream = Table(
    "stream",
    metadata,
    Column("stream", ID, primary_key=True),
    Column("station", ID, nullable=False, index=True),
    Column("upto", BigInteger, nullable=False, server_default="0"),
    Column("id", ID, nullable=False, server_default=""),
    Column("high", BigInteger, nullable=False, server_default="0"),
    Column("high_id", ID, nullable=False, server_default=""),
    Column("last_at", BigInteger, nullable=False, server_default="0"),
    Column("parked_id", ID),
    Column("parked_body", Text),
    Column("parked_seen", String(300)),
    Column("parked_at", BigInteger),
    **BY_KEY,
)
journal = Table(
    "journal",
    metadata,
    Column("fact_id", ID, primary_key=True),
    Column("stream", ID, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("kind", String(32), nullable=False, server_default=""),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("item", ID),
    **BY_KEY,
)
answer = Table(
    "answer",
    metadata,
    Column("request", ID, primary_key=True),
    Column("outcome", String(8), nullable=False),
    Column("item", ID, nullable=False),
    Column("due", Date),
    Column("renewed", Boolean, nullable=False, server_default=false()),
    Column("refusal", Text),
    Column("at", BigInteger, nullable=False),
    **BY_KEY,
)
dead_letter = Table(
    "dead_letter",
    metadata,
    Column("fact_id", ID, primary_key=True),
    Column("stream", ID, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("station", ID, nullable=False),
    Column("received", BigInteger, nullable=False, index=True),
    Column("body", Text),
    Column("why", String(300), nullable=False, server_default=""),
)

# --- circulation ----------------------------------------------------------------------------------

loan = Table(
    "loan",
    metadata,
    Column("request", ID, primary_key=True),
    Column("item", ID, nullable=False),
    Column("patron", ID),
    Column("station", ID, nullable=False),
    Column("branch", ID, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("due", Date, nullable=False),
    Column("first_due", Date, nullable=False),
    Column("renewals", Integer, nullable=False, server_default="0"),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    Column("contested", Boolean, nullable=False, server_default=false()),
    Column("tag", String(8)),
    # What was recorded of the item before this: see `newest`.
    Column("previous", ID),
    Index("ix_loan_start", "start"),
)
OPEN = text("ended IS NULL AND NOT withdrawn")
Index("one_open_loan", loan.c.item, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
Index("ix_loan_patron", loan.c.patron, sqlite_where=OPEN, postgresql_where=OPEN)
HELD = text("patron IS NOT NULL AND (ended IS NOT NULL OR withdrawn)")
Index("ix_loan_to_forget", loan.c.ended, sqlite_where=HELD, postgresql_where=HELD)

renewal = Table(
    "renewal",
    metadata,
    Column("request", ID, primary_key=True),
    Column("loan", ID, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("due", Date, nullable=False),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
)
checkin = Table(
    "checkin",
    metadata,
    Column("fact_id", ID, primary_key=True),
    Column("item", ID, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("station", ID, nullable=False),
    Column("branch", ID, nullable=False),
    Column("via", String(8), nullable=False),
    Column("secured", String(10)),
    Column("previous", ID),
    Index("ix_checkin_at", "at"),
)
newest = Table(
    "newest",
    metadata,
    # An item's loans and returns are found from here on, by `previous`, the last one recorded first. An index
    # by item would cost each of them a page of its own in a tree as large as all that ever happened.
    Column("item", ID, primary_key=True),
    Column("event", ID, nullable=False),
    **BY_KEY,
)
change = Table(
    "change",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("item", ID, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
)

# --- gates, cases, alarms -------------------------------------------------------------------------

passage = Table(
    "passage",
    metadata,
    Column("fact_id", ID, primary_key=True),
    Column("station", ID, nullable=False),
    Column("branch", ID, nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("direction", String(8), nullable=False),
    Column("verdict", String(12), nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("foreign_tags", Integer, nullable=False),
    Column("silent", Integer, nullable=False),
)
count = Table(
    "count",
    metadata,
    Column("fact_id", ID, primary_key=True),
    Column("station", ID, nullable=False),
    Column("branch", ID, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("entered", Integer, nullable=False),
    Column("departed", Integer, nullable=False),
)
case = Table(
    "case",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("station", ID, nullable=False, server_default=""),
    Column("branch", ID, nullable=False, server_default=""),
    Column("item", ID, nullable=False, server_default="", index=True),
    Column("detail", String(300), nullable=False, server_default=""),
    Column("opened", BigInteger, nullable=False, index=True),
    Column("closed", BigInteger),
    Column("times", Integer, nullable=False, server_default="1"),
)
IN_DOUBT = text("closed IS NULL AND kind = 'time-in-doubt'")
Index("ix_case_in_doubt", case.c.key, sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT)
alarm = Table(
    "alarm",
    metadata,
    Column("alarm", ID, primary_key=True),
    Column("rule", ID, nullable=False),
    Column("station", ID, nullable=False),
    Column("branch", ID, nullable=False),
    Column("part", String(32), nullable=False, server_default=""),
    Column("severity", String(8), nullable=False),
    Column("state", String(32), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seen", String(300), nullable=False, server_default=""),
    Column("why", String(300), nullable=False, server_default=""),
    Column("do", String(300), nullable=False, server_default=""),
    Column("standing", Boolean, nullable=False),
    Column("returned_at", BigInteger),
    Column("acknowledged_at", BigInteger),
    Column("acknowledged_by", String(64), nullable=False, server_default=""),
    Column("note", String(300), nullable=False, server_default=""),
    Column("shelved_until", BigInteger),
    Column("shelved_by", String(64), nullable=False, server_default=""),
    Column("suppressed_by", String(64), nullable=False, server_default=""),
    Column("out_of_service_by", String(64), nullable=False, server_default=""),
    Column("out_of_service_until", BigInteger),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("value", Float),
    Column("closed", BigInteger),
)

# --- what an authority elsewhere decides (design §4) ----------------------------------------------

asked = Table(
    "asked",
    metadata,
    Column("request", ID, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(10), nullable=False),
    Column("item", ID, nullable=False),
    # Forgotten once nothing is left to be said about the patron (`forget`).
    Column("card", ID),
    Column("patron", ID),
    Column("station", ID, nullable=False),
    Column("branch", ID, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("happened", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    Column("outcome", String(8)),
)
UNFINISHED = text("state IN ('asked', 'sent', 'unknown', 'granted', 'undo', 'undoing')")
FINISHED = text("state IN ('confirmed', 'undone', 'case')")
Index("ix_asked_n", asked.c.n, unique=True)
Index("ix_asked_open", asked.c.state, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)
NAMED = text("card IS NOT NULL")
Index("ix_asked_to_forget", asked.c.card, sqlite_where=NAMED, postgresql_where=NAMED)

# --- the writer -----------------------------------------------------------------------------------

lease = Table(
    "lease",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("boot", ID, nullable=False),
    Column("taken", BigInteger, nullable=False),
)
meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
