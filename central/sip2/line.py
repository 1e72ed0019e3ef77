"""One connection of a terminal: bytes and time around `session`.

Reading is done where the frame is, in some tens of microseconds. What takes longer (the desk's commit, a PIN,
a login) is waited for, one thing at a time; frames that come meanwhile are held, and beyond a few nothing
more is read from that terminal. So one terminal never keeps another waiting, and none can fill the memory.
The desk calls back after its commit, and the answer leaves in that very turn of the loop. Nothing a terminal
says is logged: no card, no PIN, no item.
"""

import asyncio
import logging
import traceback
from collections import deque
from typing import Protocol, assert_never, cast

from central.ledger.rows import millis
from central.sip2.answers import local
from central.sip2.effects import (
    CheckLogin,
    Close,
    Done,
    Effect,
    Event,
    Failed,
    FoundItem,
    FoundPatron,
    FoundWord,
    Heard,
    Judged,
    JudgePin,
    LoggedIn,
    LookItem,
    LookPatron,
    LookWord,
    Send,
    Submit,
)
from central.sip2.framing import Framer
from central.sip2.house import House
from central.sip2.session import Session, step
from central.terminal import Outcome

log = logging.getLogger("turnleaf.central.sip2.server")

HELD = 32
"""Frames of one terminal that wait for the answer of another; beyond, nothing more is read from it."""
TURN = 16
"""Frames of one terminal that are answered before others have their turn."""
GOODBYE_S = 2.0
"""How long what was written may still go out after we hung up."""
NAMED_AFTER = 3
"""Unreadable frames in a row after which the log says what may be wrong."""


class Door(Protocol):
    """Who counts the connections."""

    answered: int

    def admit(self, line: "Line") -> bool:
        """Take a connection in, if there is room."""

    def leave(self, line: "Line") -> None:
        """Let a connection go."""


