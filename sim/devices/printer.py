"""The far end of a receipt printer's cable: answers DLE EOT n from its roll, over TCP.

It answers as an Epson does: one byte, no echo. Faults: unplugged (nobody listens), mute (the line is open
and nothing is said), cover open.
"""

import asyncio

from firmware_bridge.escpos import DLE, EOT, FIXED, Ask, OfflineBit, PaperBit, PrinterBit
from sim.devices.paper import PaperRoll

NEAR_END_MM = 8_000.0
"""Paper left when the near-end lever reaches the core; models are set to a few metres."""
END_MM = 100.0
"""Paper between the end sensor and the print head: less cannot be printed on."""


class EscposPrinter:
    """One printer with one roll."""

    def __init__(self, roll: PaperRoll | None = None) -> None:
        self.roll = roll or PaperRoll()
        self.mute = False
        self.cover_open = False
        self.host, self.port = "127.0.0.1", 0
        self.questions = 0
        """Questions that arrived, mute or not."""
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; on the same port again after `unplug`."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up, and listen no more."""
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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        waiting = b""
        try:
            while data := await reader.read(64):
                waiting += data
                while (at := waiting.find(bytes((DLE, EOT)))) >= 0 and len(waiting) >= at + 3:
                    number, waiting = waiting[at + 2], waiting[at + 3 :]
                    self.questions += 1
                    if not self.mute and number in set(Ask):
                        writer.write(bytes((self.answer(Ask(number)),)))
        except OSError:
            pass  # the line was cut
        finally:
            self._lines.discard(writer)
            writer.close()
