"""An item comes back, at a kiosk, a bin or a terminal."""

from central.desk_asked import ask
from central.desk_items import append, refold
from central.desk_scene import Scene
from central.ledger.rows import ItemRow
from circulation.decide import decide_checkin
from circulation.history import Returned
from circulation.model import Item


def came_back(scene: Scene, item: str, via: str) -> ItemRow | None:
    """The item is back, whoever had it: a loan ends at the earliest later event. Returns it as it was."""
    row = scene.hot.item(item)
    scene.hot.new_checkin((scene.fact, item, scene.at, scene.station, scene.branch, via, scene.tag))
    scene.tell("checkin", via)
    if not scene.group.authority.at_once:
        ask(scene, "checkin", item, happened=True)
    known = None if row is None else Item(row.item, row.item_class, row.branch)
    if decide_checkin(known) == "record-unknown":
        scene.open_case("item-unknown-returned", item, item=item)
    if row is not None and row.state.before(scene.at, scene.fact):
        if row.state.loan is not None:
            scene.hot.end_loan(row.state.loan, scene.at)
        append(scene, row, Returned(scene.fact, scene.at, scene.tag))
    else:
        refold(scene, item, row)
    return row
