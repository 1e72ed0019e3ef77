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
from dataclasses import dataclass

from firmware_bridge.errors import DeviceLost, FrameError
from firmware_bridge.feig import buffer, control, words
from firmware_bridge.feig.buffer import DataSet
from firmware_bridge.feig.frames import Frame, Parser, encode

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
        self.damaged = 0
        """Frames, or what looked like one, that could not be read."""

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
        heard, told = loop.time(), False
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
            self.damaged, parser.crc_errors = self.damaged + parser.crc_errors, 0
            for frame in frames:
                await self._take(frame, writer, name)
            if self._silent_s is not None and not told and loop.time() - heard >= self._silent_s:
                told = True
                self._emit(Silent(name))

    async def _take(self, frame: Frame, writer: asyncio.StreamWriter, name: str) -> None:
        status, data = frame.payload[:1], frame.payload[1:]
        try:
            if frame.command == words.READ_BUFFER and status and status[0] in buffer.CARRIES_DATA:
                sets = buffer.parse_sets(data)
                self._emit(Pushed(name, sets, status[0] == words.BUFFER_OVERFLOW))
                if self._acknowledge:
                    writer.write(encode(buffer.clear_buffer()))
                    await writer.drain()
            elif frame.command == words.DIAGNOSTIC and status:
                self._emit(Alive(name, control.parse_diagnostic(data)))
            else:
                self._emit(Alive(name))
        except FrameError as error:
            self.damaged += 1
            log.warning("reader %s: %s", name, error.seen)
