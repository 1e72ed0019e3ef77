"""Fees at the desk: what a late return and a loan cost, charged in the commit of the return or the loan.

A fine follows from its loan's due date and from when the loan ended, which late facts may still move. So it
is one row per loan, under an id that is worked out from the loan's; whatever moves the end moves the amount.
What was paid of it is never taken back.
"""

import hashlib
from typing import Literal

from central.desk_scene import Scene
from central.ledger.rows import ItemRow, LoanRow
from circulation import history
from circulation.due import local_date
from circulation.fees import Fee, overdue_fine


def fee_id(kind: Literal["overdue", "rental"], of: str) -> str:
    """Return the id of the fee for a loan, a renewal or a lateness."""
    return hashlib.blake2b(f"{kind}:{of}".encode(), digest_size=16).hexdigest()


def charge_rental(scene: Scene, patron: str, item: str, amount: int) -> None:
    """Charge for a loan or a renewal, which is the scene's request."""
    if amount > 0:
        scene.hot.new_fee(Fee(fee_id("rental", scene.fact), patron, item, "rental", amount, 0, scene.at))
        scene.group.beside()


def drop_rental(scene: Scene, request: str) -> None:
    """A loan or renewal was undone: nothing is owed for it any more."""
    if scene.group.any_owed():
        known = scene.hot.fee(fee_id("rental", request))
        if known is not None:
            scene.hot.fee_amount(known.fee, known.paid)


def charge_fine(scene: Scene, row: ItemRow, loan: LoanRow | None, ended: int | None) -> int:
    """Bring the fine of a loan to what it is for a return at `ended` (None: it did not end by a return).

    Returns the fine. A loan whose patron was forgotten is not charged any more.
    """
    if loan is None:
        return 0
    known = scene.hot.fee(fee_id("overdue", loan.request))
    if loan.patron is None:
        return 0 if known is None else known.amount
    amount = 0 if ended is None else _fine(scene, row, loan, loan.patron, ended)
    if known is None:
        if amount > 0:
            fee = Fee(fee_id("overdue", loan.request), loan.patron, row.item, "overdue", amount, 0, scene.at)
            scene.hot.new_fee(fee)
            scene.group.beside()
    elif max(amount, known.paid) != known.amount:
        scene.hot.fee_amount(known.fee, max(amount, known.paid))
        scene.group.beside()
    return amount


def settle_fines(scene: Scene, row: ItemRow) -> None:
    """The item's history was folded anew: bring the fines of its loans to what it comes to."""
    events, ends = scene.hot.history(row.item)
    returns = {e.at for e in events if isinstance(e, history.Returned) and e.secured != "undone"}
    for event in events:
        if isinstance(event, history.Lent):
            ended = None if event.withdrawn else ends.get(event.id)
            charge_fine(scene, row, scene.hot.loan(event.id), ended if ended in returns else None)


def _fine(scene: Scene, row: ItemRow, loan: LoanRow, patron: str, ended: int) -> int:
    policy = scene.group.policy
    terms = policy.terms(scene.hot.patron_class(patron) or "*", row.item_class, loan.branch)
    zone = scene.hot.zone(loan.branch) or "UTC"
    return overdue_fine(terms, loan.due, local_date(ended, zone), policy.fine_calendar(loan.branch))
