"""The loop that watches the receipt printer: its answers become the part `printer` and a sample.

The sample `paper_level` is what the roll's two sensors know and no more: 2 the roll is not near its end,
1 the near-end sensor has seen the core, 0 the paper is out. It is not a share of the roll: no sensor
measures that. When the printer does not tell, no sample is made, so the last level stands.
"""

import asyncio
from typing import Literal

from firmware_bridge.escpos import EscposStatus
from firmware_bridge.ports import Printer, PrinterStatus
from firmware_bridge.transport import open_tcp
from kiosk.config import PrinterSettings
from kiosk.pad_loop import go_on
from kiosk.station import Station
from wire.errors import DeviceError, TurnleafError
from wire.loops import keep_alive

PART = "printer"
LEVEL = {"ok": 2.0, "near-end": 1.0, "out": 0.0}
"""`paper_level` for what the sensors say; unknown has none."""


def judge(status: PrinterStatus) -> tuple[Literal["ok", "degraded"], str]:
    """Return how the part is, and what a technician is told of it, the most hindering thing first."""
    told = [
        (status.paper == "out", "the paper is out"),
        (status.cover_open, "the cover is open"),
        (bool(status.error), status.error or ""),
        (status.offline, "the printer is offline"),
        (status.paper == "near-end", "the paper is nearly out"),
        (status.paper == "unknown", "the printer does not say whether it has paper"),
    ]
    seen = "; ".join(words for stands, words in told if stands)
    return ("degraded", seen) if seen else ("ok", "")


def open_printer(settings: PrinterSettings) -> EscposStatus:
    """Return the driver of the configured printer; it connects by itself with each question."""
    return EscposStatus(
        lambda: open_tcp(settings.host, settings.port, timeout_s=settings.timeout_s), settings.timeout_s
    )


async def watch_printer(
    station: Station, settings: PrinterSettings | None, printer: Printer | None = None
) -> None:
    """Watch until cancelled; returns at once where no printer is fitted."""
    if settings is None:
        return
    asked = printer or open_printer(settings)

    async def once() -> None:
        while True:
            go_on()
            status = await asked.status()
            state, seen = judge(status)
            station.set_part(PART, state, seen=seen)
            if (level := LEVEL.get(status.paper)) is not None:
                station.sample(PART, paper_level=level)
            await asyncio.sleep(settings.every_s)

    def lost(error: TurnleafError) -> None:
        station.set_part(PART, "lost", seen=error.seen)

    await keep_alive(PART, once, expect=(DeviceError,), cap_s=settings.every_s, lost=lost)
