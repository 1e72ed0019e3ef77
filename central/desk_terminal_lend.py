"""Lending, renewing and returning at terminals of other makes, with the rules that hold at the kiosks."""

from dataclasses import replace
from typing import assert_never

from central.desk_holds import release
from central.desk_items import refold
from central.desk_lend import apply, asked_of, undo_loan
from central.desk_return import came_back
from central.desk_scene import Scene
from central.desk_terminal_deed import Deed, refused
from central.ledger.rows import ItemRow, LoanRow, PatronRow, moment
from central.terminal import AllRenewed, Back, Lend, Lent, Refused, Renew, RenewAll, Return
from circulation import history
from circulation.decide import Granted, decide_happened
from circulation.holds import HoldShelf, InTransit
from circulation.model import Asked
from circulation.money import minor
from wire.ids import fact_id
from wire.messages.stream import Refusal

UNDONE_MS = 600_000
"""How long after a return its terminal may find that the tag cannot be secured: one tries for seconds."""
NO_RENEWAL = Refusal(code="renewal-not-allowed", next_step="none")


def lend_out(scene: Scene, do: Lend) -> Deed:
    """Lend an item, lend it on, or undo its return."""
    row, patron = scene.hot.item(do.item), scene.hot.patron(do.card)
    if do.cancel:
        return _undo_return(scene, do, row, patron)
    asked = asked_of(scene, "checkout", row, patron, fee_accepted=do.fee_acknowledged)
    if do.happened:
        granted = _as_happened(scene, do, asked)
    else:
        decision = scene.group.authority.decide(asked, scene.at)
        if not isinstance(decision, Granted):
            return _refused(scene, decision, do.item)
        if decision.renewed and not do.renewal:
            return refused(NO_RENEWAL, do.item)
        granted = decision
    apply(scene, "checkout", do.item, granted, row, None if patron is None else patron.patron)
    return _lent(granted, do.item, scene.fact)


def renew(scene: Scene, do: Renew) -> Deed:
    """Renew one loan: its due date moves, the item stays where it is."""
    row, patron = scene.hot.item(do.item), scene.hot.patron(do.card)
    asked = asked_of(scene, "renew", row, patron, fee_accepted=do.fee_acknowledged)
    if do.happened:
        granted = _as_happened(scene, do, asked)
        if row is None or patron is None or _open_loan(scene, row, patron) is None:
            scene.open_case("renewed-without-loan", scene.fact, item=do.item)
            return Deed(Lent(granted.due, renewed=True), do.item)
    else:
        decision = scene.group.authority.decide(asked, scene.at)
        if not isinstance(decision, Granted):
            return _refused(scene, decision, do.item)
        granted = decision
    apply(scene, "renew", do.item, granted, row, None if patron is None else patron.patron)
    return _lent(granted, do.item, None if row is None else row.state.loan)


def renew_all(scene: Scene, do: RenewAll) -> Deed:
    """Renew every loan of a patron that may be renewed, each by itself."""
    patron = scene.hot.patron(do.card)
    if patron is None:
        return refused("unknown-card")
    renewed, not_renewed = [], []
    fact = scene.fact
    for item in scene.hot.items_of(patron.patron):
        scene.fact = fact_id(moment(scene.group.now))
        row = scene.hot.item(item)
        asked = asked_of(scene, "renew", row, patron, fee_accepted=do.fee_acknowledged)
        decision = scene.group.authority.decide(asked, scene.at)
        if isinstance(decision, Granted):
            apply(scene, "renew", item, decision, row, patron.patron)
            renewed.append(item)
        else:
            not_renewed.append(item)
    scene.fact = fact
    return Deed(AllRenewed(tuple(renewed), tuple(not_renewed)))


def give_back(scene: Scene, do: Return) -> Deed:
    """Take an item back, or undo its loan."""
    if do.cancel:
        return _undo_loan(scene, do)
    came = came_back(scene, do.item, "terminal")
    if came.row is None:
        return Deed(Back(known=False, alert="other"), do.item)
    ended = came.loan or scene.hot.loan_ended(do.item, scene.at)
    back = Back(known=True, fine=came.fine)
    match came.caught:
        case HoldShelf(hold=hold):
            return Deed(replace(back, alert="hold-here"), do.item, ended, hold.hold)
        case InTransit(hold=hold, to=branch):
            return Deed(replace(back, alert="hold-elsewhere", to_branch=branch), do.item, ended, hold.hold)
        case None:
            if came.row.branch != scene.branch:
                back = replace(back, alert="transit", to_branch=came.row.branch)
            return Deed(back, do.item, ended)
        case _:
            assert_never(came.caught)


