"""Requests of terminals at the desk (`central.terminal`): each is done once, in the commit that answers it.

A terminal asks again when it heard nothing, with the same frame. What was done is kept with its outcome for
a while (`desk_terminal_repeat`), so the second frame gets what the first one got, as long as nothing else
has happened to the item in between.

No report on a tag will come: a terminal unlocks and secures tags by itself, and says so only when it could
not, by undoing. Its loans and returns are *told* in this respect, which is no claim of a read-back.
"""

from typing import assert_never

from central.desk_scene import Group, Scene
from central.desk_terminal_account import bar, change_hold, describe, drop_hold, pay, place_hold
from central.desk_terminal_deed import Deed, shown
from central.desk_terminal_lend import give_back, lend_out, renew, renew_all
from central.desk_terminal_repeat import recall, remember
from central.ledger.rows import moment
from central.terminal import (
    AtTerminal,
    Bar,
    ChangeHold,
    Describe,
    Do,
    DropHold,
    Enable,
    Lend,
    Outcome,
    Pay,
    PlaceHold,
    Refused,
    Renew,
    RenewAll,
    Return,
)
from wire.ids import fact_id
from wire.messages.stream import Refusal

NOT_NOW = Refused(Refusal(code="not-possible-now", next_step="try-later"))
"""Said when the desk cannot do it: the loans are kept elsewhere, or something broke."""

SECOND_MS = 1000
"""Times that terminals tell are whole seconds (SIP2 2.00, transaction date)."""


def scene_of(group: Group, request: AtTerminal, stream: str) -> Scene:
    """Return the scene in which a request is carried out."""
    hot = group.hot
    at = _when(group, request)
    fact = fact_id(moment(group.now))
    return Scene(group, hot, request.terminal, request.branch, request.zone, stream, fact, at, tag="told")


def _when(group: Group, request: AtTerminal) -> int:
    """Return when it happened. What happens now comes after all that has happened to the item; what is told
    later keeps its time, and what is told of one second keeps its order."""
    at = max(0, min(request.at_ms, group.now))
    item = getattr(request.do, "item", None)
    row = None if item is None else group.hot.item(item)
    if row is None or row.state.last_at < at:
        return at
    if not getattr(request.do, "happened", False) or row.state.last_at < at - at % SECOND_MS + SECOND_MS:
        return row.state.last_at + 1
    return at


def at_terminal(scene: Scene, request: AtTerminal) -> Outcome:
    """Carry one request out; a `Refused` must be taken back by the caller, it may have begun something."""
    if not scene.group.authority.at_once:
        return NOT_NOW
    deed = recall(scene, request)
    if deed is None:
        deed = _do(scene, request.do)
        if not isinstance(deed.outcome, Refused):
            remember(scene, request, deed)
    return shown(scene, deed)


def _do(scene: Scene, do: Do) -> Deed:
    match do:
        case Lend():
            return lend_out(scene, do)
        case Renew():
            return renew(scene, do)
        case RenewAll():
            return renew_all(scene, do)
        case Return():
            return give_back(scene, do)
        case PlaceHold():
            return place_hold(scene, do)
        case DropHold():
            return drop_hold(scene, do)
        case ChangeHold():
            return change_hold(scene, do)
        case Pay():
            return pay(scene, do)
        case Bar() | Enable():
            return bar(scene, do)
        case Describe():
            return describe(scene, do)
        case _:
            assert_never(do)


def journalled(do: Do) -> tuple[str, str | None]:
    """Return the journal's word for a deed, and the item it was about."""
    match do:
        case Lend():
            return "checkin-undone" if do.cancel else "checkout", do.item
        case Return():
            return "checkout-undone" if do.cancel else "checkin", do.item
        case Renew():
            return "renew", do.item
        case RenewAll():
            return "renew-all", None
        case PlaceHold():
            return "hold", do.item
        case DropHold():
            return "hold-cancelled", do.item
        case ChangeHold():
            return "hold-changed", do.item
        case Pay():
            return "payment", None
        case Bar():
            return "card-barred", None
        case Enable():
            return "card-enabled", None
        case Describe():
            return "item-described", do.item
        case _:
            assert_never(do)
