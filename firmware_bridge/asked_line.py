"""A line to a reader whose frames carry no number: one question in flight, each answer for its own question.

On such a line an answer that comes late, or twice, looks like the answer to whatever was asked next, and
would put one tag's content under another tag's name. So after anything doubtful — a timeout, a frame that
does not fit, a caller that was cancelled, bytes that came unasked, a fresh connection behind which a serial
line may still hold old bytes — a *fence* is asked first: a question whose answer comes under a command that
nothing else is asked with. A reader answers in order; what comes before that answer is old and dropped.

Questions that only read are asked again after a timeout. A write is asked once: whoever wrote reads back.

Not here: frames, commands and what the fence is; a make's own line adds them (`feig.line`, `threem.line`).
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from firmware_bridge.errors import DeviceLost, DeviceTimeout, FrameError
from firmware_bridge.ports import PadHealth, Transport
from wire.errors import DeviceError

QUIET_S = 0.1
"""A reader sends a frame in one go; after this pause a half frame was none."""
MEAN_OF = 16
MOST_PAGES = 64
"""Answers to one inventory; a reader that has more than this to say repeats itself."""


class FrameLike(Protocol):
    """A frame of any make."""

    @property
    def command(self) -> int:
        """What is asked, or answered."""

    @property
    def payload(self) -> bytes:
        """What stands between the command and the check."""


T = TypeVar("T")
F = TypeVar("F", bound=FrameLike)
Read = Callable[[int, bytes], T]
"""Makes a value of an answer's status and data; raises the error that it names."""


class Parser(Protocol[F]):
    """Cuts a stream of bytes into frames (`feig.frames`, `threem.frames`)."""

    crc_errors: int

    def feed(self, data: bytes) -> list[F]:
        """Take bytes; return the frames that are complete."""

    def salvage(self) -> list[F]:
        """Return the frames behind a beginning that was probably none."""

    def reset(self) -> None:
        """Forget a half frame."""


class AskedLine(ABC, Generic[F]):
    """A connection to one reader that is opened on demand and comes back by itself."""

    advice = "Look at the reader's lights; switch it off and on if it stays silent."
    """What to do about a reader that does not answer."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Transport]],
        parser: Callable[[], Parser[F]],
        log: logging.Logger,
        *,
        timeout_s: float,
        attempts: int,
    ) -> None:
        self._connect = connect
        self._fresh_parser = parser
        self._log = log
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._transport: Transport | None = None
        self._parser = parser()
        self._doubt = True
        self._lock = asyncio.Lock()
        self._health = PadHealth()
        self._exchanges, self._response_ms = 0, 0.0

    @property
    def health(self) -> PadHealth:
        """How the reader has answered so far; what counts with each answer is put in when somebody asks."""
        return replace(self._health, exchanges=self._exchanges, response_ms=self._response_ms)

    @health.setter
    def health(self, health: PadHealth) -> None:
        self._health = health
        self._exchanges, self._response_ms = health.exchanges, health.response_ms

    @abstractmethod
    async def _fence(self) -> None:
        """Ask the fence, by `_talk`; raises DeviceTimeout when the reader stays silent in every form."""

    @abstractmethod
    def _bytes(self, request: F) -> bytes:
        """Return a question as it goes over the line; raises DeviceRefused when it cannot."""

    def _said(self, answer: F) -> tuple[int, bytes]:
        """Return status and data of an answer."""
        return answer.payload[0], answer.payload[1:]

    def _connected(self) -> None:
        """Do what a fresh connection asks for."""

    async def close(self) -> None:
        """Let the reader go; most take one connection at a time."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def ready(self) -> None:
        """Connect and get in step; raises DeviceLost or DeviceTimeout before anything was written."""
        async with self._lock:
            await self._in_step()

    async def ask(self, request: F, read: Read[T], *, once: bool = False) -> T:
        """Return what `read` makes of the answer; a question that is not `once` is repeated.

        Raises DeviceLost, DeviceTimeout, FrameError, or what `read` raises.
        """
        async with self._lock:
            return await self._again(lambda: self._exchange(request, read), 1 if once else self._attempts)

    async def ask_pages(self, first: F, more: F, read: Read[tuple[T, bool]]) -> list[T]:
        """Return the pages of an answer; `read` also says whether the reader has more.

        Nobody else asks in between, and a page that is lost cannot be asked for again: all begins anew.
        """

        async def all_pages() -> list[T]:
            pages: list[T] = []
            request = first
            while len(pages) < MOST_PAGES:
                page, has_more = await self._exchange(request, read)
                pages.append(page)
                if not has_more:
                    return pages
                request = more
            raise FrameError("the reader says again and again that it has more", do="It is asked again.")

        async with self._lock:
            return await self._again(all_pages, self._attempts)

    async def _again(self, once: Callable[[], Awaitable[T]], attempts: int) -> T:
        last: DeviceError | None = None
        for attempt in range(attempts):
            if attempt:
                self.health = replace(self.health, retries=self.health.retries + 1)
            try:
                return await once()
            except (DeviceTimeout, FrameError) as error:
                last = error
        assert last is not None
        raise last

    async def _exchange(self, request: F, read: Read[T]) -> T:
        await self._in_step()
        self._doubt = True  # until the answer is there, also when the caller is cancelled meanwhile
        status, data = await self._talk(request)
        try:
            found = read(status, data)
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
            self._parser = self._fresh_parser()
            self._doubt = True
            self._connected()
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
        if transport.quiet():
            return False
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

    async def _talk(self, request: F, raw: bytes = b"", patience_s: float = 0.0) -> tuple[int, bytes]:
        """Send one frame and return the answer's status and data; hangs up when the line is lost.

        `raw` is the frame in another form than the usual one, `patience_s` another patience.
        """
        assert self._transport is not None
        transport = self._transport
        loop = asyncio.get_running_loop()
        raw = raw or self._bytes(request)
        started = loop.time()
        try:
            await transport.write(raw)
            until = started + (patience_s or self._timeout_s)
            answer = await self._answer(transport, request.command, until)
        except DeviceTimeout:
            self.health = replace(self.health, timeouts=self.health.timeouts + 1)
            raise
        except DeviceError:
            await self.close()
            raise
        finally:
            self._count_crc()
        self._count_answer((loop.time() - started) * 1000)
        return self._said(answer)

    async def _answer(self, transport: Transport, command: int, until: float) -> F:
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
                self._log.debug("dropped a late answer to command %02X", frame.command)

    def _silent(self, command: int) -> DeviceTimeout:
        return DeviceTimeout(
            f"the reader did not answer command {command:02X} in {self._timeout_s:g} s",
            why="No tag can be read or written.",
            do=self.advice,
        )

    def _count_answer(self, took_ms: float) -> None:
        self._exchanges += 1
        self._response_ms += (took_ms - self._response_ms) / min(self._exchanges, MEAN_OF)

    def _count_crc(self) -> None:
        found, self._parser.crc_errors = self._parser.crc_errors, 0
        if found:
            self.health = replace(self.health, crc_errors=self.health.crc_errors + found)

    def count_tag(self, reached: bool) -> None:
        """Take one command to a tag into the read rate."""
        rate = self.health.read_rate
        self.health = replace(self.health, read_rate=rate + (float(reached) - rate) / MEAN_OF)
