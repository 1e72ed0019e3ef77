"""The demo's terminal: one live status line, and keys for console, messages, faults and the end."""

import asyncio
import shutil
import sys
import termios
import tty
from contextlib import suppress
from typing import TYPE_CHECKING

from monitor.sentences import sentence
from sim.onlooker import Message
from sim.playground.app import Playground
from sim.playground.table import FAULTS, Table
from sim.reckoning import read_ledger
from wire.errors import TurnleafError

if TYPE_CHECKING:
    from turnleaf.demo import Demo

DULL = frozenset({"sample/1", "status/1", "fleet/1", "work/1", "parts/1", "resume/1", "central-status/1"})
BREAKABLE = {str(number): fault for number, fault in enumerate(FAULTS, 1)}
"""The key after f -> what it breaks, and mends when it is pressed again."""


class Keys:
    """Reads keys and writes the status line while the demo plays."""

    def __init__(self, demo: "Demo", playground: Playground, table: Table) -> None:
        self._demo = demo
        self._table = table
        self._messages = False
        self._faults = False
        self._quiet = False
        self._pressed: asyncio.Queue[str] = asyncio.Queue()
        demo.stage.onlooker.listeners.append(self._message)

    async def run(self) -> None:
        """Read keys until cancelled; the terminal is left as it was found."""
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        loop = asyncio.get_running_loop()
        tty.setcbreak(fd)
        loop.add_reader(fd, lambda: self._pressed.put_nowait(sys.stdin.read(1)))
        try:
            while True:
                key = ""
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        key = await self._pressed.get()
                if key == "c":
                    await self._console(fd, before)
                else:
                    await self._key(key)
                self._status()
        finally:
            loop.remove_reader(fd)
            termios.tcsetattr(fd, termios.TCSADRAIN, before)

    async def _key(self, key: str) -> None:
        if key in ("q", "\x04"):
            self._demo.ending.set()
        elif key == "m":
            self._messages = not self._messages
            self._line("messages in plain words: " + ("on" if self._messages else "off"))
        elif key == "f":
            self._faults = True
            self._line("faults, once to break and once to mend:")
            for number, fault in BREAKABLE.items():
                self._line(f"  {number}  {fault.title} / {fault.mend}")
        elif self._faults and key in BREAKABLE:
            fault = BREAKABLE[key]
            on = not self._table.faults[fault.name]
            self._line(fault.title if on else fault.mend)
            try:
                await self._table.fault(fault.name, on)
            except TurnleafError as error:
                self._line(error.seen)

    async def _console(self, fd: int, before: list[object]) -> None:
        """Run the console in this terminal; the demo plays on."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)  # type: ignore[arg-type]  # as tcgetattr gave it
        self._quiet = True
        words = self._demo.console("console", "--operate")
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", *words)
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
            self._quiet = False
            tty.setcbreak(fd)
            loop.add_reader(fd, lambda: self._pressed.put_nowait(sys.stdin.read(1)))

    def _message(self, message: Message) -> None:
        body = message.body()
        dull = body.get("schema") in DULL or body.get("kind") == "hello"
        if self._messages and not self._quiet and not dull and not message.retained:
            self._line(sentence(message.levels, body))

    def _line(self, text: str) -> None:
        if not self._quiet:
            width = shutil.get_terminal_size().columns
            sys.stderr.write(f"\r{'':<{width - 1}}\r  {text}\n")

    def _status(self) -> None:
        """Write the one live line."""
        if self._quiet:
            return
        facts = read_ledger(self._demo.stage.ledger_path)
        onlooker = self._demo.stage.onlooker
        done = sum(self._table.progress.done)
        text = (
            f"  {sum(facts.loans.values())} loans · {sum(facts.returns.values())} returns ·"
            f" {facts.passages} passages · {facts.alarms} alarms · {onlooker.messages} messages ·"
            f" steps {done}/5"
        )
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{text[:width]:<{width}}")
        sys.stderr.flush()
