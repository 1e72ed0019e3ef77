"""Holds, payments, cards and properties at terminals of other makes. The rules are circulation's."""

from central.desk_holds import end, item_of
from central.desk_lend import patron_of
from central.desk_scene import Scene
from central.desk_terminal_deed import Deed, refused
from central.ledger.rows import ItemRow
from central.terminal import (
    Bar,
    CardSet,
    ChangeHold,
    Describe,
    Described,
    DropHold,
    Enable,
    HoldKept,
    OfHold,
    Paid,
    Pay,
    PlaceHold,
)
from circulation.due import local_date
from circulation.fees import settle
from circulation.hold_requests import AskedHold, decide_cancel, decide_change, decide_place, own_hold
from circulation.holds import position
from circulation.model import Hold, Patron, Place
from wire.messages.stream import Refusal

TEXT = 300
"""Longest text a terminal may leave: the columns' length."""
PAID_AGAIN_MS = 3_600_000
"""How long a payment of the same number and amount, told with another time, is the same one: a terminal that
heard no answer may tell it anew once its link is back. Later it is one that began to count again."""


def place_hold(scene: Scene, do: PlaceHold) -> Deed:
    """Place a hold on a copy, or on any copy of a title."""
    hot, row = scene.hot, scene.hot.patron(do.card)
    copies = _copies(scene, do.item, do.title_id)
    title = do.title_id or next((copy.title_id for copy in copies if copy.title_id), None)
    holds = _holds(scene, copies, title)
    patron = None if row is None else patron_of(scene, row, None)._replace(holds=hot.holds_by(row.patron))
    asked = AskedHold(
        hold=scene.fact,
        order=hot.next_hold(),
        patron=patron,
        copies=tuple(item_of(scene, copy) for copy in copies),
        pickup=do.pickup or scene.branch,
        place=Place(scene.branch, scene.zone),
        title=title,
        any_copy=do.item is None,
        expires=do.expires,
        holds=holds,
    )
    placed = decide_place(scene.group.policy, asked, scene.at)
    if isinstance(placed, Refusal):
        return refused(placed, do.item)
    if _is_nowhere(scene, do.pickup):
        return refused("no-pickup-there", do.item)
    hot.new_hold(placed.hold)
    scene.group.beside()
    return _kept(placed.hold, placed.position, copies, available=placed.available)


def drop_hold(scene: Scene, do: DropHold) -> Deed:
    """Cancel a hold; what was kept for it goes to who is next."""
    patron, hold, copies, _ = _own(scene, do)
    done = decide_cancel(patron, hold)
    if isinstance(done, Refusal):
        return refused(done, do.item)
    end(scene, done.hold, done.freed)
    return _kept(done.hold, 0, copies)


def change_hold(scene: Scene, do: ChangeHold) -> Deed:
    """Change where a hold is collected, or until when it counts."""
    patron, hold, copies, holds = _own(scene, do)
    today = local_date(scene.at, scene.zone)
    done = decide_change(scene.group.policy, patron, hold, today, do.pickup or None, do.expires)
    if isinstance(done, Refusal):
        return refused(done, do.item)
    if _is_nowhere(scene, do.pickup):
        return refused("no-pickup-there", do.item)
    scene.hot.hold_state(done.hold)
    return _kept(done.hold, position(holds, done.hold.hold), copies)


def pay(scene: Scene, do: Pay) -> Deed:
    """Take a payment, once for its key. More than is owed is not taken."""
    hot, row = scene.hot, scene.hot.patron(do.card)
    if row is None:
        return refused("unknown-card")
    known = hot.payment(do.key)
    if known is not None:
        if known[0] not in (None, row.patron) or known[1] != do.amount:
            return refused("payment-key-used")
        return Deed(Paid(known[1], again=True))
    last = hot.payment_under(do.alike) if do.alike else None
    if last is not None and last[0] == row.patron and scene.group.now - last[1] <= PAID_AGAIN_MS:
        return Deed(Paid(do.amount, again=True))
    owed = {fee.fee: fee for fee in hot.fees_of(row.patron)}
    taken = settle(owed.values(), do.amount, do.fee)
    if isinstance(taken, Refusal):
        return refused(taken)
    for share in taken.shares:
        hot.fee_paid(share.fee, owed[share.fee].paid + share.amount)
    hot.new_payment(do.key, row.patron, taken.amount, scene.at, scene.station, do.means[:2])
    return Deed(Paid(taken.amount))


def bar(scene: Scene, do: Bar | Enable) -> Deed:
    """Bar a card until it is enabled, or enable it; what staff blocked stays blocked."""
    row = scene.hot.patron(do.card)
    if row is None:
        return refused("unknown-card")
    scene.hot.bar(row.patron, do.reason[:TEXT] if isinstance(do, Bar) else None)
    return Deed(CardSet())


def describe(scene: Scene, do: Describe) -> Deed:
    """Set an item's properties."""
    if scene.hot.item(do.item) is None:
        return refused("item-unknown", do.item)
    scene.hot.properties(do.item, do.properties[:TEXT])
    return Deed(Described(properties=do.properties[:TEXT]), do.item)


def meant_hold(scene: Scene, do: OfHold) -> Hold | None:
    """Return the patron's open hold that a request means."""
    return _own(scene, do)[1]


def _is_nowhere(scene: Scene, branch: str) -> bool:
    """Say whether a branch was named that there is not: what is sent there would never arrive."""
    return bool(branch) and scene.hot.zone(branch) is None


def _own(scene: Scene, do: OfHold) -> tuple[Patron | None, Hold | None, list[ItemRow], tuple[Hold, ...]]:
    """Return the patron, the hold that is meant, the copies it is about, and what it competes with."""
    row = scene.hot.patron(do.card)
    copies = _copies(scene, do.item, do.title_id)
    title = do.title_id or next((copy.title_id for copy in copies if copy.title_id), None)
    holds = _holds(scene, copies, title)
    if row is None:
        return None, None, copies, holds
    item = None if do.item is None or not copies else item_of(scene, copies[0])
    return patron_of(scene, row, None), own_hold(holds, row.patron, item, do.title_id), copies, holds


def _copies(scene: Scene, item: str | None, title: str | None) -> list[ItemRow]:
    """Return the copy that is meant, or all copies of the title."""
    numbers = [item] if item is not None else scene.hot.copies(title or "")
    return [row for row in map(scene.hot.item, numbers) if row is not None]


def _holds(scene: Scene, copies: list[ItemRow], title: str | None) -> tuple[Hold, ...]:
    """Return the open holds on copies and their title, each once."""
    if not scene.group.any_hold():
        return ()
    found: dict[str, Hold] = {}
    for item in [copy.item for copy in copies] or [""]:
        found |= {hold.hold: hold for hold in scene.hot.holds_of(item, title or "")}
    return tuple(found.values())


def _kept(hold: Hold, place: int, copies: list[ItemRow], *, available: bool = False) -> Deed:
    item = hold.item or hold.ready_item or ""
    outcome = HoldKept(
        hold.hold, available, place, hold.expires, hold.pickup, item=item, title_id=hold.title or ""
    )
    return Deed(outcome, hold.item or next((copy.item for copy in copies), None))
