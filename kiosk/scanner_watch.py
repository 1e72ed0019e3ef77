"""The scanner that patrons hold their card before: how it is opened, and the loop that listens to it.

A scanned number is a card's number, judged by the configured rules before anybody hears it. What is refused
is told by its rule alone: the code itself may be anything, an ISBN or somebody's ticket, and is kept nowhere.

A scanner that plays keyboard is grabbed, so what it types reaches this process and never the page.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing

from firmware_bridge.barcode import CodeRules
from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import (
    CodeRefused,
    CodeScanned,
    DeviceInfo,
    ReaderFound,
    ReaderLost,
    ScanEvent,
    Scanner,
    Transport,
)
from firmware_bridge.scanner import KeyboardScanner, KeyboardSettings, SerialScanner
from firmware_bridge.serial_line import open_serial, port_info
from kiosk.config_patron import ScannerSettings

log = logging.getLogger("turnleaf.kiosk.scanner")


def rules_of(settings: ScannerSettings) -> CodeRules:
    """Return what a card's code must be like."""
    return CodeRules(
        lengths=frozenset(settings.lengths),
        prefixes=settings.prefixes,
        check=settings.check,
        strip_check=settings.strip_check,
        strip_start_stop=settings.strip_start_stop,
    )


def open_scanner(settings: ScannerSettings) -> Scanner:
    """Return the driver of the configured scanner; it opens the device itself, and again after a loss."""
    if settings.kind == "hid":
        return KeyboardScanner(KeyboardSettings(settings.path, settings.layout, rules_of(settings)))

    async def line() -> Transport:
        try:
            return await open_serial(settings.path, baud=settings.baud, parity=settings.parity)
        except DeviceLost as error:
            raise DeviceLost(error.seen, why="Cards cannot be scanned.", do=error.do) from error

    def said() -> DeviceInfo:
        found = port_info(settings.path)
        return found if found != DeviceInfo() else DeviceInfo(model="serial scanner")

    return SerialScanner(line, rules_of(settings), info=said)


class ScannerCounts:
    """What a scanner did since the last sample."""

    def __init__(self) -> None:
        self._now = {"scans": 0, "refused": 0, "wrong_checks": 0, "losses": 0}

    def count(self, event: ScanEvent) -> None:
        """Count one event. A rising share of wrong check digits is a scratched window, or worn cards."""
        match event:
            case CodeScanned():
                self._now["scans"] += 1
            case CodeRefused(rule=rule):
                self._now["refused"] += 1
                self._now["wrong_checks"] += rule == "check"
            case ReaderLost():
                self._now["losses"] += 1
            case ReaderFound():
                pass

    def taken(self) -> dict[str, float]:
        """Return the counts as a sample's values, and begin anew."""
        values = {name: float(n) for name, n in self._now.items()}
        self._now = dict.fromkeys(self._now, 0)
        return values


async def watch_scanner(scanner: Scanner, counts: ScannerCounts, tell: Callable[[ScanEvent], None]) -> None:
    """Listen until cancelled; the keyboard is let go, or the line closed, when this ends."""
    async with aclosing(scanner.events()) as events:  # type: ignore[type-var]  # an async generator
        async for event in events:
            counts.count(event)
            if isinstance(event, CodeRefused):
                log.info("a code was refused: %s", event.reason)
            tell(event)
