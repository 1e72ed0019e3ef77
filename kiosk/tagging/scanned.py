"""Tags written in the order in which books come: scan the number on the book, lay the book on the pad, next.

The scanner plays keyboard into this command's terminal, or is an event device that is grabbed. A number is
good for one tag: the one that lies on the pad alone, steadily, after the scan. With two tags nothing is
written, and a number that is scanned while another one still waits takes its place, because nobody could say
which book is meant. A tag that was written just now still lies there when the next number comes: it holds an
item, so it is refused.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator

from firmware_bridge.barcode import CodeRules, judge
from firmware_bridge.ports import CodeRefused, CodeScanned, ReaderFound, ReaderLost, ScanEvent
from firmware_bridge.scanner import KeyboardScanner, KeyboardSettings, Lines
from kiosk.tagging.bench import Bench
from kiosk.tagging.marks import steady
from kiosk.tagging.program import Wanted
from kiosk.tagging.row import Tally
from kiosk.tagging.station import Programmed, TagStation
from wire.errors import ConfigError, DeviceError

STDIN = "-"
WAIT_S = 15.0
"""Seconds from a scan until its book must lie on the pad."""
CHUNK = 4096


async def typed(descriptor: int) -> AsyncIterator[ScanEvent]:
    """Yield the lines that are typed into a terminal or a pipe; ends with it.

    Raises ConfigError for a file: it has no moments between its lines, and a list has a command of its own.
    """
    loop, lines = asyncio.get_running_loop(), Lines()
    came: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:  # at once: a terminal that is not non-blocking would hold up who reads a moment later
        data = os.read(descriptor, CHUNK)
        came.put_nowait(data)
        if not data:
            loop.remove_reader(descriptor)

    try:
        loop.add_reader(descriptor, read)
    except PermissionError as error:
        raise ConfigError(
            "the numbers come from a file, not from a scanner", do="Give a list with --csv FILE."
        ) from error
    try:
        while data := await came.get():
            for code in lines.feed(data):
                yield judge(code.strip(), CodeRules())
    finally:
        loop.remove_reader(descriptor)


class Numbers:
    """The newest number that was scanned; older ones that nobody took are void, and said to be."""

    def __init__(self, bench: Bench, device: str) -> None:
        self._bench = bench
        self._device = device
        self._waiting: str | None = None
        self._news = asyncio.Event()
        self.ended = False

    @property
    def newer(self) -> bool:
        """Whether a number waits that nobody has taken."""
        return self._waiting is not None

    async def run(self) -> None:
        """Take what is scanned until the scanner is at its end."""
        scanner = (
            typed(sys.stdin.fileno())
            if self._device == STDIN
            else KeyboardScanner(KeyboardSettings(self._device)).events()
        )
        try:
            async for event in scanner:
                self._take(event)
        finally:
            self.ended = True
            self._news.set()

    def _take(self, event: ScanEvent) -> None:
        match event:
            case CodeScanned(code=code):
                if self._waiting is not None and self._waiting != code:
                    self._bench.say(f"{self._waiting} was not written: {code} was scanned after it")
                self._waiting = code
                self._news.set()
            case CodeRefused(reason=reason):
                self._bench.say(f"scan it again: {reason}")
            case ReaderLost(error=error):
                self._bench.say(f"the scanner is gone: {error.seen}")
            case ReaderFound(info=info):
                self._bench.say(f"the scanner is there: {info.model}")

    async def next(self) -> str | None:
        """Return the next number; None at the end."""
        while self._waiting is None and not self.ended:
            await self._news.wait()
            self._news.clear()
        code, self._waiting = self._waiting, None
        return code


async def write_scanned(bench: Bench, station: TagStation, numbers: Numbers) -> AsyncIterator[Programmed]:
    """Yield what became of each number that met a tag; ends with the scanner."""
    bench.say("scan the number on a book, then lay the book on the pad")
    while (code := await numbers.next()) is not None:
        tags = bench.settings.tags
        wanted = Wanted(code, tags.owner, bench.args.part, bench.args.parts, tags.usage)
        bench.say(f"{code}: lay the book on the pad")
        try:
            uids = await steady(bench, lambda: numbers.newer, WAIT_S)
            if uids is None:
                bench.say(f"{code} was not written: another number was scanned")
                continue
            if len(uids) != 1:
                lie = f"{len(uids)} tags lie on the pad: lay one down alone" if uids else "no tag came"
                bench.say(f"{code} was not written: {lie}, and scan it again")
                bench.beep(False)
                continue
            result = await station.program(next(iter(uids)), wanted, reason=bench.args.force or "")
        except DeviceError as error:
            bench.say(f"{code} was not written: {error.seen}; scan it again")
            bench.beep(False)
            continue
        yield result
        bench.say("next: take it away and scan the next book")


async def row_of_scans(bench: Bench, station: TagStation, tally: Tally) -> AsyncGenerator[Programmed, None]:
    """Scan and write until the scanner ends; the two go on side by side."""
    numbers = Numbers(bench, bench.args.from_scanner)
    listening = asyncio.create_task(numbers.run(), name="scanner")
    try:
        async for result in write_scanned(bench, station, numbers):
            tally.take(result, bench.clock.mono())
            bench.beep(result.outcome in ("written", "already"))
            yield result
        await listening
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
