"""One transaction of the desk: many inputs, carried out one after the other (streams.md §1.5).

What a message comes to is judged by `wire.streams.central`; here it is carried out. An entry that fails
unexpectedly is taken back alone and parks its stream, so the later entries of that stream wait while all
others go on. That wants a savepoint for each entry. As it hardly ever happens, a group is first carried out
without them: what fails fails the group, and the desk goes through it again with its entries `apart`.

A body nobody can decode becomes a dead letter under its number. What is said (`resume`, answers) is made
here but leaves only after the commit.

Trouble with the database itself is nobody's entry: it ends the process, and every station sends again.
"""

from typing import assert_never

from central.desk_attempt import attempt
from central.desk_entry import consume, dead_letter, repeated, skipped, voided
from central.desk_memory import Memory
from central.desk_mirror import mirror
from central.desk_scene import Group, Scene
from central.desk_terminal import NOT_NOW, at_terminal, journalled, scene_of
from central.desk_told import next_calls, told
from central.ledger.lock import stream_moved
from central.ledger.rows import StreamRow
from central.results import (
    AskNext,
    DeskInput,
    DeskResult,
    FromStation,
    Mirrored,
    RetryStream,
    SkipEntry,
    Told,
    Trouble,
    Upward,
)
from central.terminal import AtTerminal, Outcome, Refused
from wire.messages.stream import Entry, Envelope, Hello, Void
from wire.streams.central import (
    Foreign,
    LoseTo,
    RaiseHigh,
    Reply,
    Row,
    Take,
    TakeKnown,
    judge,
    resume,
)

UNASSIGNED = ("unassigned", "UTC")
"""Branch and zone of a station that the registry does not have: its facts are kept all the same."""

GAP_RESUME_MS = 1000
"""At most one resume a second for each stream that sends out of step."""