class Line(asyncio.Protocol):
    """One connection of one terminal."""

    def __init__(self, door: Door, house: House) -> None:
        self.house = house
        self._door = door
        self.address = ""
        self.task: asyncio.Task[None] | None = None
        self.session = Session(self.house.terms)
        self._framer = Framer(longest=self.house.limits.longest, utf8=False)
        self._held: deque[bytes] = deque()
        self._frame = b""
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._since = self._last = self._loop.time()
        self._paused = self._full = self._closing = False
        self._soon = False
        self._at_desk = False
        self._unread = 0

    # --- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else "local"
        if not self._door.admit(self):
            self._closing = True
            self._transport.abort()
            return
        opened = self.house.located(self.house.accounts.open_to(self.address))
        self.session = Session(self.house.terms, opened)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone; what the desk was asked is done all the same."""
        self._closing = True
        self._door.leave(self)
        self._held.clear()
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        """Take a piece of what they say."""
        dropped = self._framer.dropped
        frames = self._framer.feed(data)
        frames += [b""] * (self._framer.dropped - dropped)  # too long: asked for again
        if frames:
            self._last = self._loop.time()
            self._held += frames
            self._work()

    def pause_writing(self) -> None:
        """They do not read: nothing more is answered until they do."""
        self._paused = True

    def resume_writing(self) -> None:
        """They read again."""
        self._paused = False
        self._work()

    # --- frames, one at a time

    def deadline(self) -> float:
        """Return when to hang up, if nothing comes."""
        if self._waits:
            return float("inf")
        limits = self.house.limits
        return self._since + limits.login_s if self.session.account is None else self._last + limits.idle_s

    def _work(self) -> None:
        """Answer what is held, as far as it goes without waiting."""
        self._soon = False
        for _ in range(TURN):
            if not self._held or self._closing or self._paused or self._waits:
                break
            self._frame = self._held.popleft()
            self.take(Heard(self._frame))
        else:
            if self._held and not self._soon:
                self._soon = True
                self._loop.call_soon(self._work)
        full = len(self._held) > HELD
        if full != self._full and self._transport is not None and not self._closing:
            self._full = full
            (self._transport.pause_reading if full else self._transport.resume_reading)()

    def take(self, event: Event) -> None:
        """Let the session step, and do what it wants, until something takes its time."""
        now = millis(self.house.clock.now())
        found: Event | None = event
        while found is not None:
            taken, found = found, None
            try:
                self.session, effects = step(self.session, taken, now)
                if isinstance(taken, LoggedIn) and taken.account is not None:
                    log.info("%s logged in", self.who)
                for effect in effects:
                    found = self._do(effect, now) or found
            except Exception as error:
                self._told(error)
                if isinstance(taken, Failed):
                    self.hang_up("an error of ours")
                else:
                    found = Failed(self._frame)

    def _do(self, effect: Effect, now: int) -> Event | None:
        """Do one thing; returns what came of it, or None when that comes later, or never."""
        match effect:
            case Send(data):
                self._send(data)
            case Close(why):
                self.hang_up(why)
            case LookPatron() | LookItem() | LookWord():
                return self._look(effect, now)
            case JudgePin(card, pin):
                verdict = self.house.pin_at_once(self.who, card, pin)
                if verdict is not None:
                    return Judged(verdict)
                self._start(effect)
            case CheckLogin(user, password):
                known = self.house.known(user, password, self.address)
                if known is not None:
                    return LoggedIn(known)
                self._start(effect)
            case Submit(request):
                self.house.terminals.submit(request, self._done)
                self._at_desk = True
            case _:
                assert_never(effect)
        return None

    def _send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        self._door.answered += 1
        if data[:2] != b"96":
            self._unread = 0
            return
        self._unread += 1
        if self._unread == NAMED_AFTER:
            log.warning(
                "%s: %d messages in a row cannot be read; it may count other bytes (another encoding), or"
                " send no checksums where its profile wants them",
                self.who,
                self._unread,
            )

    def _look(self, effect: LookPatron | LookItem | LookWord, now: int) -> Event:
        reads = self.house.reads
        match effect:
            case LookItem(item):
                return FoundItem(reads.item(item))
            case LookWord(what, given):
                return FoundWord(reads.word(what, *given))
            case LookPatron(card, lists, first, most):
                today = local(now // 1000, self.session.speaker.zone).date()
                seen = reads.patron(card, today)
                if seen is None or not lists:
                    return FoundPatron(seen)
                found = [
                    (name, tuple(reads.entries(seen.patron, name, today, first, most))) for name in lists
                ]
                return FoundPatron(seen, tuple(found))

    # --- what takes its time

    @property
    def _waits(self) -> bool:
        return self._at_desk or self.task is not None

    def _done(self, outcome: Outcome | None) -> None:
        """Go on after the desk's commit; without an outcome the desk has ended, and so do we."""
        self._at_desk = False
        try:
            if outcome is None:
                self.hang_up("we stop")
            else:
                self._go_on(Done(outcome))
        except Exception as error:  # the desk calls, and has others to tell
            self._told(error)
            self.abort()

    def _go_on(self, event: Event) -> None:
        self._last = self._loop.time()
        if not self._closing:
            self.take(event)
            self._work()

    def _start(self, effect: CheckLogin | JudgePin) -> None:
        self.task = self._loop.create_task(self._later(effect), name="sip2 request")

    async def _later(self, effect: CheckLogin | JudgePin) -> None:
        event: Event
        try:
            match effect:
                case JudgePin(card, pin):
                    event = Judged(await self.house.pin(self.who, card, pin))
                case CheckLogin(user, password):
                    event = LoggedIn(await self.house.login(user, password, self.address))
                case _:
                    assert_never(effect)
        except Exception as error:
            self._told(error)
            event = Failed(self._frame)
        self.task = None
        self._go_on(event)

    # --- the end

    @property
    def who(self) -> str:
        """Name the terminal, for the log and for counting: its account, and from where it comes."""
        return f"{self.session.speaker.name or 'a terminal'} at {self.address}"

    def _told(self, error: Exception) -> None:
        """Log an error of ours by its place alone: its words may hold a card."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
        log.error("%s: a request was answered with an error: %s in %s", self.who, type(error).__name__, where)

    def hang_up(self, why: str) -> None:
        """Close once everything is sent."""
        if not self._closing and self._transport is not None:
            log.info("%s: hung up: %s", self.who, why)
            self._closing = True
            self._held.clear()
            self._transport.close()
            # One that never reads would keep its place for as long as it likes.
            self._loop.call_later(GOODBYE_S, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
