"""The inline proxy that keeps a record: what passes is redacted first and written after, aside."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from central.sip2.codec import PLAIN, Dialect
from central.sip2.record import Placeholders, Transcript, heading
from wire.clock import Clock
from wire.errors import ConfigError

log = logging.getLogger("turnleaf.central.sip2.record")

WAITING = 10_000
"""Lines that wait for a slow disk; more are left out and counted."""
GATHER_S = 0.1
"""Lines are gathered so long before they are written: two threads that take turns slow those who talk."""


class RecordTap:
    """A `Tap` that redacts what it hears."""

    def __init__(
        self, transcript: Transcript, seconds: Callable[[], float], write: Callable[[list[str]], None]
    ) -> None:
        self._transcript = transcript
        self._seconds = seconds
        self._write = write

    def from_terminal(self, data: bytes) -> None:
        """Take what the kiosk said."""
        self._write(self._transcript.hear("kiosk", data, self._seconds()))

    def from_system(self, data: bytes) -> None:
        """Take what the library system said."""
        self._write(self._transcript.hear("system", data, self._seconds()))

    def ended(self) -> None:
        """Write down what had not ended."""
        self._write(self._transcript.over(self._seconds()))


class Recorder:
    """Makes the taps of a proxy, and writes what they hear while `run()` runs. Use `Recorder.to`."""

    def __init__(self, out: TextIO, clock: Clock, dialect: Dialect) -> None:
        self.lines = 0
        self.lost = 0
        """Lines for which there was no room, in memory or on the disk."""
        self._out = out
        self._clock = clock
        self._dialect = dialect
        self._names = Placeholders()
        self._began = clock.mono()
        self._connections = 0
        self._held: list[str] = []
        self._news = asyncio.Event()

    @classmethod
    @contextmanager
    def to(cls, file: Path, clock: Clock, version: str, dialect: Dialect = PLAIN) -> "Iterator[Recorder]":
        """Make the file, for its owner alone; raises ConfigError when it cannot be made, or is there."""
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{file}: {error.strerror}", do="Name a file that is not there yet and can be made."
            ) from error
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(heading(dialect, version) + "\n")
            yield cls(out, clock, dialect)

    def tap(self) -> RecordTap:
        """Return the tap of a new connection."""
        self._connections += 1
        transcript = Transcript(self._names, self._connections, self._dialect)
        return RecordTap(transcript, lambda: (self._clock.mono() - self._began) / 1000, self._take)

    async def run(self) -> None:
        """Write until cancelled, and then what is left; never in the way of who talks."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "record") as disk:  # one thread: lines keep their order to the last
            try:
                while True:
                    await self._news.wait()
                    await asyncio.sleep(GATHER_S)
                    await asyncio.shield(loop.run_in_executor(disk, self._write, self._gathered()))
            finally:
                disk.submit(self._write, self._gathered())

    def _take(self, lines: list[str]) -> None:
        room = WAITING - len(self._held)
        self._held += lines[:room]
        self.lost += len(lines[room:])
        self._news.set()

    def _gathered(self) -> list[str]:
        lines, self._held = self._held, []
        self._news.clear()
        return lines

    def _write(self, lines: list[str]) -> None:
        try:
            self._out.writelines(f"{line}\n" for line in lines)
            self._out.flush()
            self.lines += len(lines)
        except OSError as error:
            self.lost += len(lines)
            log.error("the record cannot be written: %s", error.strerror)
