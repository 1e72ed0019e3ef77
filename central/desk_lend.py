"""Requests at the desk: checkout, renew, and taking one back (streams.md L7, L8)."""

from typing import Literal

from central.desk_asked import ask, here, take_back
from central.desk_fees import charge_rental, drop_rental
from central.desk_holds import end, free_copies, holds_on, item_of, wait_again
from central.desk_items import lend, refold
from central.desk_return import FOUND, HELD_BACK
from central.desk_scene import Scene
from central.ledger.rows import AnswerRow, ItemRow, LoanRow, PatronRow
from circulation.decide import Decision, Granted, Withdrawal, decide_happened, decide_withdrawal
from circulation.due import due_date, local_date
from circulation.fees import owing
from circulation.model import Asked, Block, Patron, Place
from circulation.policy import ANY
from wire.messages.facts import Checkout, Renew, Withdrawn
from wire.messages.stream import Answer, Refusal


def request(scene: Scene, body: Checkout | Renew, told: Answer | None) -> tuple[AnswerRow | None, str | None]:
    """Decide a request, or record it as it happened when the station brings its answer along (L7).

    Returns the answer, stored, and the item's title, which is said but not stored with it. There is no
    answer yet when the request is decided elsewhere: it is committed as *asked*, and pushed later.
    """
    row = scene.hot.item(body.item)
    patron = scene.hot.patron(body.card)
    title = None if row is None else row.title
    if told is not None:
        return _as_happened(scene, body, told, row, patron), title
    asked = asked_of(scene, "checkout" if isinstance(body, Checkout) else "renew", row, patron)
    decision = scene.group.authority.decide(asked, scene.at)
    offline = isinstance(body, Checkout) and body.offline
    if decision is None:
        holder = body.card if patron is None else patron.patron
        ask(scene, asked.kind, body.item, card=body.card, patron=holder, happened=offline)
        if not offline:
            return None, title
        return record(scene, asked.kind, body.item, provisional(scene, row, patron), row, holder), title
    if offline and isinstance(decision, Refusal) and row and patron:
        scene.open_case("lent-offline-against-rule", scene.fact, item=body.item, detail=decision.code)
        decision = decide_happened(scene.group.policy, asked, scene.at).granted
    if offline:
        _doubtful(scene, body.item)
    return record(
        scene, asked.kind, body.item, decision, row, None if patron is None else patron.patron
    ), title


def asked_of(
    scene: Scene,
    kind: Literal["checkout", "renew"],
    row: ItemRow | None,
    patron: PatronRow | None,
    *,
    fee_accepted: bool = False,
) -> Asked:
    """Return what the rules look at."""
    holds = holds_on(scene, row)
    return Asked(
        kind=kind,
        request=scene.fact,
        patron=None if patron is None else patron_of(scene, patron, row),
        item=None if row is None else item_of(scene, row, held_back(row)),
        place=Place(scene.branch, scene.zone),
        left=row is not None and not row.state.before(scene.at, scene.fact),
        holds=holds,
        fee_accepted=fee_accepted,
        free_copies=free_copies(scene, row, holds),
    )


def patron_of(scene: Scene, row: PatronRow, item: ItemRow | None) -> Patron:
    """Return a patron as the rules look at one who asks for this item, or (None) for no loan at all."""
    hot, of_class, overdue = scene.hot, 0, 0
    item_class = ANY if item is None else item.item_class
    terms = scene.group.policy.terms(row.patron_class, item_class, scene.branch)
    if item is not None and terms.class_limit is not None:
        of_class = hot.loans_of_class(row.patron, item.item_class)
    if terms.overdue_limit is not None:
        overdue = hot.overdue(row.patron, local_date(scene.at, scene.zone))
    patron = Patron(
        row.patron, row.patron_class, row.expires, hot.loans(row.patron), of_class, blocks(row), overdue
    )
    if scene.group.policy.block_at is not None and scene.group.any_owed():
        return owing(patron, hot.fees_of(row.patron))
    return patron


def held_back(row: ItemRow) -> tuple[Block, ...]:
    """Return why an item is not lent that the library has, but not yet or not at all for loan."""
    return (Block("item-not-for-loan"),) if row.status in HELD_BACK else ()


def blocks(row: PatronRow) -> tuple[Block, ...]:
    """Return what staff, or a terminal, put in the way of a card."""
    found = (Block(row.blocked),) if row.blocked else ()
    return (*found, Block("card-blocked")) if row.barred else found


def provisional(scene: Scene, row: ItemRow | None, patron: PatronRow | None) -> Granted:
    """Lent while central was away: it happened, so it is recorded, by the terms that we know."""
    patron_class, item_class = patron.patron_class if patron else ANY, row.item_class if row else ANY
    terms = scene.group.policy.terms(patron_class, item_class, scene.branch)
    calendar = scene.group.policy.due_calendar(scene.branch)
    return Granted(due_date(scene.at, scene.zone, terms.loan_days, calendar))


