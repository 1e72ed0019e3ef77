"""Requests at the desk: checkout, renew, and taking one back (streams.md L7, L8)."""

from central.desk_items import lend, refold
from central.desk_scene import Scene
from central.ledger.rows import AnswerRow, ItemRow, PatronRow
from circulation.decide import Decision, Granted, decide_withdrawal
from circulation.due import due_date
from circulation.model import Asked, Block, Item, OpenLoan, Patron, Place
from wire.messages.facts import Checkout, Renew, Withdrawn
from wire.messages.stream import Answer, Refusal


def request(scene: Scene, body: Checkout | Renew, told: Answer | None) -> tuple[AnswerRow, str | None]:
    """Decide a request, or record it as it happened when the station brings its answer along (L7).

    Returns the answer, stored, and the item's title, which is said but not stored with it.
    """
    row = scene.hot.item(body.item)
    patron = scene.hot.patron(body.card)
    title = None if row is None else row.title
    if told is not None:
        return _as_happened(scene, body, told, row, patron), title
    asked = _ask(scene, body, row, patron)
    decision = scene.group.authority.decide(asked, scene.at)
    if isinstance(body, Checkout) and body.offline and isinstance(decision, Refusal) and row and patron:
        decision = _lent_already(scene, body, decision, row, patron)
    return _record(scene, body, decision, row, patron), title


def _ask(scene: Scene, body: Checkout | Renew, row: ItemRow | None, patron: PatronRow | None) -> Asked:
    return Asked(
        kind="checkout" if isinstance(body, Checkout) else "renew",
        request=scene.fact,
        patron=None if patron is None else _patron(scene, patron, row),
        item=None if row is None else _item(scene, row),
        place=Place(scene.branch, scene.zone),
        left=row is not None and not row.state.before(scene.at, scene.fact),
    )


def _patron(scene: Scene, row: PatronRow, item: ItemRow | None) -> Patron:
    hot, of_class = scene.hot, 0
    if item is not None:
        terms = scene.group.policy.terms(row.patron_class, item.item_class, scene.branch)
        if terms.class_limit is not None:
            of_class = hot.loans_of_class(row.patron, item.item_class)
    blocks = (Block(row.blocked),) if row.blocked else ()
    return Patron(row.patron, row.patron_class, row.expires, hot.loans(row.patron), of_class, blocks)


def _item(scene: Scene, row: ItemRow) -> Item:
    open_loan = None
    if row.state.loan is not None:
        loan = scene.hot.loan(row.state.loan)
        if loan is not None:
            open_loan = OpenLoan(loan.request, loan.patron, loan.due, loan.renewals)
    return Item(row.item, row.item_class, row.branch, row.gone, open_loan)


def _lent_already(
    scene: Scene, body: Checkout, refusal: Refusal, row: ItemRow, patron: PatronRow
) -> Decision:
    """Lent provisionally while central was away: it happened, so it is recorded, with a case."""
    scene.open_case("lent-offline-against-rule", scene.fact, item=body.item, detail=refusal.code)
    terms = scene.group.policy.terms(patron.patron_class, row.item_class, scene.branch)
    return Granted(due_date(scene.at, scene.zone, terms.loan_days))


def _record(
    scene: Scene, body: Checkout | Renew, decision: Decision, row: ItemRow | None, patron: PatronRow | None
) -> AnswerRow:
    """Write the effect of a decision, and the answer beside it."""
    if isinstance(decision, Refusal):
        scene.tell("refused", decision.code)
        answer = AnswerRow(scene.fact, "refused", body.item, None, False, decision, scene.group.now)
    else:
        if row is None or patron is None:
            raise ValueError("granted without item or patron")
        _lend_or_renew(scene, body, decision, row, patron.patron)
        answer = AnswerRow(
            scene.fact, "granted", body.item, decision.due, decision.renewed, None, scene.group.now
        )
    scene.hot.answer(answer)
    return answer


def _lend_or_renew(scene: Scene, body: Checkout | Renew, granted: Granted, row: ItemRow, patron: str) -> None:
    """A checkout is an event of the item even when it renews: the item lies on this pad now. A renew is
    none: it only moves the due date."""
    scene.tell("renew" if granted.renewed else "checkout")
    if isinstance(body, Checkout):
        lend(scene, body.item, row, (patron, granted.due.isoformat(), granted.renewals))
    elif row.state.loan is not None:
        scene.hot.new_renewal(scene.fact, row.state.loan, scene.at, granted.due)
        scene.hot.loan_due(row.state.loan, granted.due, granted.renewals)


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
        lend(scene, body.item, row, (holder, told.due.isoformat(), 1 if told.renewed else 0))
    else:
        _renewed_before(scene, told, row, holder)
    answer = AnswerRow(scene.fact, "granted", body.item, told.due, told.renewed, None, answered)
    scene.hot.answer(answer)
    return answer


def _renewed_before(scene: Scene, told: Answer, row: ItemRow | None, holder: str | None) -> None:
    """A renewal that happened: it moves the due date of the patron's loan, if that one is still known."""
    loan = None if row is None or row.state.loan is None else scene.hot.loan(row.state.loan)
    if loan is None or loan.patron != holder or told.due is None:
        scene.open_case("renewed-without-loan", scene.fact, item="" if row is None else row.item)
        return
    scene.hot.new_renewal(scene.fact, loan.request, scene.at, told.due)
    scene.hot.loan_due(loan.request, max(loan.due, told.due), loan.renewals + 1)


def withdrawn(scene: Scene, body: Withdrawn) -> str | None:
    """Take a request back (L8). Returns the item it was about, if the request is known."""
    loan = scene.hot.loan(body.request)
    if loan is None:
        renewal = scene.hot.renewal(body.request)
        if renewal is not None and not renewal[1]:
            scene.hot.withdraw_renewal(body.request, renewal[0])
            scene.tell("withdrawn", body.reason)
        return None
    come_to = decide_withdrawal(known=not loan.withdrawn, tag_written=loan.tag == "written")
    row = scene.hot.item(loan.item)
    if come_to == "undo":
        scene.hot.withdraw_loan(loan.request)
        scene.tell("withdrawn", body.reason)
        refold(scene, loan.item, row)
    elif come_to == "keep":
        scene.hot.contest_loan(loan.request)
        scene.open_case("withdrawn-after-written", loan.item, item=loan.item, detail=body.reason)
        refold(scene, loan.item, row)
    return loan.item
