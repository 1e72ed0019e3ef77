"""An item comes back, at a kiosk, a bin or a terminal."""

from dataclasses import dataclass

from central.desk_asked import ask
from central.desk_fees import charge_fine
from central.desk_holds import Caught, catch
from central.desk_items import append, refold
from central.desk_scene import Scene
from central.desk_time import SLACK_MS
from central.ledger.rows import ItemRow
from circulation.decide import decide_checkin
from circulation.history import Returned
from circulation.model import Item

FOUND = frozenset({"lost", "missing", "claimed-returned"})
"""Status words that are over when the item is seen again."""
HELD_BACK = frozenset({"not-for-loan", "on-order", "in-process"})
"""Status words with which an item is not lent, wherever it lies."""


@dataclass(frozen=True, slots=True)
class Came:
    """What a return came to. `row` is the item as it was; None: it is not in the ledger."""

    row: ItemRow | None
    loan: str | None = None
    """The loan that it ended, when that is known at once."""
    caught: Caught | None = None
    fine: int = 0


def came_back(scene: Scene, item: str, via: str) -> Came:
    """The item is back, whoever had it: a loan ends at the earliest later event."""
    row = scene.hot.item(item)
    scene.hot.new_checkin((scene.fact, item, scene.at, scene.station, scene.branch, via, scene.tag))
    scene.tell("checkin", via)
    if not scene.group.authority.at_once:
        ask(scene, "checkin", item, happened=True)
    known = None if row is None else Item(row.item, row.item_class, row.branch)
    if decide_checkin(known) == "record-unknown":
        scene.open_case("item-unknown-returned", item, item=item)
    if row is None:
        refold(scene, item, row)
        return Came(None)
    if not row.state.before(scene.at, scene.fact):
        state = refold(scene, item, row)
        here = state.last_id == scene.fact
        doubt = scene.doubt or row.state.last_at > scene.group.now + SLACK_MS  # it cannot have been then
        if doubt and state.loan is not None:
            scene.open_doubt(item, "returned, perhaps after the loan that stands")
        return Came(row, caught=_shelve(scene, row) if here else None)
    fine, ended = 0, row.state.loan
    if ended is not None:
        scene.hot.end_loan(ended, scene.at)
        if scene.group.fines():
            fine = charge_fine(scene, row, scene.hot.loan(ended), scene.at)
    append(scene, row, Returned(scene.fact, scene.at, scene.tag))
    return Came(row, ended, _shelve(scene, row), fine)


def _shelve(scene: Scene, row: ItemRow) -> Caught | None:
    """Nothing has happened to the item since: it is found, it is here, and whoever waits for it is next."""
    if not scene.group.authority.at_once:
        return None
    seen(scene, row)
    return catch(scene, row, scene.branch)


def seen(scene: Scene, row: ItemRow) -> None:
    """The item was seen here: note where, and that it is not lost or missing."""
    status = "" if row.status in FOUND else row.status
    place = scene.branch if scene.branch != row.branch else None
    if (status, place) != (row.status, row.place):
        scene.hot.whereabouts(row.item, status, place)
