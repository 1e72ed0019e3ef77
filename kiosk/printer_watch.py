"""The loop that watches the receipt printer: its answers become the part `printer` and a sample.

The sample `paper_level` is what the roll's two sensors know and no more: 2 the roll is not near its end,
1 the near-end sensor has seen the core, 0 the paper is out. It is not a share of the roll: no sensor
measures that. When the printer does not tell, no sample is made, so the last level stands.
"""

import asyncio
from typing import Literal, Protocol, runtime_checkable

from firmware_bridge.escpos import EscposStatus
from firmware_bridge.ports import DeviceInfo, Printer, PrinterStatus, Transport
from firmware_bridge.serial_line import open_device_file, open_serial
from firmware_bridge.transport import open_tcp
from kiosk.config_patron import PrinterSettings
from kiosk.pad_loop import go_on
from kiosk.station import Station
from wire.errors import DeviceError, TurnleafError
from wire.loops import keep_alive

PART = "printer"
LEVEL = {"ok": 2.0, "near-end": 1.0, "out": 0.0}
"""`paper_level` for what the sensors say; unknown has none."""


@runtime_checkable
class Known(Protocol):
    """A printer that can be asked what it is."""

    async def info(self) -> DeviceInfo:
        """Return make, model, firmware and serial number, as far as the printer tells; never raises."""


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


async def connect(settings: PrinterSettings) -> Transport:
    """Open a connection to the configured printer; raises DeviceLost, ConfigError."""
    if settings.serial:
        return await open_serial(settings.serial, baud=settings.baud, parity="N")
    if settings.usb:
        return await open_device_file(settings.usb)
    return await open_tcp(settings.host, settings.port, timeout_s=settings.timeout_s)


def open_printer(settings: PrinterSettings) -> EscposStatus:
    """Return the driver of the configured printer; it connects by itself with each question."""
    return EscposStatus(lambda: connect(settings), settings.timeout_s)


async def watch_printer(
    station: Station, settings: PrinterSettings | None, printer: Printer | None = None
) -> None:
    """Watch until cancelled; returns at once where no printer is fitted.

    The sample has, beside the paper, how long the printer took to answer and how often it did not.
    """
    if settings is None:
        return
    asked = printer or open_printer(settings)
    unanswered, loop = 0, asyncio.get_running_loop()

    async def once() -> None:
        nonlocal unanswered
        info: DeviceInfo | None = None
        while True:
            go_on()
            began = loop.time()
            status = await asked.status()
            took_ms = (loop.time() - began) * 1000
            if info is None and isinstance(asked, Known):
                info = await asked.info()
            state, seen = judge(status)
            station.set_part(PART, state, info, seen)
            level = LEVEL.get(status.paper)
            paper = {} if level is None else {"paper_level": level}
            station.sample(PART, response_ms=took_ms, unanswered=float(unanswered), **paper)
            unanswered = 0
            await asyncio.sleep(settings.every_s)

    def lost(error: TurnleafError) -> None:
        nonlocal unanswered
        unanswered += 1
        station.set_part(PART, "lost", seen=error.seen)

    await keep_alive(PART, once, expect=(DeviceError,), cap_s=settings.every_s, lost=lost)
