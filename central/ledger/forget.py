"""Forgetting who had what (design §7): in every copy, and in the pages of the file too.

A loan that ended is kept without its patron once the retention is over, unless a case about its item is
open. It counts as ended for good when a return came after it began, or when the item was lent again and that
request has written its tag: such a one waits a day. While all that lent the item again can be withdrawn the
loan may come back, so it waits for them, 30 days at most: stations are away for days. A hold that
is over, a paid fee and a payment lose their patron as well; the amounts stay. What terminals may repeat is
gone after a day; of what had happened before it was told a line stays for 45, which names nobody.

The connection runs with `secure_delete`, and the write-ahead log is cut off after a pass that forgot
something: what was forgotten is then in no page of any file. While somebody reads the ledger that cannot be
done, and nobody waits for it: it is tried again with each pass until it is.
"""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, delete, exists, func, literal_column, or_, select, update
from sqlalchemy.dialects import sqlite

from central.ledger.hot_sqlite import Hot
from central.ledger.rows import DAY_MS
from central.ledger.schema import (
    FINISHED,
    HELD,
    OPEN,
    asked,
    case,
    change,
    dead_letter,
    fee,
    hold,
    loan,
    payment,
    repeat,
)
from central.ledger.schema_services import OVER_NAMED, PAID_NAMED, PAYER
from circulation.history import Lent
from circulation.policy import Retention

HAPPENED_MS = 45 * DAY_MS
"""How long what had happened is known again when it is told once more: as long as stations keep theirs."""
HAPPENED = "happened:"
"""With what the digests begin that are kept so long; they are made of no card (`desk_terminal_repeat`)."""
MAY_COME_BACK_MS = 30 * DAY_MS
"""How long a loan waits at most for the requests that lent its item again."""
_DIALECT = sqlite.dialect(paramstyle="named")

_OVER_AT = func.coalesce(loan.c.ended, loan.c.start)
_IN_CASE = exists().where(case.c.item == loan.c.item).where(case.c.closed.is_(None))
_again = loan.alias("again")
_LENT_AGAIN = and_(
    _again.c.item == loan.c.item,
    OPEN,  # of the inner one, as SQL finds names: `one_open_loan` has it
    _again.c.start >= loan.c.ended,
    _again.c.tag.is_distinct_from(literal_column("'written'")),
    ~loan.c.withdrawn,
    loan.c.ended > bindparam("at_most"),
)
"""The item is on loan by a request whose tag was not reported. There is one while a loan may come back, and
where it ended that loan itself there is nothing between the two that could be in the way."""
_LOANS = (
    update(loan)
    .values(patron=literal_column("NULL"))
    .where(HELD)
    .where(bindparam("for_good") >= _OVER_AT)
    .where(~_IN_CASE)
    .where(~exists().where(_LENT_AGAIN))
)
_BEFORE_OTHERS = (
    select(loan.c.request, loan.c.item, loan.c.ended)
    .where(HELD)
    .where(bindparam("for_good") >= _OVER_AT)
    .where(~_IN_CASE)
    .where(exists().where(_LENT_AGAIN).where(_again.c.start > loan.c.ended))
)
_LATELY = (
    select(loan.c.request, loan.c.item, loan.c.start)
    .where(HELD)
    .where(bindparam("for_good") < _OVER_AT)
    .where(bindparam("until") >= _OVER_AT)
    .where(~_IN_CASE)
)
_DEAD = (
    update(dead_letter)
    .values(body=literal_column("NULL"))
    .where(dead_letter.c.body.is_not(None))
    .where(dead_letter.c.received <= bindparam("until"))
)
_IN_CASE_OF_ASKED = exists().where(case.c.item == asked.c.item).where(case.c.closed.is_(None))
_ASKED = (
    update(asked)
    .values(card=literal_column("NULL"), patron=literal_column("NULL"))
    .where(asked.c.card.is_not(None))
    .where(FINISHED)
    .where(~_IN_CASE_OF_ASKED)
)
_HOLDS = (
    update(hold)
    .values(patron=literal_column("NULL"))
    .where(OVER_NAMED)
    .where(hold.c.ended <= bindparam("until"))
)
_FEES = (
    update(fee).values(patron=literal_column("NULL")).where(PAID_NAMED).where(fee.c.at <= bindparam("until"))
)
_PAYMENTS = (
    update(payment)
    .values(patron=literal_column("NULL"))
    .where(PAYER)
    .where(payment.c.at <= bindparam("until"))
)
_OF_REQUESTS = repeat.c.digest.not_like(literal_column(f"'{HAPPENED}%'"))
_REPEATS = (
    delete(repeat)
    .where(repeat.c.at <= bindparam("until"))
    .where(or_(repeat.c.at <= bindparam("happened"), _OF_REQUESTS))
)
_LAST_OLD = select(func.max(change.c.n)).where(change.c.at <= bindparam("until"))
_CHANGES = delete(change).where(change.c.n <= bindparam("upto"))


