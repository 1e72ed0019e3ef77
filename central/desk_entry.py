"""One entry of a stream consumed: decoded, placed in time, applied, journalled (streams.md C2-C4)."""

import json
from typing import Any

from pydantic import ValidationError

from central.desk_facts import fact
from central.desk_lend import request
from central.desk_memory import Memory
from central.desk_scene import Group, Scene
from central.desk_time import Heard, place
from central.ledger.rows import StreamRow, millis
from central.results import Upward
from wire.ids import SEALED
from wire.messages.facts import BODIES, Began, Body, Checkin, Checkout, Renew
from wire.messages.stream import Answer, Entry, Envelope, Void


def consume(scene: Scene, entry: Entry, state: StreamRow, memory: Memory) -> Answer | None:
    """Apply one entry; returns the answer when it is a request."""
    try:
        body = BODIES.validate_python(entry.body)
    except ValidationError as error:
        dead_letter(scene, entry, entry.body, _why(error))
        return None
    _place(scene, body, state, memory.heard)
    answer = None
    if isinstance(body, Checkout | Renew):
        if body.card.startswith(SEALED):
            body = body.model_copy(update={"card": scene.group.seal.open(body.card, entry.id)})
        row, title = request(scene, body, entry.answer)
        card = scene.group.seal.close(body.card, entry.id)
        answer = None if row is None else row.say(entry.link, memory.boot, title, card)
        item: str | None = body.item
    else:
        item = fact(scene, body)
    kind = body.schema_name.split("/")[0]
    scene.hot.journal(entry.id, entry.stream, entry.seq, "applied", kind, scene.at, scene.group.now, item)
    return answer


def _place(scene: Scene, body: Body, state: StreamRow, known: dict[tuple[str, str], Heard]) -> None:
    """Set the scene's time to when it happened; doubt about a loan or return is a case."""
    key = (scene.station, body.boot)
    heard = known.get(key)
    now = scene.group.now
    if heard is not None and now - body.mono < heard.offset:
        heard = known[key] = heard.again(body.mono, now)
    lending = isinstance(body, Checkout | Renew)
    placed = place(
        at=millis(body.at),
        clock=body.clock,
        boot=body.boot,
        mono=body.mono,
        heard=heard,
        after=state.last_at,
        received=now,
        favour="late" if lending else "early",
    )
    scene.at, scene.doubt = placed.at, placed.doubt
    if not isinstance(body, Began):  # it opens a stream that may carry facts from long before it
        state.last_at = placed.at
    if placed.doubt and (lending or isinstance(body, Checkin)):
        scene.open_case(
            "clock-doubt", f"{scene.station}:{body.boot}", detail="loans or returns of uncertain time"
        )


def repeated(group: Group, message: Upward, boot: str) -> Answer | None:
    """Return the stored answer of a request that comes again."""
    if not isinstance(message, Entry):
        return None
    row = group.hot.answered(message.id)
    if row is None:
        return None
    card = message.body.get("card")
    card = group.seal.close(card, message.id) if isinstance(card, str) else None
    return row.say(message.link, boot, group.hot.title(row.item), card)


def voided(scene: Scene, entry: Void) -> None:
    """An entry that could never be sent: its number is used up, and somebody must look."""
    _close(scene, entry.id, entry.seq, "void")
    scene.open_case("entry-void", entry.id, detail=entry.reason)


def dead_letter(scene: Scene, entry: Entry | Envelope, body: Any, why: str) -> None:
    """C4: keep what nobody can decode, and move on."""
    text = json.dumps(body, ensure_ascii=False)
    scene.hot.dead(entry.id, entry.stream, entry.seq, scene.station, scene.group.now, text, why[:300])
    _close(scene, entry.id, entry.seq, "dead")
    scene.open_case("dead-letter", entry.id, detail=why[:300])


def skipped(scene: Scene, seq: int, message: str) -> None:
    """C3 skip: keep what an operator gave up, as a dead letter."""
    scene.hot.dead(
        scene.fact, scene.stream, seq, scene.station, scene.group.now, message, "skipped by an operator"
    )
    _close(scene, scene.fact, seq, "skipped")
    scene.open_case("entry-skipped", scene.fact, detail=f"entry {seq} of {scene.stream}")


def _close(scene: Scene, fact_id: str, seq: int, outcome: str) -> None:
    scene.hot.journal(fact_id, scene.stream, seq, outcome, "", scene.at, scene.group.now, None)


def _why(error: ValidationError) -> str:
    """Return what is wrong with a body, without a word of its contents."""
    faults = (".".join(map(str, fault["loc"])) + ": " + fault["type"] for fault in error.errors())
    return "; ".join(faults)
