"""Facts at the desk: they happened, so they are recorded, with a case where they break a rule."""

from typing import assert_never

from central.desk_alarm import raise_gate_alarm
from central.desk_asked import reported
from central.desk_items import close_tag_cases, is_latest, refold, store
from central.desk_lend import withdrawn
from central.desk_return import came_back
from central.desk_scene import Scene
from central.ledger.rows import millis, moment
from central.results import Counted
from circulation.history import secured, written
from wire.messages.facts import (
    Began,
    Checkin,
    Count,
    Incident,
    Passage,
    Secured,
    TagUnknown,
    TagWritten,
    Withdrawn,
)

Fact = Began | Withdrawn | TagWritten | TagUnknown | Checkin | Secured | Passage | Count | Incident


def fact(scene: Scene, body: Fact) -> str | None:
    """Record a fact; returns the item it was about, for the journal."""
    match body:
        case Withdrawn():
            return withdrawn(scene, body)
        case TagWritten():
            return _tag(scene, body)
        case TagUnknown():
            return _tag(scene, body)
        case Checkin():
            return _checkin(scene, body)
        case Secured():
            return _secured(scene, body)
        case Passage():
            _passage(scene, body)
        case Count():
            _count(scene, body)
        case Incident():
            scene.open_case(body.what, scene.station, detail=body.detail[:300])
        case Began():
            _began(scene, body)
        case _:
            assert_never(body)
    return None


def _tag(scene: Scene, body: TagWritten | TagUnknown) -> str:
    """L9: a report on the tag of a granted loan."""
    word: str = "written" if isinstance(body, TagWritten) else "unknown"
    loan = scene.hot.loan(body.request)
    row = scene.hot.item(body.item)
    if loan is None:
        if scene.hot.renewal(body.request) is None:
            scene.open_case("tag-reported-without-loan", body.request, item=body.item, detail=word)
        return body.item
    scene.hot.loan_tag(loan.request, word)
    reported(scene, loan.request, word)
    if loan.withdrawn and word == "written":
        scene.open_case("tag-written-after-withdrawn", body.request, item=loan.item)
    if not loan.withdrawn and row is not None and is_latest(row, loan.request) and row.state.loan is not None:
        store(scene, row, written(row.state, "written" if word == "written" else "unknown"))
        if word == "written":
            close_tag_cases(scene, loan.item)
    else:
        refold(scene, loan.item, row)
        if word == "unknown":
            scene.open_case("tag-unknown", loan.item, item=loan.item)
    return loan.item


def _checkin(scene: Scene, body: Checkin) -> str:
    came_back(scene, body.item, body.via)
    return body.item


def _secured(scene: Scene, body: Secured) -> str:
    """What became of a returned item's tag."""
    known = scene.hot.checkin(body.checkin)
    row = scene.hot.item(body.item)
    if known is None:
        if body.outcome != "verified":
            scene.open_case("returned-unsecured", body.item, item=body.item)
        return body.item
    scene.hot.checkin_secured(body.checkin, body.outcome)
    if row is not None and is_latest(row, body.checkin):
        store(scene, row, secured(row.state, body.outcome))
        if body.outcome == "verified":
            close_tag_cases(scene, body.item)
    else:
        state = refold(scene, body.item, row)
        if row is None and state.last_id == body.checkin and body.outcome != "verified":
            scene.open_case("returned-unsecured", body.item, item=body.item)
    return body.item


def _passage(scene: Scene, body: Passage) -> None:
    """Somebody went through a gate. The record holds no item: only a case names one."""
    scene.hot.passage(
        (
            scene.fact,
            scene.station,
            scene.branch,
            scene.at,
            body.direction,
            body.verdict,
            body.degraded,
            body.foreign,
            body.silent,
        )
    )
    if body.verdict == "pass":
        scene.tell("passage", body.verdict)
    else:
        raise_gate_alarm(scene)
        scene.tell("gate-alarm", body.verdict)
    for passed in body.items:
        if passed.case is not None:
            scene.open_case(passed.case, passed.item, item=passed.item)


def _count(scene: Scene, body: Count) -> None:
    scene.hot.count(
        (
            scene.fact,
            scene.station,
            scene.branch,
            millis(body.since),
            scene.at,
            body.entered,
            body.left,
        )
    )
    scene.group.effects.append(
        Counted(scene.station, scene.branch, moment(scene.at), body.entered, body.left)
    )


def _began(scene: Scene, body: Began) -> None:
    """A stream began. Only the very first one of a station is nobody's concern."""
    if (
        body.reason == "new"
        and not body.parents
        and not scene.hot.has_other_stream(scene.station, scene.stream)
    ):
        return
    lost = f"; {body.missing} of them could not be read, and may be lost" if body.missing else ""
    detail = f"{body.reason}, after {body.first}-{body.last} of its parent{lost}"
    scene.open_case("stream-began", scene.stream, detail=detail)