def _sql(statement: object) -> str:
    return str(statement.compile(dialect=_DIALECT))  # type: ignore[attr-defined]  # every statement compiles


LOANS, LATELY, BEFORE_OTHERS = (_sql(s) for s in (_LOANS, _LATELY, _BEFORE_OTHERS))
DEAD, ASKED = _sql(_DEAD), _sql(_ASKED)
LAST_OLD, CHANGES = _sql(_LAST_OLD), _sql(_CHANGES)
HOLDS, FEES, PAYMENTS, REPEATS = (_sql(s) for s in (_HOLDS, _FEES, _PAYMENTS, _REPEATS))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one pass forgot."""

    loans: int
    dead_letters: int
    changes: int
    holds: int = 0
    fees: int = 0
    payments: int = 0


def forget(hot: Hot, retention: Retention, now: int) -> Forgotten:
    """Forget what is due at `now` (ms), in one transaction of its own."""
    run = hot.connection.execute
    hot.begin()
    try:
        until = now - retention.loan_days * DAY_MS
        loans = _forget_loans(hot, now, until)
        dead = run(DEAD, {"until": now - retention.dead_letter_days * DAY_MS}).rowcount
        asked_for = run(ASKED).rowcount
        beside = [run(sql, {"until": until}).rowcount for sql in (HOLDS, FEES, PAYMENTS)]
        repeats = run(REPEATS, {"until": now - DAY_MS, "happened": now - HAPPENED_MS}).rowcount
        changes = _prune_changes(hot, now - retention.change_days * DAY_MS)
        hot.commit()
    except BaseException:
        hot.rollback()
        raise
    if loans or dead or asked_for or any(beside) or repeats:
        hot.to_shed = True
    if hot.to_shed:
        hot.shed()
    return Forgotten(loans, dead, changes, *beside)


def _forget_loans(hot: Hot, now: int, until: int) -> int:
    """Forget who had what: all that is over for good, and of what ended since what came back."""
    run, for_good = hot.connection.execute, min(until, now - DAY_MS)
    ended = {"for_good": for_good, "at_most": now - MAY_COME_BACK_MS}
    forgotten = run(LOANS, ended).rowcount
    before_others = run(BEFORE_OTHERS, ended).fetchall()
    over = [request for request, item, at in before_others if _stays_over(hot, request, item, at)]
    lately = run(LATELY, {"for_good": for_good, "until": until}).fetchall() if until > for_good else ()
    over += [request for request, item, start in lately if hot.returned_since(item, start)]
    for request in over:
        hot.loan_patron(request, None)
    return forgotten + len(over)


def _stays_over(hot: Hot, request: str, item: str, ended: int) -> bool:
    """Say whether a loan stays over whatever is withdrawn of what came after it."""
    events, _ = hot.history(item)
    return any(
        event.tag == "written" and not event.withdrawn
        if isinstance(event, Lent)
        else event.secured != "undone"
        for event in events
        if event.at >= ended and event.id != request
    )


def _prune_changes(hot: Hot, until: int) -> int:
    """Prune old item changes; the number up to which they are gone is kept, so that numbering goes on."""
    upto = hot.connection.execute(LAST_OLD, {"until": until}).fetchone()[0]
    if upto is None:
        return 0
    hot.changes_pruned(upto)
    return hot.connection.execute(CHANGES, {"upto": upto}).rowcount
