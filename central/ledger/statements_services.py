"""The hot statements of what stands beside lending: terminals, holds, fees. As in `statements`."""

from sqlalchemy import bindparam, delete, exists, false, func, insert, literal_column, or_, select, union_all

from central.ledger.schema import (
    IN_DOUBT,
    OPEN,
    TITLED,
    card,
    case,
    checkin,
    fee,
    hold,
    item,
    lease,
    loan,
    patron,
    payment,
    repeat,
)
from central.ledger.schema_services import OVER, OWED, QUEUED
from central.ledger.statements_base import by, put
from central.ledger.statements_history import EVENTS_OF

# --- what is shown at a terminal
ITEM_SHOWN = by(
    item.c.item,
    item.c.title,
    item.c.media,
    item.c.branch,
    item.c.properties,
    item.c.call_number,
    item.c.collection,
)
CARD_OF = by(card.c.patron, card.c.card).order_by(card.c.card)
ITEMS_OF = select(loan.c.item).where(loan.c.patron == bindparam("patron")).where(OPEN).order_by(loan.c.start)

# --- loans
LOAN_ENDED = (
    select(loan.c.request)
    .where(loan.c.request.in_(EVENTS_OF))
    .where(loan.c.ended == bindparam("ended"))
    .where(loan.c.withdrawn == false())
    .order_by(loan.c.start.desc())
)
LOAN_PATRON = put(loan, loan.c.patron, where={loan.c.request: "request"})
OVERDUE = (
    select(func.count())
    .select_from(loan)
    .where(loan.c.patron == bindparam("patron"))
    .where(OPEN)
    .where(loan.c.due < bindparam("today"))
)

# --- patrons and items
PATRON_CLASS = by(patron.c.patron, patron.c["class"])
BAR = put(patron, patron.c.barred, where={patron.c.patron: "patron"})
PROPERTIES = put(item, item.c.properties, where={item.c.item: "item"})
WHEREABOUTS = put(item, item.c.status, item.c.place, where={item.c.item: "item"})
COPIES = select(item.c.item).where(item.c.title_id == bindparam("title")).where(TITLED)
_KEPT = exists().where(hold.c.ready_item == item.c.item).where(QUEUED)
FREE_COPIES = (
    select(func.count())
    .select_from(item)
    .where(item.c.title_id == bindparam("title"))
    .where(TITLED)
    .where(item.c.item != bindparam("item"))
    .where(item.c.loan.is_(None))
    .where(item.c.gone == false())
    .where(item.c.status == literal_column("''"))
    .where(~_KEPT)
)

# --- holds
_HOLD = (
    hold.c.hold,
    hold.c.patron,
    hold.c.item,
    hold.c.title_id,
    hold.c.pickup,
    hold.c.placed,
    hold.c.expires,
    hold.c.state,
    hold.c.ready_item,
    hold.c.ready_until,
    hold.c.n,
)
HOLD = by(hold.c.hold, *_HOLD)
HOLDS_OF = union_all(
    select(*_HOLD).where(QUEUED).where(hold.c.item == bindparam("item")),
    select(*_HOLD)
    .where(QUEUED)
    .where(hold.c.title_id == bindparam("title"))
    .where(hold.c.item.is_distinct_from(bindparam("other"))),
)
HOLDS_BY = select(func.count()).select_from(hold).where(hold.c.patron == bindparam("patron")).where(QUEUED)
HOLDS_COLLECTED = (
    select(*_HOLD)
    .where(OVER)
    .where(hold.c.ended == bindparam("ended"))
    .where(hold.c.state == literal_column("'collected'"))
)
HOLDS_OVER = select(*_HOLD).where(QUEUED).where(
    or_(hold.c.expires < bindparam("expires"), hold.c.ready_until < bindparam("ready_until"))
)  # fmt: skip
LAST_HOLD = select(func.max(hold.c.n))
NEW_HOLD = insert(hold)
HOLD_STATE = put(
    hold,
    hold.c.patron,
    hold.c.pickup,
    hold.c.expires,
    hold.c.state,
    hold.c.ready_item,
    hold.c.ready_until,
    hold.c.ended,
    where={hold.c.hold: "hold"},
)

# --- where it came back
CHECKIN_STATION = by(checkin.c.fact_id, checkin.c.station)

# --- fees
BEGUN = select(
    lease.c.epoch,
    select(hold.c.hold).where(QUEUED).exists(),
    select(fee.c.fee).where(OWED).exists(),
    select(case.c.key).where(IN_DOUBT).exists(),
)
FEE = by(fee.c.fee, *fee.columns)
FEES_OF = select(*fee.columns).where(fee.c.patron == bindparam("patron")).where(OWED)
NEW_FEE = insert(fee)
FEE_AMOUNT = put(fee, fee.c.amount, where={fee.c.fee: "fee"})
FEE_PAID = put(fee, fee.c.paid, where={fee.c.fee: "fee"})
DROP_FEE = delete(fee).where(fee.c.fee == bindparam("fee"))
PAYMENT = by(payment.c.key, payment.c.patron, payment.c.amount)
PAYMENT_UNDER = (
    select(payment.c.patron, payment.c.at)
    .where(payment.c.key >= bindparam("first"))
    .where(payment.c.key < bindparam("beyond"))
    .order_by(payment.c.at.desc())
)
NEW_PAYMENT = insert(payment)

# --- what may be repeated
REPEAT = by(repeat.c.digest, repeat.c.at, repeat.c.fact, repeat.c.outcome)
NEW_REPEAT = insert(repeat)
DROP_REPEAT = delete(repeat).where(repeat.c.digest == bindparam("digest"))
