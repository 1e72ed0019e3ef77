"""The stream on the disk: the station's pure step, carried out (docs/streams.md §1.4, S2-S4).

`wire.streams.station` decides, this class remembers and reads: what a step makes durable is committed
before anything it says is returned to be published.

Not for: the network; `wire.uplink` publishes what these methods return.
"""

import json
from dataclasses import replace
from typing import assert_never

from wire.edge.outbox import Outbox
from wire.edge.rows import OutboxRow, instant, pack, to_message, unreadable
from wire.messages.base import stamped
from wire.messages.facts import Began
from wire.messages.stream import Entry, Hello, Lost, Resume, Void
from wire.streams.station import (
    Confirm,
    Effect,
    Event,
    Fork,
    Fresh,
    Heard,
    Held,
    SayHello,
    SayLost,
    Send,
    Station,
    Talk,
    step,
)

Said = Hello | Entry | Void | Lost


class EdgeStore(Outbox):
    """One open edge.db, with the stream that it sends."""

    def heard(self, talk: Talk, resume: Resume, now: float, fresh: Fresh) -> tuple[Talk, list[Said]]:
        """S3: hold central's evidence against the rows on this disk."""
        event = Heard(resume, self._id_of(resume.upto), self._id_of(resume.high), now, fresh)
        return self.advance(talk, event)

    def advance(self, talk: Talk, event: Event) -> tuple[Talk, list[Said]]:
        """Step, store what the step made durable, and return what is to be said after that."""
        state, effects = step(Station(self.held, talk), event)
        forks = any(isinstance(effect, Fork) for effect in effects)
        if forks:
            with self._commit():
                self._store(effects)
        elif any(isinstance(effect, Confirm) for effect in effects):
            self._store_lazily(effects)
        assert self.held == state.held
        return state.talk, [said for effect in effects for said in self._say(effect, state.talk)]

    def _store_lazily(self, effects: tuple[Effect, ...]) -> None:
        """`confirmed` is a copy of what central knows: losing it to a power cut costs a few sent again.

        So it is written in order (WAL) but not waited for; whatever depends on it is a later, full commit.
        """
        self._db.execute(f"PRAGMA synchronous={self._lazy}")
        try:
            with self._commit():
                self._store(effects)
        finally:
            self._db.execute(f"PRAGMA synchronous={self._synchronous}")

    def _store(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Confirm(upto=upto):
                    self._confirm(upto)
                case Fork():
                    self._fork(effect)
                case SayHello() | SayLost() | Send():
                    pass
                case _:
                    assert_never(effect)

    def _confirm(self, upto: int) -> None:
        new = self._db.execute(
            "SELECT coalesce(sum(length(body)), 0) FROM outbox WHERE seq > ? AND seq <= ?",
            (self._known, upto),
        ).fetchone()[0]
        self._open_bytes -= new
        self._known = max(self._known, upto)
        self._db.execute("UPDATE stream SET confirmed = ?, known = ?", (upto, self._known))
        self.held = replace(self.held, confirmed=upto)

    def _fork(self, fork: Fork) -> None:
        """S4: every row still held, confirmed or not, under its old id after a new `began`.

        The bound goes on counting only those that were not confirmed before.
        """
        shift = 1 - self.held.pruned_seq
        known = self._known + shift
        self._db.execute("DELETE FROM stream")
        self._db.execute("UPDATE outbox SET seq = -seq")
        self._db.execute("UPDATE outbox SET seq = ? - seq", (shift,))
        body = Began(
            parents=fork.parents,
            first=fork.first,
            last=fork.last,
            reason="fork",
            **stamped(self._stamper.stamp()),
        )
        packed, _ = pack(body)
        self._db.execute(
            "INSERT INTO stream VALUES (1, ?, ?, 0, 0, '', ?)", (fork.stream, json.dumps(fork.parents), known)
        )
        self._insert(OutboxRow(1, fork.began, body.schema_name, packed, instant(body.at)))
        last = self._db.execute("SELECT seq, id FROM outbox ORDER BY seq DESC LIMIT 1").fetchone()
        self.held = Held(fork.stream, fork.parents, *last)
        self._known = known

    def _say(self, effect: Effect, talk: Talk) -> list[Said]:
        match effect:
            case SayHello(hello=hello):
                return [hello]
            case SayLost(lost=lost):
                return [lost]
            case Send(first=first, last=last):
                return self.messages(talk, first, last)
            case Confirm() | Fork():
                return []
            case _:
                assert_never(effect)

    def messages(self, talk: Talk, first: int, last: int) -> list[Said]:
        """Return the entries first..last for the link and the central of `talk`."""
        if talk.central is None:
            return []
        prev_id = self.held.pruned_id if first == self.held.first else self._id_of(first - 1)
        said: list[Said] = []
        for row in self._rows(first, last):
            sound = row if (why := unreadable(row)) is None else self.void(row, why)
            said.append(
                to_message(sound, prev_id or "", stream=self.held.stream, link=talk.link, to=talk.central)
            )
            prev_id = row.id
        return said

    def waiting(self, talk: Talk) -> list[Said]:
        """Return the published requests that still wait for an answer: confirmed is not answered (S2, L2)."""
        said: list[Said] = []
        for request in tuple(self.unsettled):
            if self.phases[request] != "waiting":
                continue
            found = self._db.execute("SELECT seq FROM outbox WHERE id = ?", (request,)).fetchone()
            if found and found[0] <= max(talk.sent, self.held.confirmed):
                said += self.messages(talk, found[0], found[0])
        return said
