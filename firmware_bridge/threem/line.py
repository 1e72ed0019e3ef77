"""The line to a 3M reader: one question in flight, and each answer for its own question.

3M frames carry no number. So after anything doubtful — a timeout, a frame that does not fit, a caller that
was cancelled, bytes that came unasked, a fresh connection behind which a serial line may still hold old bytes
— a *fence* is asked first: the reader's version, under a command that nothing else here is asked with. A
reader answers in order; what comes before the fence's answer is old and dropped.

A reader that is busy does not take a command at all (specification §1.1). After a question that was given up
the fence may meet such a reader, so that it is asked three times, for a share of the patience each; the
second time in the older form, which wakes 810 readers.

Questions that only read are asked again after a timeout. A write is asked once: whoever wrote reads back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from firmware_bridge.errors import DeviceLost, DeviceTimeout, FrameError
from firmware_bridge.ports import PadHealth, Transport
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import Frame, Parser, encode
from wire.errors import DeviceError

log = logging.getLogger("turnleaf.firmware_bridge.threem")

T = TypeVar("T")
Read = Callable[[int, bytes], T]
"""Makes a value of an answer's error code and data; raises the error that it names."""

QUIET_S = 0.1
"""A reader sends a frame in one go; after this pause a half frame was none."""
MEAN_OF = 16
FENCES = ((commands.version(), 0.5), (Frame(words.VERSION, old=True), 0.5), (commands.version(), 1.0))
"""The fence's forms, each with its share of the patience."""


class Line:
    """A connection to one reader that is opened on demand and comes back by itself."""

    def __init__(
        self, connect: Callable[[], Awaitable[Transport]], *, timeout_s: float, attempts: int
    ) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._transport: Transport | None = None
        self._parser = Parser()
        self._doubt = True
        self._lock = asyncio.Lock()
        self.health = PadHealth()

    async def close(self) -> None:
        """Let the reader go; a serial port belongs to one program at a time."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def ready(self) -> None:
        """Connect and get in step; raises DeviceLost or DeviceTimeout before anything was written."""
        async with self._lock:
            await self._in_step()

    async def ask(self, request: Frame, read: Read[T], *, once: bool = False) -> T:
        """Return what `read` makes of the answer; a question that is not `once` is repeated.

        Raises DeviceLost, DeviceTimeout, FrameError, or what `read` raises.
        """
        async with self._lock:
            last: DeviceError | None = None
            for attempt in range(1 if once else self._attempts):
                if attempt:
                    self.health = replace(self.health, retries=self.health.retries + 1)
                try:
                    return await self._exchange(request, read)
                except (DeviceTimeout, FrameError) as error:
                    last = error
            assert last is not None
            raise last

    async def _exchange(self, request: Frame, read: Read[T]) -> T:
        await self._in_step()
        self._doubt = True  # until the answer is there, also when the caller is cancelled meanwhile
        code, data = await self._talk(request, self._timeout_s)
        try:
            found = read(code, data)
        except FrameError:
            raise
        except DeviceError:
            self._doubt = False
            raise
        self._doubt = False
        return found

    async def _in_step(self) -> None:
        """Connect if need be, throw away what came unasked, and ask a fence when anything is in doubt."""
        if self._transport is None:
            self._transport = await self._connect()
            self._parser = Parser()
            self._doubt = True
            self.health = replace(self.health, connections=self.health.connections + 1)
        elif await self._came_unasked(self._transport):
            self._doubt = True
        if self._doubt:
            self._parser.reset()
            try:
                await self._fence()
            except DeviceTimeout:
                await self.close()
                raise
            self._doubt = False

    async def _came_unasked(self, transport: Transport) -> bool:
        await asyncio.sleep(0)  # twice: once for the poll that finds the bytes, once for their delivery
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0):
                return bool(await transport.read())
        except TimeoutError:
            return False
        except DeviceLost:
            await self.close()
            raise

    async def _fence(self) -> None:
        *first, (last, share) = FENCES
        for request, part in first:
            try:
                await self._talk(request, self._timeout_s * part)
                return
            except DeviceTimeout:
                continue
        await self._talk(last, self._timeout_s * share)

    async def _talk(self, request: Frame, patience_s: float) -> tuple[int, bytes]:
        """Send one frame and return the answer's error code and data; hangs up when the line is lost."""
        assert self._transport is not None
        transport = self._transport
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            await transport.write(encode(request))
            answer = await self._answer(transport, request.command, started + patience_s)
        except DeviceTimeout:
            self.health = replace(self.health, timeouts=self.health.timeouts + 1)
            raise
        except DeviceError:
            await self.close()
            raise
        finally:
            self._count_crc()
        self._count_answer((loop.time() - started) * 1000)
        if answer.old:
            return words.OK, answer.payload
        return answer.payload[0], answer.payload[1:]

    async def _answer(self, transport: Transport, command: int, until: float) -> Frame:
        """Return the next frame that answers `command`; others are late answers and dropped."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(min(until, loop.time() + QUIET_S)):
                    data = await transport.read()
            except TimeoutError:
                frames = self._parser.salvage()
                if not frames and loop.time() >= until:
                    raise self._silent(command) from None
            else:
                frames = self._parser.feed(data)
            for frame in frames:
                if frame.command == command and frame.payload:
                    return frame
                log.debug("dropped a late answer to command %02X", frame.command)

    def _silent(self, command: int) -> DeviceTimeout:
        return DeviceTimeout(
            f"the reader did not answer command {command:02X} in {self._timeout_s:g} s",
            why="No tag can be read or written.",
            do="Look at the reader's light; pull its plug and put it in again if it stays silent.",
        )

    def _count_answer(self, took_ms: float) -> None:
        health = self.health
        mean = health.response_ms + (took_ms - health.response_ms) / min(health.exchanges + 1, MEAN_OF)
        self.health = replace(health, exchanges=health.exchanges + 1, response_ms=mean)

    def _count_crc(self) -> None:
        found, self._parser.crc_errors = self._parser.crc_errors, 0
        if found:
            self.health = replace(self.health, crc_errors=self.health.crc_errors + found)

    def count_tag(self, reached: bool) -> None:
        """Take one command to a tag into the read rate."""
        rate = self.health.read_rate
        self.health = replace(self.health, read_rate=rate + (float(reached) - rate) / MEAN_OF)