class Batch:
    """Carries out one group of inputs inside an open transaction."""

    def __init__(self, group: Group, memory: Memory, *, apart: bool = False) -> None:
        self.group = group
        self.memory = memory
        self._apart = apart
        self._gaps: dict[str, int] = {}
        self._streams: dict[str, StreamRow] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._say: dict[tuple[str, str], int] = {}

    def run(self, inputs: list[DeskInput]) -> list[DeskResult]:
        """Return one result for each input, in order. Raises whatever fails in an entry, but when `apart`."""
        one = self._alone if self._apart else self._one
        results = [one(number, given) for number, given in enumerate(inputs)]
        self.memory.gap_said.update(self._gaps)
        for (stream, link), number in self._say.items():
            results[number] = results[number].saying(
                resume(self._streams[stream].row, link, self.memory.boot)
            )
        return results

    def _alone(self, number: int, given: DeskInput) -> DeskResult:
        """Carry out one input; if it fails, the others are carried out without it."""
        what = f"{type(given).__name__} failed"
        result = attempt(self.group, what, lambda: self._one(number, given))
        if isinstance(result, Exception):
            self._read_again()
            return DeskResult(detail=f"it failed: {type(result).__name__}, see the log")
        return result

    def _read_again(self) -> None:
        """Bring the streams back to what the ledger says of them."""
        for name, state in self._streams.items():
            found = self.group.hot.stream(name) or StreamRow(Row(name, state.row.station), stored=False)
            state.row, state.stored, state.last_at = found.row, found.stored, found.last_at

    def _one(self, number: int, given: DeskInput) -> DeskResult:
        match given:
            case FromStation(station=station, message=message):
                return self._message(number, station, message)
            case RetryStream(station=station):
                return self._retry(station)
            case SkipEntry(station=station):
                return self._skip(station)
            case AskNext():
                return DeskResult(calls=next_calls(self.group, given))
            case Told():
                told(self.group, given)
                return DeskResult()
            case Mirrored():
                mirror(self.group, given)
                return DeskResult()
            case AtTerminal():
                return self._terminal(given)
            case _:
                assert_never(given)

    def _message(self, number: int, station: str, message: Upward) -> DeskResult:
        state = self._stream(message.stream, station)
        entry = isinstance(message, Entry | Void | Envelope)
        known = entry and self.group.hot.known(message.id)  # type: ignore[union-attr]  # an entry has an id
        judged = judge(state.row, message, station=station, boot=self.memory.boot, known_id=known)
        match judged:
            case Foreign(owner=owner):
                seen = f"a stream of {owner} is sent by {station}"
                return DeskResult(alarm=Trouble("foreign-stream", station, message.stream, seen))
            case Reply(limited=limited, repeat_answer=repeat):
                answer = repeated(self.group, message, self.memory.boot) if repeat else None
                self._speak(number, message, limited=limited)
                if isinstance(message, Hello):
                    self._hello(state, message)
                return DeskResult(answer=answer)
            case RaiseHigh(row=row):
                self._store(state)
                self.group.hot.raise_high(row.stream, row.high, row.high_id)
                state.row = row
                self._hello(state, message)
                self._speak(number, message)
                return DeskResult()
            case LoseTo(row=row, first=first, last=last):
                self._lose(state, row, first, last)
                self._speak(number, message)
                return DeskResult()
            case Take() | TakeKnown():
                self._speak(number, message)
                return self._take(state, message, judged)
            case _:
                assert_never(judged)

    # --- entries

    def _take(self, state: StreamRow, message: Upward, judged: Take | TakeKnown) -> DeskResult:
        """C2-C4: consume one number, or park the stream at it."""
        if not isinstance(message, Entry | Void | Envelope):
            raise TypeError("only entries are consumed")
        self._store(state)
        if not self._apart:
            return self._carry_out(state, message, judged)
        before, what = (
            (state.row, state.last_at),
            f"entry {message.seq} of {state.row.station} parks its stream",
        )
        result = attempt(self.group, what, lambda: self._carry_out(state, message, judged))
        if isinstance(result, Exception):
            state.row, state.last_at = before
            return self._park(state, message, result)
        return result

    def _carry_out(
        self, state: StreamRow, message: Entry | Void | Envelope, judged: Take | TakeKnown
    ) -> DeskResult:
        before, answer = state.row, None
        if isinstance(judged, TakeKnown):
            answer = repeated(self.group, message, self.memory.boot)
        else:
            scene = self._scene(state, message.id)
            match message:
                case Entry():
                    answer = consume(scene, message, state, self.memory)
                case Void():
                    voided(scene, message)
                case Envelope():
                    dead_letter(scene, message, message.body, "the envelope alone can be read")
                case _:
                    assert_never(message)
        if judged.clash:
            self._scene(state, message.id).open_case(
                "fork", f"{state.row.stream}:{message.seq}", detail=f"two entries {message.seq}"
            )
        self._move(state, before, judged.row)
        return DeskResult(answer=answer)

    def _move(self, state: StreamRow, before: Row, after: Row) -> None:
        """Compare and set `upto` (C2); close the case of facts that have now arrived (C1)."""
        if not self.group.hot.move(after.stream, after.upto, after.id, state.last_at, before.upto, before.id):
            raise stream_moved()
        state.row = after
        if after.upto == after.high:
            self._scene(state, after.id).close_case(f"facts-not-delivered:{after.stream}")

    def _park(self, state: StreamRow, message: Entry | Void | Envelope, error: Exception) -> DeskResult:
        """C3: this stream alone waits for an operator; its facts are safe at the station."""
        seen = f"{type(error).__name__} at entry {message.seq}"
        body = message.model_dump_json(by_alias=True, exclude_none=True)
        self.group.hot.park(state.row.stream, message.id, body, seen, self.group.now)
        state.row = state.row._replace(parked=True)
        return DeskResult(alarm=Trouble("parked", state.row.station, state.row.stream, seen))

    def _lose(self, state: StreamRow, row: Row, first: int, last: int) -> None:
        """C5: what nobody can send any more is a case, never silence."""
        self._store(state)
        before = state.row
        scene = self._scene(state, "")
        scene.open_case("facts-lost", f"{row.stream}:{first}-{last}", detail=f"facts {first}-{last} lost")
        self._move(state, before, row)

    def _hello(self, state: StreamRow, message: Upward) -> None:
        """C1: facts that another stream of this station claimed, and never delivered, are a case."""
        self._store(state)
        scene = self._scene(state, "")
        for stream, upto, high, high_id in self.group.hot.undelivered(state.row.station, message.stream):
            if self.group.hot.known(high_id):  # they came in another stream, after a fork
                scene.close_case(f"facts-not-delivered:{stream}")
            else:
                detail = f"facts {upto + 1}-{high} of {stream} not delivered"
                scene.open_case("facts-not-delivered", stream, detail=detail)

    # --- terminals

    def _terminal(self, given: AtTerminal) -> DeskResult:
        """One request of a terminal. Its deeds are numbered like a stream's entries, by the desk itself, so
        that the journal is counted in one way. A refusal leaves nothing behind, an error neither."""
        name = f"terminal:{given.terminal}"[:64]
        state = self._stream(name, name)
        scene = scene_of(self.group, given, name)
        before, own = (state.stored, state.row), scene.fact

        def carry_out() -> Outcome:
            outcome = at_terminal(scene, given)
            if not isinstance(outcome, Refused) and scene.fact == own:
                self._number(state, scene, given)
            return outcome

        what = f"a request of {given.terminal} failed"
        outcome = attempt(self.group, what, carry_out, keep=lambda one: not isinstance(one, Refused))
        if isinstance(outcome, Exception):
            outcome = NOT_NOW
        if isinstance(outcome, Refused):
            state.stored, state.row = before
            scene.tell("refused", outcome.refusal.code)
        return DeskResult(done=outcome)

    def _number(self, state: StreamRow, scene: Scene, given: AtTerminal) -> None:
        self._store(state)
        before, seq = state.row, state.row.upto + 1
        state.last_at = max(scene.at, state.last_at)
        kind, item = journalled(given.do)
        now = self.group.now
        self.group.hot.journal(scene.fact, before.stream, seq, "applied", kind, scene.at, now, item)
        self._move(state, before, before._replace(upto=seq, id=scene.fact))

    # --- operators

    def _retry(self, station: str) -> DeskResult:
        """C3 retry: the station sends the same entry again."""
        parked = self.group.hot.parked(station)
        for stream, *_ in parked:
            self._release(stream, station)
        return self._released(station, len(parked), "may go on")

    def _skip(self, station: str) -> DeskResult:
        """C3 skip: the entry is given up, under its number, with a case."""
        parked = self.group.hot.parked(station)
        for stream, upto, _, parked_id, body, _ in parked:
            state = self._stream(stream, station)
            if not self.group.hot.known(parked_id):  # it may have come in another stream meanwhile
                skipped(self._scene(state, parked_id), upto + 1, body)
            self._release(stream, station)
            self._move(state, state.row, state.row._replace(upto=upto + 1, id=parked_id))
        return self._released(station, len(parked), "given up")

    def _release(self, stream: str, station: str) -> None:
        state = self._stream(stream, station)
        self.group.hot.park(stream, None, None, None, None)
        state.row = state.row._replace(parked=False)

    def _released(self, station: str, count: int, word: str) -> DeskResult:
        if count == 0:
            return DeskResult(detail=f"no stream of {station} is parked")
        detail = f"{count} parked entr{'y' if count == 1 else 'ies'} of {station} {word}"
        return DeskResult(alarm=Trouble("released", station, "", detail), detail=detail)

    def _stream(self, stream: str, station: str) -> StreamRow:
        state = self._streams.get(stream)
        if state is None:
            state = self.group.hot.stream(stream) or StreamRow(Row(stream, station), stored=False)
            self._streams[stream] = state
        return state

    def _store(self, state: StreamRow) -> None:
        if not state.stored:
            self.group.hot.new_stream(state.row.stream, state.row.station)
            state.stored = True

    def _scene(self, state: StreamRow, fact: str) -> Scene:
        station = state.row.station
        place = self._places.get(station)
        if place is None:
            place = self._places[station] = self.group.hot.place(station) or UNASSIGNED
        branch, zone = place
        return Scene(
            self.group, self.group.hot, station, branch, zone, state.row.stream, fact, self.group.now
        )

    def _speak(self, number: int, message: Upward, *, limited: bool = False) -> None:
        """Note that this message wants a resume; the last one of its link in the batch gets it."""
        now = self.group.now
        if limited:
            said = self._gaps.get(message.stream) or self.memory.gap_said.get(message.stream, 0)
            if now - said < GAP_RESUME_MS:
                return
            self._gaps[message.stream] = now
        self._say[(message.stream, message.link)] = number
