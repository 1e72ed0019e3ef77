"""What follows what when an authority elsewhere decides (design §4). Pure.

    asked -> sent -> granted -> confirmed           the tag was written, or needs no writing
               |        `----> undo -> undoing -> undone
               |---> refused: confirmed (the answer says so), or a case when it had happened
               `---> unknown -> as above, by asking; after a limit a case

*Sent* and *undoing* are committed before their call, so whoever finds one without a call under way (after a
crash) knows that it may have been made, and asks instead of sending. A withdrawal that meets *asked* ends
it; one that meets a call marks it, and a grant that comes then is undone. A renewal cannot be taken back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, assert_never

from central.authority import Away, Done, Doubt, Request, Said
from central.ledger.rows import AskedRow
from wire.messages.stream import Refusal

Verb = Literal["carry-out", "settle", "undo", "expire"]
IN_FLIGHT = frozenset({"sent", "unknown", "undoing"})
FINAL = frozenset({"confirmed", "undone", "case"})

Then = Literal["nothing", "answer", "give-up"]
"""What the desk does with the new state: store the answer with its effect, or say that nobody knows."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that is due; `expire` is none: the request waited so long that nobody stands there."""

    row: AskedRow
    verb: Verb
    due: date | None = None
    """Of a loan that is told: what the patron was told."""

    @property
    def request(self) -> Request:
        """Return what the system elsewhere is told."""
        row = self.row
        return Request(
            row.request, row.kind, row.item, row.card, row.station, row.branch, row.at, row.happened, self.due
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """A request's next state, what the desk does with it, and the case it opens."""

    row: AskedRow
    then: Then = "nothing"
    case: str = ""
    detail: str = ""


def plan(
    rows: Iterable[AskedRow], busy: frozenset[str], room: int, now: int, stale_ms: int
) -> tuple[Call, ...]:
    """Return the calls that may be made now; `rows` are the open ones in their order.

    At most one call for each item and each patron is under way, and those that wait go in order. `busy`
    are requests with a call under way or resting after one; they hold their place. `room` bounds how many
    calls there are, and expiring is none.
    """
    rows = [row for row in rows if row.state != "granted"]
    under_way = [row for row in rows if row.state in IN_FLIGHT]
    items = {row.item for row in under_way}
    patrons = {row.patron for row in under_way if row.patron is not None}
    calls = [Call(row, "settle") for row in under_way if row.request not in busy][: max(0, room)]
    room -= len(calls)
    for row in rows:
        if row.state in IN_FLIGHT:
            continue
        free = row.item not in items and row.patron not in patrons and row.request not in busy
        old = row.state == "asked" and not row.happened and now - row.asked >= stale_ms
        items.add(row.item)
        if row.patron is not None:
            patrons.add(row.patron)
        if free and old:
            calls.append(Call(row, "expire"))
        elif free and room > 0:
            calls.append(Call(row, "undo" if row.state == "undo" else "carry-out"))
            room -= 1
    return tuple(calls)


def begun(call: Call, now: int) -> AskedRow:
    """Return the row as it is committed before its call is made."""
    match call.verb:
        case "carry-out":
            return replace(call.row, state="sent", since=now)
        case "undo":
            return replace(call.row, state="undoing")
        case "settle":
            return replace(call.row, state="unknown") if call.row.state == "sent" else call.row
        case "expire":
            return call.row
        case _:
            assert_never(call.verb)


def conclude(row: AskedRow, verb: Verb, said: Said, now: int, give_up_ms: int) -> Turn:
    """Return what comes of a request that was sent, or asked after. Only who was to send it, and did not,
    may say that it goes back in line: an authority that is away when it is asked knows nothing of before."""
    late = now - row.since >= give_up_ms
    match row.state:
        case "undoing":
            raise ValueError("an undoing ends with `undone`")
        case "sent" | "unknown":
            pass
        case _:
            return Turn(row)  # overtaken: nothing was under way
    match said:
        case Done():
            return _done(row, said, now)
        case Refusal():
            return _refused(row, said)
        case Away() if verb == "carry-out" and row.state == "sent":
            return Turn(replace(row, state="undone" if row.withdrawn else "asked"))
        case Doubt() | Away():
            if not late:
                return Turn(replace(row, state="unknown"))
            case = "outcome-unknown-elsewhere"
            return Turn(replace(row, state="case"), "give-up", case, said.seen)
        case _:
            assert_never(said)


def _done(row: AskedRow, said: Done, now: int) -> Turn:
    renewed = said.renewed or row.kind == "renew"
    row = replace(row, outcome="renewed" if renewed else "granted")
    if row.withdrawn:
        return taken_back(row, now)
    if row.happened:
        return Turn(replace(row, state="confirmed"))
    return Turn(replace(row, state="confirmed" if renewed else "granted", since=now), "answer")


def _refused(row: AskedRow, said: Refusal) -> Turn:
    row = replace(row, outcome="refused")
    if row.withdrawn:
        return Turn(replace(row, state="undone"))
    if row.happened:
        return Turn(replace(row, state="case"), "nothing", f"{row.kind}-refused-elsewhere", said.code)
    return Turn(replace(row, state="confirmed"), "answer")


def undone(row: AskedRow, verb: Verb, said: Said, now: int, give_up_ms: int) -> Turn:
    """Return what comes of undoing, or of asking whether it was done."""
    case = "loan-elsewhere-not-undone"
    if row.state != "undoing":
        return Turn(row)
    match said:
        case Done():  # settled: it is still lent there, so taking it back is tried again
            turn = Turn(replace(row, state="undone" if verb == "undo" else "undo"))
        case Refusal():
            if verb == "settle":
                return Turn(replace(row, state="undone"))
            return Turn(replace(row, state="case"), "nothing", case, said.code)
        case Away() if verb == "undo":
            turn = Turn(replace(row, state="undo"))
        case Doubt() | Away():
            turn = Turn(row)
        case _:
            assert_never(said)
    if turn.row.state != "undone" and now - row.since >= give_up_ms:
        detail = "" if isinstance(said, Done) else said.seen
        return Turn(replace(row, state="case"), "nothing", case, detail)
    return turn


def taken_back(row: AskedRow, now: int) -> Turn:
    """Return what comes of a withdrawal of what was carried out: a renewal cannot be undone there."""
    if row.outcome == "renewed":
        return Turn(replace(row, state="case", withdrawn=True), "nothing", "renewal-elsewhere-not-undone")
    return Turn(replace(row, state="undo", withdrawn=True, since=now))
