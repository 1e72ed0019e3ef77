"""What an authority elsewhere decides, as the desk's entries see it: asked, taken back, reported on."""

from dataclasses import replace
from typing import Literal

from central.authority_states import Turn, taken_back
from central.desk_scene import Group, Scene
from central.ledger.rows import AskedRow
from circulation.decide import Withdrawal


def ask(
    scene: Scene,
    kind: Literal["checkout", "renew", "checkin"],
    item: str,
    *,
    card: str | None = None,
    patron: str | None = None,
    happened: bool = False,
) -> None:
    """Commit a request as *asked*; the runner carries it on after the commit."""
    now = scene.group.now
    scene.hot.new_asked(
        AskedRow(
            scene.fact, 0, kind, "asked", item, card, patron, scene.station, scene.branch, scene.zone,
            scene.at, now, now, happened,
        )
    )  # fmt: skip
    scene.group.asked = True


def here(scene: Scene, request: str) -> AskedRow | None:
    """Return a request's row, if requests are decided elsewhere at all."""
    return None if scene.group.authority.at_once else scene.hot.asked(request)


def turn(scene: Scene, turned: Turn) -> None:
    """Store a request's next state, and open its case."""
    row = turned.row
    scene.hot.asked_state(row)
    if turned.case:
        scene.open_case(turned.case, row.request, item=row.item, detail=turned.detail[:300])
    scene.group.asked = True


def take_back(scene: Scene, row: AskedRow, come_to: Withdrawal) -> None:
    """The request was withdrawn at its station; `come_to` is what became of a loan here, if there was one."""
    match row.state:
        case "asked" if come_to != "keep":
            turn(scene, Turn(replace(row, state="undone", withdrawn=True)))
        case "sent" | "unknown" if come_to != "keep":
            turn(scene, Turn(replace(row, withdrawn=True)))
        case "granted" if come_to == "keep":
            turn(scene, Turn(replace(row, state="confirmed")))
        case "granted" | "confirmed" if come_to == "undo" and row.outcome != "refused":
            turn(scene, taken_back(row, scene.group.now))
        case _:
            pass


def reported(scene: Scene, request: str, word: str) -> None:
    """The tag of a loan granted elsewhere was reported on: it is confirmed, or a person must look."""
    row = here(scene, request)
    if row is None or row.outcome != "granted":
        return
    if word == "written" and row.state in ("granted", "case") and not row.withdrawn:
        turn(scene, Turn(replace(row, state="confirmed")))
    elif row.state == "granted":
        turn(scene, Turn(replace(row, state="case")))


def settle_granted(group: Group, until: int) -> None:
    """Close what was granted before `until` and whose tag nobody reported on: if the loan still stands, a
    person must look; if the item came back, all is well."""
    for row in group.hot.asked_open():
        if row.state != "granted" or row.since > until:
            continue
        scene = scene_of(group, row)
        loan = group.hot.loan(row.request)
        if loan is not None and loan.ended is None:
            scene.open_case("tag-unreported", row.item, item=row.item)
            turn(scene, Turn(replace(row, state="case")))
        else:
            turn(scene, Turn(replace(row, state="confirmed")))


def abandon(group: Group) -> int:
    """The library has another authority now: what the one before left open is for a person; count it."""
    rows = group.hot.asked_open()
    for row in rows:
        turn(
            scene_of(group, row), Turn(replace(row, state="case"), "nothing", "authority-changed", row.state)
        )
    return len(rows)


def scene_of(group: Group, row: AskedRow) -> Scene:
    """Return the scene in which a request is carried on: its own place and time."""
    return Scene(group, group.hot, row.station, row.branch, row.zone, "", row.request, row.at)
