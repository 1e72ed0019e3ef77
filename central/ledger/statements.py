"""The hot statements, as SQLAlchemy Core; a driver module compiles each once and runs it bare.

Written against `schema`, so a renamed column fails at import. Values are positional, in the order in
which the names stand in the statement: an insert takes all columns of its table in the table's order,
an update first what it sets, then what it looks for.
"""

from typing import Any

from sqlalchemy import (
    bindparam,
    delete,
    false,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    union_all,
    update,
)

from central.ledger.schema import (
    OPEN,
    UNFINISHED,
    alarm,
    answer,
    asked,
    card,
    case,
    change,
    checkin,
    count,
    dead_letter,
    item,
    journal,
    lease,
    loan,
    meta,
    newest,
    passage,
    patron,
    renewal,
    station,
    stream,
)
from central.ledger.schema import branch as branch_table
from central.ledger.statements_base import by as _by
from central.ledger.statements_base import put as _set
from central.ledger.statements_history import EVENTS_OF
from central.ledger.statements_history import following as _following

LEASE = select(lease.c.epoch)
NEW_LEASE = insert(lease)
TAKE_LEASE = _set(lease, lease.c.epoch, lease.c.boot, lease.c.taken, where={lease.c.one: "one"})

# --- streams
STREAM = _by(
    stream.c.stream,
    stream.c.station,
    stream.c.upto,
    stream.c.id,
    stream.c.high,
    stream.c.high_id,
    stream.c.parked_id,
    stream.c.last_at,
)
NEW_STREAM = insert(stream).values(stream=bindparam("stream"), station=bindparam("station"))
MOVE = _set(
    stream,
    stream.c.upto,
    stream.c.id,
    stream.c.last_at,
    where={stream.c.stream: "s", stream.c.upto: "prev", stream.c.id: "prev_id"},
)
RAISE_HIGH = _set(stream, stream.c.high, stream.c.high_id, where={stream.c.stream: "s"})
PARK = _set(
    stream,
    stream.c.parked_id,
    stream.c.parked_body,
    stream.c.parked_seen,
    stream.c.parked_at,
    where={stream.c.stream: "s"},
)
UNDELIVERED = (
    select(stream.c.stream, stream.c.upto, stream.c.high, stream.c.high_id)
    .where(stream.c.station == bindparam("station"))
    .where(stream.c.stream != bindparam("stream"))
    .where(stream.c.high > stream.c.upto)
)
OTHER_STREAM = (
    select(stream.c.stream)
    .where(stream.c.station == bindparam("station"))
    .where(stream.c.stream != bindparam("stream"))
)
PARKED = (
    select(
        stream.c.stream,
        stream.c.upto,
        stream.c.id,
        stream.c.parked_id,
        stream.c.parked_body,
        stream.c.last_at,
    )
    .where(stream.c.station == bindparam("station"))
    .where(stream.c.parked_id.is_not(None))
)
JOURNAL = insert(journal)
KNOWN = _by(journal.c.fact_id, journal.c.outcome)
DEAD = insert(dead_letter)
ANSWER = insert(answer)
ANSWERED = _by(
    answer.c.request,
    answer.c.outcome,
    answer.c.item,
    answer.c.due,
    answer.c.renewed,
    answer.c.refusal,
    answer.c.at,
)

# --- registry
PLACE = (
    select(station.c.branch, branch_table.c.zone)
    .join(branch_table, branch_table.c.branch == station.c.branch)
    .where(station.c.station == bindparam("station"))
)
ZONE = _by(branch_table.c.branch, branch_table.c.zone)
PATRON = (
    select(patron.c.patron, patron.c["class"], patron.c.expires, patron.c.blocked, patron.c.barred)
    .join(card, card.c.patron == patron.c.patron)
    .where(card.c.card == bindparam("card"))
)
LOANS = select(func.count()).select_from(loan).where(loan.c.patron == bindparam("patron")).where(OPEN)
LOANS_OF_CLASS = (
    select(func.count())
    .select_from(loan.join(item, item.c.item == loan.c.item))
    .where(loan.c.patron == bindparam("patron"))
    .where(item.c["class"] == bindparam("class"))
    .where(OPEN)
)

