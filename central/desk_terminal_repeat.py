"""What a terminal asks again, because it heard no answer, is answered again and not done again.

The outcome is kept in the commit that holds the deed, under the digest of its frame. It is said once more
while it is still true: nothing else has happened to that item, the hold is as it was left, the payment is
known. Else the same words are a new request: an SC that has no clock may lend, take back and lend the same
item with frames that are equal. What had happened already (*no block*) is recorded once whatever
came after, and, where the terminal dated it, however late it is told again: links stay down for days.

Nothing personal is kept: no card, no name, no title; they are read when the outcome is said again. The digest
of a frame is gone after a day: it is made of a card number too, and who knows all cards could try them. What
had happened is known by terminal, item and time from then on, for 45 days: that stands in its loan as well.
"""

import hashlib
import json
from typing import Final, TypeGuard, assert_never

from pydantic import TypeAdapter

from central.desk_scene import Scene
from central.desk_terminal_account import meant_hold
from central.desk_terminal_deed import Deed
from central.ledger.forget import HAPPENED
from central.ledger.rows import DAY_MS
from central.terminal import (
    AllRenewed,
    AtTerminal,
    Back,
    Bar,
    CardSet,
    ChangeHold,
    Describe,
    Described,
    Do,
    DropHold,
    Enable,
    HoldKept,
    Lend,
    Lent,
    Outcome,
    Paid,
    Pay,
    PlaceHold,
    Renew,
    RenewAll,
    Return,
)

REPEAT_MS: Final = 600_000
"""How long a frame may be repeated, unless it dates what had happened. A terminal that waits longer has told
its patron something else."""

_KINDS: Final[dict[str, TypeAdapter[Outcome]]] = {
    kind.__name__: TypeAdapter(kind) for kind in (Lent, AllRenewed, Back, HoldKept, Paid, CardSet, Described)
}


def recall(scene: Scene, request: AtTerminal) -> Deed | None:
    """Return what this very request came to before, if that still holds; the scene is then that deed's."""
    found = (scene.hot.repeat(request.digest) or _long_ago(scene, request)) if request.digest else None
    if found is None:
        return None
    at, fact, text = found
    kept = json.loads(text)
    happened = _happened(request.do)
    dated = happened and kept.get("at") == request.at_ms
    if not dated and scene.group.now - at > REPEAT_MS:
        return None
    if not happened and kept["state"] != _state(scene, request.do):
        return None
    scene.fact = fact
    outcome = _KINDS[kept["kind"]].validate_json(kept["said"])
    return Deed(outcome, kept["item"], kept["loan"], kept["hold"])


def remember(scene: Scene, request: AtTerminal, deed: Deed) -> None:
    """Keep what a request came to."""
    if not request.digest:
        return
    kind = type(deed.outcome).__name__
    kept = {
        "kind": kind,
        "said": _KINDS[kind].dump_json(deed.outcome, exclude_defaults=True).decode(),
        "item": deed.item,
        "loan": deed.loan,
        "hold": deed.hold,
        "state": _state(scene, request.do),
        "at": request.at_ms,
    }
    scene.hot.new_repeat(request.digest, scene.group.now, scene.fact, json.dumps(kept))
    if _happened(request.do):
        again = _of_what_happened(request, request.do)
        scene.hot.new_repeat(again, scene.group.now, scene.fact, json.dumps(kept))


def _long_ago(scene: Scene, request: AtTerminal) -> tuple[int, str, str] | None:
    """Return what is kept of a deed that had happened, once the digest of its frame is forgotten."""
    if not _happened(request.do):
        return None
    found = scene.hot.repeat(_of_what_happened(request, request.do))
    return found if found is not None and scene.group.now - found[0] >= DAY_MS else None


def _happened(do: Do) -> TypeGuard[Lend | Renew | Return]:
    """Say whether it was done before it was told."""
    return isinstance(do, Lend | Renew | Return) and do.happened


def _of_what_happened(request: AtTerminal, do: Lend | Renew | Return) -> str:
    """Return a digest of what a terminal did with which item when, whoever it was for."""
    cancel = not isinstance(do, Renew) and do.cancel
    did = (request.terminal, type(do).__name__, do.item, cancel, request.at_ms)
    return HAPPENED + hashlib.sha256(repr(did).encode()).hexdigest()[:40]


def _state(scene: Scene, do: Do) -> str:
    """Return words for how things stand that the deed was about; others once anything else has happened."""
    hot = scene.hot
    match do:
        case Pay():
            return "paid"
        case PlaceHold() | DropHold() | ChangeHold():
            hold = meant_hold(scene, do)
            return "" if hold is None else f"{hold.hold} {hold.pickup} {hold.expires}"
        case Bar() | Enable():
            patron = hot.patron(do.card)
            return str(patron is not None and patron.barred)
        case Describe():
            item = hot.item_shown(do.item)
            return "" if item is None else item.properties
        case RenewAll():
            patron = hot.patron(do.card)
            items = [] if patron is None else hot.items_of(patron.patron)
            return "|".join(_item_state(scene, item) for item in items)
        case Lend() | Return() | Renew():
            return _item_state(scene, do.item)
        case _:
            assert_never(do)


def _item_state(scene: Scene, item: str) -> str:
    row = scene.hot.item(item)
    if row is None:
        events, _ = scene.hot.history(item)
        return max((f"{event.at:015} {event.id}" for event in events), default="")
    loan = None if row.state.loan is None else scene.hot.loan(row.state.loan)
    due = "" if loan is None else f"{loan.request} {loan.due} {loan.renewals}"
    return f"{row.state.last_id} {due}"
