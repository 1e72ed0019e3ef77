"""Receipts on ESC/POS printers, through python-escpos: network, serial line or USB.

The connection is opened anew for each print, because printers drop idle ones and answer nobody else
meanwhile. A printer swallows what it gets and says nothing by itself; so it is asked how it is before, when
nothing is printed on a printer that cannot, and after, when paper that ended in between is known. A print
that was begun is never repeated by itself: two receipts for one visit would be a lie.

python-escpos knows code pages, cutters and columns of many models by their profile; it blocks, so it runs in
a thread of its own, and is imported with the first print.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.ports import Printer, PrinterStatus
from firmware_bridge.receipt import Receipt, Row, laid_out
from wire.errors import DeviceError

COLUMNS = 42
"""Columns of font A on paper of 80 mm with most models; a profile that says otherwise counts."""

Printed = Literal["printed", "unfinished"]
"""unfinished: it was sent, and the paper ended or the printer stopped before it was surely out."""


class ReceiptPrinter(Protocol):
    """A printer of receipts; `FakeReceiptPrinter` is the fake."""

    async def print(self, receipt: Receipt) -> Printed:
        """Print and cut; raises DeviceRefused when nothing was printed, DeviceLost when that is not sure.

        A DeviceRefused that is PaperOut is mended by a new roll.
        """


class PaperOut(DeviceRefused):
    """The printer has no paper, so nothing was printed."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """Where a printer is, and what it is."""

    address: str
    """`tcp://host:port`, `serial:/dev/ttyUSB0@9600`, or `usb:/dev/usb/lp0`."""
    profile: str = "default"
    """Model of python-escpos' capability data, e.g. TM-T20II."""
    timeout_s: float = 3.0


class EscposPrinter:
    """`ReceiptPrinter` over python-escpos. `status` is asked before and after; None asks nobody."""

    def __init__(self, where: Reachable, status: Printer | None) -> None:
        self._where = where
        self._status = status

    async def print(self, receipt: Receipt) -> Printed:
        """Print and cut; raises DeviceRefused when nothing was printed, DeviceLost when that is not sure."""
        if self._status is not None:
            try:
                before = await self._status.status()
            except DeviceError as error:
                raise DeviceRefused(error.seen, why="Nothing was printed.", do=error.do) from error
            _check(before)
        await asyncio.to_thread(_print, self._where, receipt, asked=self._status is not None)
        if self._status is None:
            return "printed"
        after = await self._status.status()
        return "unfinished" if after.paper == "out" or after.cover_open or after.error else "printed"


def _check(status: PrinterStatus) -> None:
    seen = (
        "the paper is out" if status.paper == "out"
        else "the cover is open" if status.cover_open
        else status.error or ("it is offline" if status.offline else "")
    )  # fmt: skip
    if seen:
        raise (PaperOut if status.paper == "out" else DeviceRefused)(
            f"the receipt printer cannot print: {seen}",
            why="Nothing was printed.",
            do="Look at paper and cover; the receipt can be asked for again.",
        )


STATUS = b"\x10\x04\x01"
"""DLE EOT 1: how the printer is, answered at once; over the same connection it shows that it still stands."""


def _print(where: Reachable, receipt: Receipt, *, asked: bool) -> None:
    device = opener(where)()
    try:
        try:
            device.open()
        except Exception as error:  # python-escpos and its back ends raise errors of many kinds
            raise DeviceRefused(
                f"the receipt printer at {where.address} does not answer: {error}",
                why="Nothing was printed.",
                do="Look at its power and its cable.",
            ) from error
        try:
            for row in laid_out(receipt, columns_of(device)):
                _row(device, row)
            device.cut()
            if asked and not device.query_status(STATUS):
                raise OSError("it does not answer any more")
        except Exception as error:
            raise DeviceLost(
                f"the receipt printer went while it printed: {error}",
                why="Part of the receipt may be on the paper.",
                do="Look at the paper; print again only when nothing is on it.",
            ) from error
    finally:
        device.close()


def _row(device: Any, row: Row) -> None:
    device.set(bold=row.bold)
    device.textln(row.text)


def columns_of(device: Any) -> int:
    """Return the columns that a printer's profile tells."""
    try:
        return int(device.profile.get_columns("a")) or COLUMNS
    except (KeyError, ValueError, TypeError, AttributeError):
        return COLUMNS


def opener(where: Reachable) -> Callable[[], Any]:
    """Return what makes python-escpos' printer for an address; raises DeviceRefused for another scheme."""
    scheme, _, rest = where.address.partition(":")
    rest = rest.removeprefix("//")
    if scheme == "tcp":
        from escpos.printer import Network

        host, _, port = rest.rpartition(":")
        return lambda: Network(host, int(port), timeout=where.timeout_s, profile=where.profile)
    if scheme == "serial":
        from escpos.printer import Serial

        path, _, baud = rest.partition("@")
        return lambda: Serial(path, int(baud or 9600), timeout=where.timeout_s, profile=where.profile)
    if scheme == "usb":
        from firmware_bridge.receipt_usb import UsbFile

        return lambda: UsbFile(rest, timeout_s=where.timeout_s, profile=where.profile)
    raise DeviceRefused(
        f"{where.address} is no address of a printer",
        do="Write tcp://host:port, serial:/dev/ttyUSB0@9600 or usb:/dev/usb/lp0.",
    )


class FakeReceiptPrinter:
    """A printer that remembers what it printed, and fails as it is told."""

    def __init__(self) -> None:
        self.printed: list[Receipt] = []
        self.refuse: DeviceRefused | None = None
        self.unfinished = False

    async def print(self, receipt: Receipt) -> Printed:
        """Remember the receipt, unless told to refuse."""
        if self.refuse is not None:
            raise self.refuse
        self.printed.append(receipt)
        return "unfinished" if self.unfinished else "printed"