# --- items and their history
ITEM = _by(
    item.c.item,
    item.c.title,
    item.c["class"],
    item.c.branch,
    item.c.gone,
    item.c.version,
    item.c.title_id,
    item.c.status,
    item.c.place,
    item.c.loan,
    item.c.last_at,
    item.c.last_id,
    item.c.tag,
    item.c.trouble,
)
ITEM_STATE = _set(
    item,
    item.c.version,
    item.c.loan,
    item.c.last_at,
    item.c.last_id,
    item.c.tag,
    item.c.trouble,
    where={item.c.item: "item"},
)
TITLE = _by(item.c.item, item.c.title)
LOAN = _by(
    loan.c.request,
    loan.c.item,
    loan.c.patron,
    loan.c.start,
    loan.c.ended,
    loan.c.due,
    loan.c.renewals,
    loan.c.withdrawn,
    loan.c.contested,
    loan.c.tag,
    loan.c.station,
    loan.c.branch,
)
NEW_LOAN = _following(loan)
END_LOAN = _set(loan, loan.c.ended, where={loan.c.request: "request"})
CLOSE_OTHERS = (
    update(loan)
    .ordered_values((loan.c.ended, loan.c.start))
    .where(loan.c.item == bindparam("item"))
    .where(OPEN)
    .where(loan.c.request != bindparam("request"))
)
WITHDRAW_LOAN = _set(
    loan, (loan.c.withdrawn, true()), (loan.c.ended, null()), where={loan.c.request: "request"}
)
CONTEST_LOAN = _set(loan, (loan.c.contested, true()), where={loan.c.request: "request"})
LOAN_TAG = _set(loan, loan.c.tag, where={loan.c.request: "request"})
LOAN_DUE = _set(loan, loan.c.due, loan.c.renewals, where={loan.c.request: "request"})
FIRST_DUE = _by(loan.c.request, loan.c.first_due, loan.c.renewals)
NEW_RENEWAL = insert(renewal)
RENEWAL = _by(renewal.c.request, renewal.c.loan, renewal.c.withdrawn)
WITHDRAW_RENEWAL = _set(renewal, (renewal.c.withdrawn, true()), where={renewal.c.request: "request"})
RENEWALS = (
    select(renewal.c.due)
    .where(renewal.c.loan == bindparam("loan"))
    .where(renewal.c.withdrawn == false())
    .order_by(renewal.c.at, renewal.c.request)
)
NEW_CHECKIN = _following(checkin)
NEWEST = _set(newest, newest.c.event, where={newest.c.item: "item"})
FIRST = insert(newest)
CHECKIN = _by(checkin.c.fact_id, checkin.c.item, checkin.c.at, checkin.c.secured)
CHECKIN_SECURED = _set(checkin, checkin.c.secured, where={checkin.c.fact_id: "fact_id"})
HISTORY = union_all(
    select(
        loan.c.request,
        loan.c.start,
        loan.c.withdrawn,
        loan.c.tag,
        loan.c.contested,
        loan.c.ended,
        literal_column("1").label("lent"),
    ).where(loan.c.request.in_(EVENTS_OF)),
    select(
        checkin.c.fact_id,
        checkin.c.at,
        literal_column("0"),
        checkin.c.secured,
        literal_column("0"),
        null(),
        literal_column("0"),
    ).where(checkin.c.fact_id.in_(EVENTS_OF)),
)
NEW_CHANGE = insert(change)
LAST_CHANGE = select(func.max(change.c.n))
FLOOR = select(meta.c.value).where(meta.c.key == literal_column("'changes_upto'"))
FORGET_FLOOR = delete(meta).where(meta.c.key == literal_column("'changes_upto'"))
NEW_META = insert(meta)
SEAL = select(meta.c.value).where(meta.c.key == literal_column("'seal'"))

# --- gates and cases
NEW_PASSAGE = insert(passage)
NEW_COUNT = insert(count)
NEW_CASE = insert(case)
CASE = _by(case.c.key, case.c.closed, case.c.kind, case.c.station, case.c.branch)
REOPEN_CASE = _set(
    case,
    case.c.station,
    case.c.branch,
    case.c.detail,
    case.c.opened,
    (case.c.closed, null()),
    (case.c.times, case.c.times + literal_column("1")),
    where={case.c.key: "key"},
)
CLOSE_CASE = _set(case, case.c.closed, where={case.c.key: "key"})
CASES_OF_ITEM = (
    select(case.c.key, case.c.kind, case.c.station, case.c.branch)
    .where(case.c.item == bindparam("item"))
    .where(case.c.closed.is_(None))
)
NOWHERE: Any = literal_column("''")
"""Station of what happened without us (`central.desk_mirror`): nobody reports on its tag."""
UNSETTLED_LOANS = (
    select(loan.c.item, loan.c.station, loan.c.branch)
    .where(loan.c.start.between(bindparam("since"), bindparam("until")))
    .where(loan.c.tag.is_(None))
    .where(loan.c.station != NOWHERE)
    .where(OPEN)
    .where(loan.c.renewals == literal_column("0"))
)
UNSETTLED_CHECKINS = (
    select(checkin.c.item, checkin.c.station, checkin.c.branch)
    .join(item, item.c.item == checkin.c.item)
    .where(checkin.c.at.between(bindparam("since"), bindparam("until")))
    .where(checkin.c.secured.is_(None))
    .where(checkin.c.station != NOWHERE)
    .where(item.c.last_id == checkin.c.fact_id)
)

# --- what an authority elsewhere decides
NEW_ASKED = insert(asked).values(
    {column.name: bindparam(column.name) for column in asked.columns if column.name != "n"}
    | {
        "n": select(
            func.coalesce(func.max(asked.c.n), literal_column("0")) + literal_column("1")
        ).scalar_subquery()
    }
)
ASKED = _by(asked.c.request, *asked.columns)
ASKED_OPEN = select(*asked.columns).where(UNFINISHED).order_by(asked.c.n)
ASKED_ABOUT = select(asked.c.request).where(asked.c.item == bindparam("item")).where(UNFINISHED)
ASKED_STATE = _set(
    asked,
    asked.c.state,
    asked.c.since,
    asked.c.withdrawn,
    asked.c.outcome,
    where={asked.c.request: "request"},
)

# --- alarms that are raised in the commit of their fact
STATION_NAME = _by(station.c.station, station.c.name)
OPEN_ALARM = (
    select(alarm.c.alarm)
    .where(alarm.c.station == bindparam("station"))
    .where(alarm.c.part == bindparam("part"))
    .where(alarm.c.rule == bindparam("rule"))
    .where(alarm.c.closed.is_(None))
)
