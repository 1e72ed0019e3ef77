"""Holds at the desk: whatever comes back, is lent or is set free meets who waits for it, in the same commit.

The rules are `circulation.holds`; here their results are stored. Where nobody waits for anything (which a
transaction asks once), nothing of this is looked up.
"""

from central.desk_scene import Group, Scene
from central.ledger.rows import DAY_MS, ItemRow, LoanRow
from circulation.due import local_date
from circulation.holds import HoldShelf, InTransit, expire, on_return, reopen
from circulation.model import Block, Hold, Item, OpenLoan

Caught = HoldShelf | InTransit


def item_of(scene: Scene, row: ItemRow, blocks: tuple[Block, ...] = ()) -> Item:
    """Return an item as the rules look at it."""
    open_loan = None
    if row.state.loan is not None:
        loan = scene.hot.loan(row.state.loan)
        if loan is not None:
            open_loan = OpenLoan(loan.request, loan.patron, loan.due, loan.renewals)
    title = row.title_id or None
    return Item(row.item, row.item_class, row.branch, row.gone, open_loan, blocks=blocks, title=title)


def holds_on(scene: Scene, row: ItemRow | None) -> tuple[Hold, ...]:
    """Return the open holds on an item and on its title."""
    if row is None or not scene.group.any_hold():
        return ()
    return tuple(scene.hot.holds_of(row.item, row.title_id))


def free_copies(scene: Scene, row: ItemRow | None, holds: tuple[Hold, ...]) -> int:
    """Count the other copies on the shelf that whoever waits for the title may have instead."""
    if row is None or not row.title_id or not holds:
        return 0
    return scene.hot.free_copies(row.title_id, row.item)


def catch(scene: Scene, row: ItemRow, branch: str) -> Caught | None:
    """An item that is on no loan lies at `branch`: keep it for who is next, or send it there."""
    holds = holds_on(scene, row)
    if not holds:
        return None
    today = local_date(scene.at, scene.zone)
    over = expire(holds, today)
    for hold in over.holds:
        _close(scene, hold)
    left = [hold for hold in holds if hold.hold not in {one.hold for one in over.holds}]
    item = Item(row.item, row.item_class, row.branch, row.gone, title=row.title_id or None)
    caught = on_return(item, left, branch, today, scene.group.policy)
    if caught is not None:
        scene.hot.hold_state(caught.hold)
    for freed in over.freed:
        if freed != row.item:
            _free(scene, freed)
    return caught


def end(scene: Scene, hold: Hold, *freed: str | None) -> None:
    """A hold is over: collected, cancelled or expired. What was kept for it, and is here, goes to who is
    next.
    """
    _close(scene, hold)
    for item in freed:
        if item is not None:
            _free(scene, item)


def _close(scene: Scene, hold: Hold) -> None:
    """A hold that is over keeps no item but the one that was collected."""
    if hold.state != "collected":
        hold = hold._replace(ready_item=None, ready_until=None)
    scene.hot.hold_state(hold, ended=scene.at)


def _free(scene: Scene, item: str) -> None:
    row = scene.hot.item(item)
    if row is not None and row.state.loan is None:
        catch(scene, row, row.place or row.branch)


def release(scene: Scene, item: str) -> None:
    """The item did not come back after all: whoever it was caught for waits on."""
    row = scene.hot.item(item)
    for hold in holds_on(scene, row):
        if hold.ready_item == item:
            scene.hot.hold_state(hold._replace(state="waiting", ready_item=None, ready_until=None))


def wait_again(scene: Scene, loan: LoanRow) -> None:
    """The loan that collected a hold was undone: the item that the patron had in hand is kept for it."""
    row = scene.hot.item(loan.item)
    if row is None or loan.patron is None:
        return
    for hold in scene.hot.holds_collected(loan.start):
        if hold.ready_item == loan.item and hold.patron in ("", loan.patron):
            own = hold._replace(patron=loan.patron, ready_item=loan.item if row.state.loan is None else None)
            scene.hot.hold_state(reopen(own, holds_on(scene, row)))
            scene.group.beside()
            if row.state.loan is None:
                catch(scene, row, scene.branch)
            return


def expire_holds(group: Group) -> int:
    """End the holds whose time is up where they would be collected; what was kept for them goes on."""
    if not group.any_hold():
        return 0
    ended = 0
    for hold in group.hot.holds_over(local_date(group.now + DAY_MS, "UTC")):
        zone = group.hot.zone(hold.pickup) or "UTC"
        over = expire([hold], local_date(group.now, zone))
        for one in over.holds:
            scene = Scene(group, group.hot, "", hold.pickup, zone, "", hold.hold, group.now)
            end(scene, one, hold.ready_item)
            ended += 1
    return ended
