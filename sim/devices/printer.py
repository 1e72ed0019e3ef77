"""The far end of a receipt printer's cable: answers DLE EOT n from its roll, GS I n, and prints, over TCP.

It answers as an Epson does: one byte, no echo. Faults: unplugged (nobody listens), mute (the line is open
and nothing is said), cover open.
"""

import asyncio
import os
import tty
from collections.abc import Callable

from firmware_bridge.escpos import DLE, EOT, FIXED, Ask, OfflineBit, PaperBit, PrinterBit
from sim.devices.paper import PaperRoll

NEAR_END_MM = 8_000.0
"""Paper left when the near-end lever reaches the core; models are set to a few metres."""
LINE_MM = 4.0
"""Paper that a line takes."""
CUT = "-- cut --"
LF, ESC, GS = 0x0A, 0x1B, 0x1D
COMMANDS: dict[int, dict[int, int]] = {
    ESC: dict.fromkeys(b"!EadtMGJ-{R", 3),
    GS: {ord("V"): 3, ord("!"): 3, ord("B"): 3, ord("I"): 3},
}
"""First byte -> second byte -> length, of the commands that receipts use; others are two bytes long."""
PAGES = {0: "cp437", 2: "cp850", 16: "cp1252", 19: "cp858", 15: "iso8859_7"}
"""Code pages by the number of ESC t, as Epson's printers number them."""
END_MM = 100.0
"""Paper between the end sensor and the print head: less cannot be printed on."""


class EscposPrinter:
    """One printer with one roll."""

    def __init__(self, roll: PaperRoll | None = None) -> None:
        self.roll = roll or PaperRoll()
        self.mute = False
        self.cover_open = False
        self.host, self.port = "127.0.0.1", 0
        self.paper: list[str] = []
        """What stands on the paper, a line each; `CUT` where it was cut."""
        self.cut_after: int | None = None
        """So many lines are printed before the line is cut off in mid-print; None is never."""
        self.questions = 0
        """Questions that arrived, mute or not."""
        self.identity: dict[int, str] = {65: "11.20", 66: "EPSON", 67: "TM-T20II", 68: "J5KF018822"}
        """What it says of itself, by the n of GS I n; nothing for another n."""
        self._line, self._page = "", "ascii"
        self._told = b""
        self._ends: tuple[int, ...] = ()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; on the same port again after `unplug`."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def plug_serial(self) -> str:
        """Open its serial port, a pseudo terminal, and return its path; `stop` closes it."""
        self._ends = os.openpty()
        for end in self._ends:
            tty.setraw(end)
        waiting = b""

        def heard() -> None:
            nonlocal waiting
            waiting = self._hear(
                waiting + os.read(self._ends[0], 4096), lambda data: _put(self._ends[0], data)
            )

        asyncio.get_running_loop().add_reader(self._ends[0], heard)
        return os.ttyname(self._ends[1])

    async def stop(self) -> None:
        """Hang up, and listen no more."""
        if self._ends:
            asyncio.get_running_loop().remove_reader(self._ends[0])
            for end in self._ends:
                os.close(end)
            self._ends = ()
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in list(self._lines):
            line.transport.abort()

    async def unplug(self) -> None:
        """Pull the cable."""
        await self.stop()

    async def plug(self) -> None:
        """Put the cable back in."""
        if self._server is None:
            await self.start()

    def use_up(self, left_mm: float = 0.0) -> None:
        """Let the roll be used down to `left_mm`."""
        self.roll.left_mm = left_mm

    def answer(self, ask: Ask) -> int:
        """Return the status byte for one question."""
        out = self.roll.left_mm < END_MM
        match ask:
            case Ask.PRINTER:
                return FIXED | (PrinterBit.OFFLINE if out or self.cover_open else 0)
            case Ask.OFFLINE:
                cover = OfflineBit.COVER_OPEN if self.cover_open else 0
                return FIXED | cover | (OfflineBit.PAPER_END if out else 0)
            case Ask.ERROR:
                return FIXED
            case Ask.PAPER:
                near = PaperBit.NEAR_END if self.roll.left_mm < NEAR_END_MM else 0
                return FIXED | near | (PaperBit.END if out else 0)

    def _print(self, data: bytes) -> bytes:
        """Put whole commands and lines on the paper; return what has not ended."""
        while data:
            size = self._one(data)
            if size == 0:
                return data
            data = data[size:]
        return b""

    def _one(self, data: bytes) -> int:
        """Take one command or one line; return how many bytes it was, 0 when its end has not come."""
        if data[0] in COMMANDS:
            if len(data) < 2:
                return 0
            size = COMMANDS[data[0]].get(data[1], 2)
            if len(data) < size:
                return 0
            self._command(data[:size])
            return size
        if data[0] == DLE:
            return 0 if len(data) < 3 else 3
        if data[0] == LF:
            self._feed()
            return 1
        end = next((at for at, byte in enumerate(data) if byte in COMMANDS or byte in (LF, DLE)), len(data))
        self._line += data[:end].decode(self._page, "replace")
        return end

    def _command(self, command: bytes) -> None:
        if command[:2] == b"\x1bt":
            self._page = PAGES.get(command[2], "ascii")
        elif command[:2] == b"\x1dV":
            self.paper.append(CUT)
        elif command[:2] == b"\x1dI" and command[2] in self.identity and not self.mute:
            self._told += b"\x5f" + self.identity[command[2]].encode("ascii") + b"\x00"
        elif command[:2] == b"\x1bd":
            for _ in range(command[2]):
                self._feed()

    def _feed(self) -> None:
        """Bring a line onto the paper; without paper it is lost, as on a real printer."""
        line, self._line = self._line, ""
        if self.roll.left_mm >= END_MM:
            self.roll.left_mm -= LINE_MM
            if line:
                self.paper.append(line)

    def _hear(self, waiting: bytes, write: Callable[[bytes], None]) -> bytes:
        """Answer and print what has come; return what is not whole yet."""
        while (at := waiting.find(bytes((DLE, EOT)))) >= 0 and len(waiting) >= at + 3:
            self._print(waiting[:at])
            number, waiting = waiting[at + 2], waiting[at + 3 :]
            self.questions += 1
            if not self.mute and number in set(Ask):
                write(bytes((self.answer(Ask(number)),)))
        waiting = self._print(waiting)
        told, self._told = self._told, b""
        if told:
            write(told)
        return waiting

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        waiting = b""
        try:
            while data := await reader.read(64):
                waiting = self._hear(waiting + data, writer.write)
                if self.cut_after is not None and len(self.paper) >= self.cut_after:
                    writer.transport.abort()
        except OSError:
            pass  # the line was cut
        finally:
            self._lines.discard(writer)
            writer.close()


def _put(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)
