"""How a receipt printer is: the real-time status of ESC/POS (DLE EOT n), and a driver that asks for it.

The bytes: the question is 10 04 n, the answer is one byte. It carries no number, no checksum and not the
n it answers; four fixed bits alone tell it from other bytes that a printer sends by itself (XON, XOFF,
automatic status). So each question has a connection of its own: a late or repeated answer can never be
taken for the answer to the next question. What is not heard stays unknown; status of such printers is
unreliable, and silence is never taken for "ok". A flipped bit within a question cannot be seen, which is
why this is for TCP, and for a serial line only behind something that keeps bytes whole.

Source: EPSON ESC/POS command reference, DLE EOT (real-time status), and the printer manuals that print
its tables (TM-T88III, TM-L60II, Bixolon SRP-350). Not for: printing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum, IntFlag

from firmware_bridge.errors import DeviceLost, DeviceTimeout
from firmware_bridge.ports import Paper, PrinterStatus, Transport
from wire.errors import DeviceError

DLE, EOT = 0x10, 0x04
FIXED_MASK, FIXED = 0b1001_0011, 0b0001_0010
"""Bits 0 and 7 are always off, bits 1 and 4 always on, in each of the four answers."""


class Ask(IntEnum):
    """The n of DLE EOT n."""

    PRINTER = 1
    OFFLINE = 2
    ERROR = 3
    PAPER = 4


class PrinterBit(IntFlag):
    """Bits of the answer to n = 1."""

    DRAWER = 0x04
    """Level of pin 3 of the drawer connector; says nothing of the printer."""
    OFFLINE = 0x08


class OfflineBit(IntFlag):
    """Bits of the answer to n = 2: why it is offline."""

    COVER_OPEN = 0x04
    FEEDING = 0x08
    """Somebody holds the paper feed button."""
    PAPER_END = 0x20
    """Printing stopped because the paper ended."""
    ERROR = 0x40


class ErrorBit(IntFlag):
    """Bits of the answer to n = 3."""

    MECHANICAL = 0x04
    """Recoverable, e.g. a paper jam; not told by every model."""
    CUTTER = 0x08
    UNRECOVERABLE = 0x20
    PASSING = 0x40
    """Goes away by itself, e.g. a hot print head."""


class PaperBit(IntFlag):
    """Bits of the answer to n = 4. Each sensor sets both of its bits, or none."""

    NEAR_END = 0x0C
    END = 0x60


ERROR_WORDS = {
    ErrorBit.UNRECOVERABLE: "an error that needs a technician",
    ErrorBit.CUTTER: "the cutter is stuck",
    ErrorBit.MECHANICAL: "a mechanical error",
    ErrorBit.PASSING: "an error that passes, e.g. a hot print head",
}


def question(ask: Ask) -> bytes:
    """Return the bytes of a question."""
    return bytes((DLE, EOT, ask))


def answer_in(data: bytes) -> int | None:
    """Return the first byte that can be an answer, None when there is none yet."""
    return next((byte for byte in data if byte & FIXED_MASK == FIXED), None)


def paper_of(answer: int) -> Paper:
    """Return what the answer to n = 4 says; one bit of a pair alone is no status of a roll sensor."""
    end, near = answer & PaperBit.END, answer & PaperBit.NEAR_END
    if end not in (0, PaperBit.END) or near not in (0, PaperBit.NEAR_END):
        return "unknown"
    if end:
        return "out"
    return "near-end" if near else "ok"


def error_of(answer: int) -> str:
    """Return what the answer to n = 3 says, in words, the worst first; empty for no error."""
    return ", ".join(words for bit, words in ERROR_WORDS.items() if answer & bit)


def status_of(printer: int, offline: int | None, error: int | None, paper: int | None) -> PrinterStatus:
    """Return what the four answers say together; None is an answer that was not heard."""
    roll = paper_of(paper) if paper is not None else "unknown"
    if offline is not None and offline & OfflineBit.PAPER_END:
        roll = "out"
    return PrinterStatus(
        paper=roll,
        cover_open=None if offline is None else bool(offline & OfflineBit.COVER_OPEN),
        offline=bool(printer & PrinterBit.OFFLINE),
        error=None if error is None else error_of(error),
    )


class EscposStatus:
    """Asks a printer how it is, over a new connection for each question (the port `Printer`)."""

    def __init__(self, connect: Callable[[], Awaitable[Transport]], timeout: float = 1.0) -> None:
        """`connect` opens a connection or raises DeviceError; `timeout` is for one answer, in seconds."""
        self._connect = connect
        self._timeout_s = timeout

    async def status(self) -> PrinterStatus:
        """Ask all four questions; raises DeviceLost or DeviceTimeout when the first is not answered."""
        printer = await self._ask(Ask.PRINTER)
        return status_of(
            printer,
            await self._heard(Ask.OFFLINE),
            await self._heard(Ask.ERROR),
            await self._heard(Ask.PAPER),
        )

    async def _heard(self, ask: Ask) -> int | None:
        try:
            return await self._ask(ask)
        except (DeviceLost, DeviceTimeout):
            return None

    async def _ask(self, ask: Ask) -> int:
        try:
            transport = await self._connect()
        except DeviceError as error:
            raise DeviceLost(
                error.seen, why="Patrons get no receipt.", do="Look at the printer's power and cable."
            ) from error
        try:
            async with asyncio.timeout(self._timeout_s):
                await transport.write(question(ask))
                while (answer := answer_in(await transport.read())) is None:
                    pass
                return answer
        except TimeoutError as error:
            raise DeviceTimeout(
                f"the printer did not answer within {self._timeout_s:g} s",
                why="Whether it has paper is not known.",
                do="Look whether it is switched on; some printers take one connection at a time.",
            ) from error
        finally:
            await transport.close()