def _as_happened(scene: Scene, do: Lend | Renew, asked: Asked) -> Granted:
    """It happened, so it is recorded; what should not have happened is a case."""
    happened = decide_happened(scene.group.policy, asked._replace(left=False), scene.at, do.due)
    if asked.patron is None:
        scene.open_case("lent-to-unknown-card", scene.fact, item=do.item)
    if asked.item is None:
        scene.open_case("item-unknown-lent", do.item, item=do.item)
    if happened.broke is not None and asked.patron is not None and asked.item is not None:
        scene.open_case("lent-offline-against-rule", scene.fact, item=do.item, detail=happened.broke.code)
    return happened.granted


def _lent(granted: Granted, item: str, loan: str | None) -> Deed:
    kind = "rental" if granted.fee else ""
    return Deed(Lent(granted.due, renewed=granted.renewed, fee=granted.fee, fee_kind=kind), item, loan)


def _refused(scene: Scene, refusal: Refusal | None, item: str) -> Deed:
    """Refuse; with a fee that the patron has to agree to, say how much."""
    deed = refused(refusal or "not-possible-now", item)
    if refusal is None or refusal.code != "fee-to-acknowledge":
        return deed
    fee = minor(str(refusal.params["fee"]), scene.group.policy.fees.currency)
    return Deed(Refused(refusal, fee=fee, fee_kind="rental"), item)


# --- what is undone because a tag could not be switched


def _last(scene: Scene, item: str) -> history.ItemEvent | None:
    """Return what happened to an item last, be it undone or not."""
    events, _ = scene.hot.history(item)
    return max(events, key=history.order, default=None)


def _undo_loan(scene: Scene, do: Return) -> Deed:
    """The tag could not be unlocked: the loan is as if it had never been, in no count. Once more: no change.

    Where the last loan was not made here, the item is simply back: that is what the patron sees.
    """
    row, last = scene.hot.item(do.item), _last(scene, do.item)
    loan = scene.hot.loan(last.id) if isinstance(last, history.Lent) else None
    if loan is not None and loan.tag == "told" and loan.station == scene.station:
        if not loan.withdrawn:
            undo_loan(scene, loan, row, "tag-failed")
        return Deed(Back(known=row is not None), do.item, loan=loan.request)
    if row is not None and row.state.loan is None:
        return Deed(Back(known=True), do.item)
    return give_back(scene, Return(do.item, do.happened))


def _undo_return(scene: Scene, do: Lend, row: ItemRow | None, patron: PatronRow | None) -> Deed:
    """The tag could not be secured: the patron keeps the item. Once more: no change."""
    last = _last(scene, do.item)
    if row is None or patron is None:
        return refused("item-unknown" if row is None else "unknown-card", do.item)
    if isinstance(last, history.Returned) and last.secured == "told":
        ended = scene.hot.loan_ended(do.item, last.at)
        loan = None if ended is None else scene.hot.loan(ended)
        if loan is None or not _is_whose(scene, loan, last, patron):
            return refused("not-on-loan", do.item)
        scene.hot.checkin_secured(last.id, "undone")
        scene.tell("withdrawn", "tag-failed")
        release(scene, do.item)
        if loan.patron is None:
            scene.hot.loan_patron(loan.request, patron.patron)
        refold(scene, do.item, row)
        return Deed(Lent(loan.due), do.item, loan=loan.request)
    held = _open_loan(scene, row, patron)
    if held is not None:
        return Deed(Lent(held.due), do.item, loan=held.request)
    return refused("not-on-loan", do.item)


def _is_whose(scene: Scene, loan: LoanRow, last: history.Returned, patron: PatronRow) -> bool:
    """Say whether a loan that ended was this patron's.

    A library may forget that within the minute. Then the card is believed, but only of the terminal that has
    just taken the item back: it told whose it was, and nobody else can know.
    """
    if loan.patron is not None:
        return loan.patron == patron.patron
    return scene.at - last.at <= UNDONE_MS and scene.hot.checkin_station(last.id) == scene.station


def _open_loan(scene: Scene, row: ItemRow, patron: PatronRow) -> LoanRow | None:
    """Return the open loan of an item if it is this patron's."""
    loan = None if row.state.loan is None else scene.hot.loan(row.state.loan)
    return loan if loan is not None and loan.patron == patron.patron else None
