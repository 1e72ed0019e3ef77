"""The desk's share of asking elsewhere: committing *sent* before a call, and its outcome after it.

Both are inputs of the desk, so they share transactions with what stations send. An outcome that cannot be
recorded is taken back alone and becomes a case: what was said there must not be lost in a loop of crashes.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import assert_never

from central.authority import Done, Said
from central.authority_states import Call, Turn, begun, conclude, plan, undone
from central.desk_asked import scene_of, turn
from central.desk_attempt import attempt
from central.desk_lend import record
from central.desk_scene import Group, Scene
from central.ledger.rows import AskedRow
from central.results import AskNext, Pushed, Told
from circulation.decide import Decision, Granted
from circulation.due import due_date
from circulation.policy import ANY
from wire.messages.stream import Refusal

WAITED = Refusal(code="not-now", next_step="try-later")
"""Said when a request waited so long to be sent that nobody stands there any more."""
UNSURE = Refusal(code="authority-unsure", next_step="desk")
"""Said when nobody could find out what became of a request."""


def next_calls(group: Group, given: AskNext) -> tuple[Call, ...]:
    """Commit what is about to be called; returns the calls, to be made after the commit."""
    made = []
    rows = group.hot.asked_open()
    for call in plan(rows, given.busy, given.room, group.now, given.stale_ms):
        if call.verb == "expire":
            row = replace(call.row, state="confirmed", outcome="refused")
            _or_case(group, call.row, partial(Turn, row, "answer"), WAITED, given.boot)
            continue
        row = begun(call, group.now)
        group.hot.asked_state(row)
        made.append(Call(row, call.verb, _told_due(group, row)))
    return tuple(made)


def _told_due(group: Group, row: AskedRow) -> date | None:
    """Return until when a patron believes to have an item that was lent while nobody could be asked."""
    loan = group.hot.loan(row.request) if row.happened and row.kind == "checkout" else None
    return None if loan is None else loan.due


def told(group: Group, given: Told) -> None:
    """Commit what came of a call, with its answer and effect."""
    row = group.hot.asked(given.request)
    if row is None:
        return
    follows = undone if row.state == "undoing" else conclude
    turned = partial(follows, row, given.verb, given.said, group.now, given.give_up_ms)
    _or_case(group, row, turned, given.said, given.boot)


def _or_case(group: Group, row: AskedRow, follows: Callable[[], Turn], said: Said, boot: str) -> None:
    """Carry on a request; what cannot be recorded is taken back alone, and becomes a case."""

    def carry_on() -> None:
        turned = follows()
        if turned.row != row:
            _carry_out(scene_of(group, row), turned, said, boot)

    error = attempt(group, f"an outcome of {row.station} cannot be recorded", carry_on)
    if error is not None:
        kept = Turn(replace(row, state="case"), "nothing", "outcome-not-recorded", type(error).__name__)
        turn(scene_of(group, row), kept)


def _carry_out(scene: Scene, turned: Turn, said: Said, boot: str) -> None:
    turn(scene, turned)
    match turned.then:
        case "nothing":
            return
        case "answer":
            _answer(scene, turned.row, _decision(scene, turned.row, said), boot)
        case "give-up":
            if not turned.row.withdrawn and not turned.row.happened:
                _answer(scene, turned.row, UNSURE, boot)
        case _:
            assert_never(turned.then)


def _decision(scene: Scene, row: AskedRow, said: Said) -> Decision:
    """Return what was said there as our own rules would have said it."""
    if isinstance(said, Refusal):
        return said
    if not isinstance(said, Done):
        raise TypeError("only what was decided is answered")
    due = said.due
    if due is None:
        item = scene.hot.item(row.item)
        terms = scene.group.policy.terms(ANY, item.item_class if item else ANY, row.branch)
        due = due_date(row.at, row.zone, terms.loan_days)
    renewed = row.outcome == "renewed"
    return Granted(due, renewed=renewed, renewals=int(renewed))


def _answer(scene: Scene, row: AskedRow, decision: Decision, boot: str) -> None:
    """Store answer and effect, and push the answer: its request was consumed long ago."""
    item = scene.hot.item(row.item)
    if row.kind == "checkin":
        raise TypeError("a return is not answered")
    answer = record(scene, row.kind, row.item, decision, item, row.patron)
    title = None if item is None else item.title
    card = None if row.card is None else scene.group.seal.close(row.card, row.request)
    scene.group.effects.append(Pushed(row.station, answer.say("", boot, title, card)))
