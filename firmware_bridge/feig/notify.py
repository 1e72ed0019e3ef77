"""Notification mode: FEIG readers connect to us and push what they have read.

A push is the answer to a "read buffer" [22] that nobody asked (H40801 §1.4, H90202 §5.4). Where the reader is
configured so, each is acknowledged by "clear data buffer" [32], and only after `emit` has returned: a record
comes at least once. A push that cannot be read is not acknowledged, so that it comes again.

The keep-alive is not described publicly byte for byte; manuals say that it carries the state of hardware
and antenna, so a frame of the diagnosis [6E] is read as one (unverified), and any other frame counts as a
sign of life. A reader that says nothing for `silent_s` is told as silent: it cannot complain by itself.

Not for: readers of the newest generation, which push events of a format that is not public.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.errors import DeviceLost, FrameError
from firmware_bridge.feig import buffer, control, words
from firmware_bridge.feig.buffer import DataSet
from firmware_bridge.feig.frames import Frame, Parser, encode
from firmware_bridge.rates import AntennaRates, named

log = logging.getLogger("turnleaf.firmware_bridge.feig")

MOST_READERS = 16
"""Readers connected at once; a listener has one port for a few readers."""
QUIET_S = 0.5
"""A push comes in one go; after this pause a half frame was none."""


@dataclass(frozen=True, slots=True)
class Came:
    """A reader has connected; `reader` is its network address."""

    reader: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a reader has read."""

    reader: str
    sets: tuple[DataSet, ...]
    overflowed: bool = False
    """The reader's buffer was full: some records are lost."""


@dataclass(frozen=True, slots=True)
class Alive:
    """A keep-alive; `faults` are the names of what the reader finds wrong with itself and its antenna."""

    reader: str
    faults: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Silent:
    """A connected reader has said nothing for longer than it should."""

    reader: str


@dataclass(frozen=True, slots=True)
class Went:
    """A reader has hung up."""

    reader: str


Notice = Came | Pushed | Alive | Silent | Went
Emit = Callable[[Notice], None]


@dataclass
class PushHealth:
    """What one reader has pushed since the listener began; it outlives a lost connection."""

    connections: int = 0
    """More than one: the reader was lost and came back."""
    pushes: int = 0
    records: int = 0
    """Data sets in all pushes: tags and input events."""
    tags: int = 0
    overflows: int = 0
    """Pushes of a reader whose buffer was full."""
    damaged: int = 0
    """Frames, or what looked like one, that could not be read."""
    silences: int = 0
    heard_at: float | None = None
    """When it last said anything, by the loop's clock."""
    rates: AntennaRates = field(default_factory=AntennaRates)

    def take(self, sets: tuple[DataSet, ...], *, overflowed: bool) -> None:
        """Count one push; a tag that several antennas read counts at each of them."""
        self.pushes += 1
        self.records += len(sets)
        self.overflows += overflowed
        for one in sets:
            self.tags += one.is_tag
            for antenna in one.antennas if one.is_tag else ():
                self.rates.count(antenna)

    def sample(self, now_s: float) -> dict[str, float]:
        """Return the values of a health sample; rates are those since the last one."""
        counted = ("pushes", "records", "tags", "overflows", "damaged", "silences")
        values = named(self.rates.per_second(now_s)) | {name: float(getattr(self, name)) for name in counted}
        values["reconnections"] = float(max(0, self.connections - 1))
        return values if self.heard_at is None else values | {"heard_age_s": max(0.0, now_s - self.heard_at)}


class Listener:
    """Readers that connect to us. `async with` it; notices are emitted in the order of each reader."""

    def __init__(
        self,
        host: str,
        port: int,
        emit: Emit,
        *,
        acknowledge: bool = False,
        silent_s: float | None = None,
    ) -> None:
        self._address = (host, port)
        self._emit = emit
        self._acknowledge = acknowledge
        self._silent_s = silent_s
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.port = port
        self.health: dict[str, PushHealth] = {}
        """Network address of a reader -> what it has pushed."""

    @property
    def damaged(self) -> int:
        """Frames, or what looked like one, that could not be read, of all readers."""
        return sum(one.damaged for one in self.health.values())

    def sample(self) -> dict[str, dict[str, float]]:
        """Return a health sample of each reader that has connected."""
        now = asyncio.get_running_loop().time()
        return {name: one.sample(now) for name, one in self.health.items()}

    async def __aenter__(self) -> "Listener":
        """Listen; raises DeviceLost when the address cannot be had."""
        try:
            self._server = await asyncio.start_server(self._join, *self._address)
        except OSError as error:
            raise DeviceLost(
                f"cannot listen on {self._address[0]}:{self._address[1]} ({error})",
                why="Readers in notification mode have nowhere to report to.",
                do="Choose another port, and set it in the readers' notification channel.",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._talks):
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _join(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        name = str((writer.get_extra_info("peername") or ("?",))[0])
        if task is None or len(self._talks) >= MOST_READERS:
            writer.close()
            return
        self._talks.add(task)
        self.health.setdefault(name, PushHealth()).connections += 1
        self._emit(Came(name))
        try:
            await self._talk(stream, writer, name)
        except (OSError, asyncio.CancelledError) as error:
            log.debug("reader %s: %s", name, error)
        finally:
            self._talks.discard(task)
            writer.close()
            self._emit(Went(name))

    async def _talk(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        parser, loop = Parser(), asyncio.get_running_loop()
        heard, told, health = loop.time(), False, self.health[name]
        while True:
            wait = QUIET_S if parser.pending else self._silent_s
            try:
                async with asyncio.timeout(wait):
                    data = await stream.read(4096)
            except TimeoutError:
                frames = parser.salvage()
                if not frames:
                    parser.reset()
            else:
                if not data:
                    return
                frames = parser.feed(data)
                heard, told = loop.time(), False
                health.heard_at = heard
            health.damaged, parser.crc_errors = health.damaged + parser.crc_errors, 0
            for frame in frames:
                await self._take(frame, writer, name)
            if self._silent_s is not None and not told and loop.time() - heard >= self._silent_s:
                told = True
                health.silences += 1
                self._emit(Silent(name))

    async def _take(self, frame: Frame, writer: asyncio.StreamWriter, name: str) -> None:
        status, data = frame.payload[:1], frame.payload[1:]
        try:
            if frame.command == words.READ_BUFFER and status and status[0] in buffer.CARRIES_DATA:
                sets, overflowed = buffer.parse_sets(data), status[0] == words.BUFFER_OVERFLOW
                self.health[name].take(sets, overflowed=overflowed)
                self._emit(Pushed(name, sets, overflowed))
                if self._acknowledge:
                    writer.write(encode(buffer.clear_buffer()))
                    await writer.drain()
            elif frame.command == words.DIAGNOSTIC and status:
                self._emit(Alive(name, control.parse_diagnostic(data)))
            else:
                self._emit(Alive(name))
        except FrameError as error:
            self.health[name].damaged += 1
            log.warning("reader %s: %s", name, error.seen)
