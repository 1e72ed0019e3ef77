"""The receipt printer of a kiosk: one thing at a time, and what it can do just now.

Receipt printers answer one connection at a time, so a print and a question about the paper wait for each
other. What a print came to is one of four words for the patron; whoever mends the printer reads the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from firmware_bridge.errors import DeviceRefused
from firmware_bridge.ports import DeviceInfo, Printer, PrinterStatus
from firmware_bridge.receipt import Receipt
from firmware_bridge.receipt_identity import identity_of
from firmware_bridge.receipt_printer import EscposPrinter, PaperOut, Reachable, ReceiptPrinter
from kiosk.config_patron import PrinterSettings, ReceiptSettings
from kiosk.printer_watch import connect, open_printer
from wire.errors import DeviceError

log = logging.getLogger("turnleaf.kiosk.receipts")

Outcome = Literal["printed", "unfinished", "paper-out", "away"]
Ready = Literal["none", "ready", "paper-out", "away"]


class KioskPrinter:
    """`Printer` of the ports for who watches the paper, and `print` for who wants a receipt."""

    def __init__(
        self,
        status: Printer,
        printer: ReceiptPrinter | None,
        identity: Callable[[], Awaitable[DeviceInfo]] | None = None,
    ) -> None:
        self._status = status
        self._printer = printer
        self._identity = identity
        self._one = asyncio.Lock()
        self._ready: Ready = "none" if printer is None else "away"

    @property
    def ready(self) -> Ready:
        """Whether a receipt can be had, as far as is known since the last question."""
        return self._ready

    async def status(self) -> PrinterStatus:
        """Ask how the printer is, after whatever it is doing; raises DeviceError."""
        async with self._one:
            try:
                said = await self._status.status()
            except DeviceError:
                self._know("away")
                raise
        hindered = said.cover_open or said.error or (said.offline and said.paper != "out")
        self._know("paper-out" if said.paper == "out" else "away" if hindered else "ready")
        return said

    async def info(self) -> DeviceInfo:
        """Return what the printer is, as far as it tells; never raises."""
        if self._identity is None:
            return DeviceInfo()
        async with self._one:
            return await self._identity()

    async def print(self, receipt: Receipt) -> Outcome:
        """Print and return what came of it; never raises for what the printer does."""
        if self._printer is None:
            return "away"
        async with self._one:
            try:
                outcome: Outcome = await self._printer.print(receipt)
            except PaperOut as error:
                log.warning("no receipt: %s", error.seen)
                outcome = "paper-out"
            except DeviceRefused as error:
                log.warning("no receipt: %s", error.seen)
                outcome = "away"
            except DeviceError as error:
                log.warning("a receipt may be incomplete: %s", error.seen)
                outcome = "unfinished"
        if outcome in ("paper-out", "away"):
            self._know(outcome)
        return outcome

    def _know(self, ready: Ready) -> None:
        if self._printer is not None:
            self._ready = ready


def kiosk_printer(printer: PrinterSettings, receipt: ReceiptSettings | None) -> KioskPrinter:
    """Return the printer of a kiosk; without `receipt` it is watched and prints nothing."""
    status = open_printer(printer)

    async def identity() -> DeviceInfo:
        return await identity_of(lambda: connect(printer), printer.timeout_s)

    if receipt is None:
        return KioskPrinter(status, None, identity)
    where = Reachable(printer.address, receipt.profile, printer.timeout_s)
    return KioskPrinter(status, EscposPrinter(where, status), identity)