def record(
    scene: Scene,
    kind: Literal["checkout", "renew"],
    item: str,
    decision: Decision,
    row: ItemRow | None,
    holder: str | None,
) -> AnswerRow:
    """Write the effect of a decision, and the answer beside it."""
    now = scene.group.now
    if isinstance(decision, Refusal):
        scene.tell("refused", decision.code)
        answer = AnswerRow(scene.fact, "refused", item, None, False, decision, now)
    else:
        if holder is None or (row is None and scene.group.authority.at_once):
            raise ValueError("granted without item or patron")
        apply(scene, kind, item, decision, row, holder)
        answer = AnswerRow(scene.fact, "granted", item, decision.due, decision.renewed, None, now)
    scene.hot.answer(answer)
    return answer


def apply(
    scene: Scene,
    kind: Literal["checkout", "renew"],
    item: str,
    granted: Granted,
    row: ItemRow | None,
    holder: str | None,
) -> None:
    """Write what was granted. A checkout is an event of the item even when it renews: the item lies on this
    pad now. A renew is none: it only moves the due date."""
    scene.tell("renew" if granted.renewed else "checkout")
    if kind == "checkout":
        lend(scene, item, row, (holder, granted.due.isoformat(), granted.renewals))
        if row is not None and row.status in FOUND:
            scene.hot.whereabouts(item, "", row.place)
    elif row is not None and row.state.loan is not None:
        scene.hot.new_renewal(scene.fact, row.state.loan, scene.at, granted.due)
        scene.hot.loan_due(row.state.loan, granted.due, granted.renewals)
    if holder is not None:
        charge_rental(scene, holder, item, granted.fee)
    if granted.hold is not None:
        end(scene, granted.hold, granted.freed, item)  # of a loan told late the item may be back


def _as_happened(
    scene: Scene, body: Checkout | Renew, told: Answer, row: ItemRow | None, patron: PatronRow | None
) -> AnswerRow:
    """A restored ledger hears of a request that was answered before: it is not decided anew."""
    answered = int(told.at.timestamp() * 1000)
    if told.outcome == "refused" or told.due is None:
        code = told.refusal or Refusal(code="refused-before")
        answer = AnswerRow(scene.fact, "refused", body.item, None, False, code, answered)
        scene.hot.answer(answer)
        return answer
    holder = None if patron is None else patron.patron
    if holder is None:
        scene.open_case("lent-to-unknown-card", scene.fact, item=body.item)
    if row is None:
        scene.open_case("item-unknown-lent", body.item, item=body.item)
    if isinstance(body, Checkout):
        scene.tell("renew" if told.renewed else "checkout", "again")
        _doubtful(scene, body.item)
        lend(scene, body.item, row, (holder, told.due.isoformat(), 1 if told.renewed else 0))
    else:
        _renewed_before(scene, told, row, holder)
    answer = AnswerRow(scene.fact, "granted", body.item, told.due, told.renewed, None, answered)
    scene.hot.answer(answer)
    return answer


def _doubtful(scene: Scene, item: str) -> None:
    """A loan that is told late, of a time that nobody knows: the item may be back since."""
    if scene.doubt:
        scene.open_doubt(item, "lent, perhaps before a return that came")


def _renewed_before(scene: Scene, told: Answer, row: ItemRow | None, holder: str | None) -> None:
    """A renewal that happened: it moves the due date of the patron's loan, if that one is still known."""
    loan = None if row is None or row.state.loan is None else scene.hot.loan(row.state.loan)
    if loan is None or loan.patron != holder or told.due is None:
        scene.open_case("renewed-without-loan", scene.fact, item="" if row is None else row.item)
        return
    scene.hot.new_renewal(scene.fact, loan.request, scene.at, told.due)
    scene.hot.loan_due(loan.request, max(loan.due, told.due), loan.renewals + 1)


def withdrawn(scene: Scene, body: Withdrawn) -> str | None:
    """Take a request back (L8), elsewhere too. Returns the item it was about, if the request is known."""
    asked = here(scene, body.request)
    item, come_to = _withdraw(scene, body)
    if asked is not None:
        take_back(scene, asked, come_to)
        return asked.item
    return item


def _withdraw(scene: Scene, body: Withdrawn) -> tuple[str | None, Withdrawal]:
    loan = scene.hot.loan(body.request)
    if loan is None:
        renewal = scene.hot.renewal(body.request)
        if renewal is None or renewal[1]:
            return None, "nothing"
        scene.hot.withdraw_renewal(body.request, renewal[0])
        drop_rental(scene, body.request)
        scene.tell("withdrawn", body.reason)
        return None, "undo"
    come_to = decide_withdrawal(known=not loan.withdrawn, tag_written=loan.tag == "written")
    row = scene.hot.item(loan.item)
    if come_to == "undo":
        undo_loan(scene, loan, row, body.reason)
    elif come_to == "keep":
        scene.hot.contest_loan(loan.request)
        scene.open_case("withdrawn-after-written", loan.item, item=loan.item, detail=body.reason)
        refold(scene, loan.item, row)
    return loan.item, come_to


def undo_loan(scene: Scene, loan: LoanRow, row: ItemRow | None, reason: str) -> None:
    """A loan is as if it had never been."""
    scene.hot.withdraw_loan(loan.request)
    scene.tell("withdrawn", reason)
    refold(scene, loan.item, row)
    if scene.group.authority.at_once:
        drop_rental(scene, loan.request)
        wait_again(scene, loan)
