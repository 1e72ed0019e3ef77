"""What is asked of a PC/SC reader and of the card on it, once a context stands. Blocking: for one thread.

A card is read whole in one connection; then the reader shows by light and beep whether the card is taken,
where its model is known. That is a courtesy: whatever comes of it changes nothing of what was read. What a
reader is (maker, firmware, serial number) is asked of the reader's driver and, where the model has an escape
for it, of the reader; a reader that tells nothing is known by its name alone.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from firmware_bridge import apdu
from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.pcsc_signals import ESCAPE_CODE, Signals, Verdict, signals_of, text_of
from firmware_bridge.ports import CardPlaced, CardUnread, DeviceInfo
from wire.errors import DeviceError

log = logging.getLogger("turnleaf.firmware_bridge.pcsc")

MAKES: Final = ("ACS", "Identiv", "HID", "SCM", "FEIG", "Elatec")
"""Makers as their readers' names begin in pcscd."""
SMOOTH: Final = 0.1
"""Weight of the newest exchange in the mean response time."""


@dataclass(frozen=True, slots=True)
class PcscSettings:
    """Which reader, and what to read from a card."""

    reader: str = ""
    """A part of the reader's name; empty takes the first."""
    data_bytes: int = 0
    """Bytes of the card's data to read; 0 reads the UID alone."""
    first_block: int = 0
    """Block at which that data begins."""
    signals: bool = True
    """Whether light and beep of a known reader say if a card was taken."""
    good: Callable[[CardPlaced], bool] | None = None
    """Says whether a card that was read is one of ours, for light and beep; None takes every card."""


@dataclass(slots=True)
class CardHealth:
    """Counters of a card reader since it was made; they outlive a lost reader."""

    cards: int = 0
    """Cards that were read."""
    unread: int = 0
    """Cards, or whatever lay there, that could not be read."""
    retries: int = 0
    """Tries that were repeated on one card."""
    exchanges: int = 0
    """Commands that were answered."""
    response_ms: float = 0.0
    """Mean time of the last answers, milliseconds."""
    connections: int = 0
    """Readers found; more than one means that the reader or the daemon was lost."""

    def answered(self, took_ms: float) -> None:
        """Count one answer."""
        self.exchanges += 1
        mean = self.response_ms
        self.response_ms = mean + (took_ms - mean) * SMOOTH if mean else took_ms


class ReaderTalk:
    """One reader in one context. Its methods are called from one thread alone."""

    def __init__(
        self,
        scard: Any,
        context: int,
        name: str,
        settings: PcscSettings,
        health: CardHealth,
        now_s: Callable[[], float],
    ) -> None:
        self._scard = scard
        self._context = context
        self._name = name
        self._settings = settings
        self._health = health
        self._now_s = now_s
        self._signals: Signals | None = signals_of(name)

    def info(self) -> DeviceInfo:
        """Return what the reader is; asks it directly, without a card, and never raises for its answers."""
        make = next((make for make in MAKES if make.lower() in self._name.lower()), "")
        handle = self._direct()
        if handle is None:
            return DeviceInfo(make=make, model=self._name)
        try:
            firmware, serial = self._asked(handle, "firmware"), self._asked(handle, "serial")
            return DeviceInfo(
                make=make or self._attribute(handle, "SCARD_ATTR_VENDOR_NAME"),
                model=self._name,
                firmware=firmware or version_of(self._raw_attribute(handle, "SCARD_ATTR_VENDOR_IFD_VERSION")),
                serial=serial or self._attribute(handle, "SCARD_ATTR_VENDOR_IFD_SERIAL_NO"),
            )
        finally:
            self._scard.SCardDisconnect(handle, self._scard.SCARD_LEAVE_CARD)

    def read(self, atr: bytes) -> CardPlaced | CardUnread:
        """Connect to the card, read it, and let the reader show what came of it."""
        kind = apdu.explain_atr(atr)
        result, handle, protocol = self._scard.SCardConnect(
            self._context,
            self._name,
            self._scard.SCARD_SHARE_SHARED,
            self._scard.SCARD_PROTOCOL_T0 | self._scard.SCARD_PROTOCOL_T1,
        )
        if result != self._scard.SCARD_S_SUCCESS:
            log.warning("a card could not be opened: %s", self._scard.SCardGetErrorMessage(result).strip())
            return CardUnread("silent", kind)
        try:
            return self._shown(self._read(handle, protocol, kind), handle, protocol)
        finally:
            self._scard.SCardDisconnect(handle, self._scard.SCARD_LEAVE_CARD)

    def rest(self) -> None:
        """Put out a light that would else stay on after the card was taken away; never raises."""
        signals = self._signals
        if signals is None or not signals.rest or not self._settings.signals:
            return
        handle = self._direct()
        if handle is not None:
            for command in signals.rest:
                self._scard.SCardControl(handle, self._escape_code(), list(command))
            self._scard.SCardDisconnect(handle, self._scard.SCARD_LEAVE_CARD)

    def _read(self, handle: int, protocol: int, kind: str) -> CardPlaced | CardUnread:
        def transmit(command: bytes) -> bytes:
            return self._transmit(handle, protocol, command)

        data = b""
        try:
            uid = apdu.uid(transmit)
        except DeviceRefused as error:
            log.warning("a card could not be read: %s", error.seen)
            return CardUnread("unknown", kind)
        except DeviceError as error:
            log.warning("a card could not be read: %s", error.seen)
            return CardUnread("silent", kind)
        try:
            if self._settings.data_bytes:
                wanted = apdu.read_steps(self._settings.data_bytes, first=self._settings.first_block)
                data = apdu.run(wanted, transmit)
        except DeviceRefused as error:
            log.warning("a card's data could not be read: %s", error.seen)
        except DeviceError as error:
            log.warning("a card went while it was read: %s", error.seen)
            return CardUnread("silent", kind)
        return CardPlaced(uid.hex().upper(), kind, data)

    def _transmit(self, handle: int, protocol: int, command: bytes) -> bytes:
        t0 = protocol == self._scard.SCARD_PROTOCOL_T0
        pci = self._scard.SCARD_PCI_T0 if t0 else self._scard.SCARD_PCI_T1
        began = self._now_s()
        result, answer = self._scard.SCardTransmit(handle, pci, list(command))
        if result != self._scard.SCARD_S_SUCCESS:
            raise DeviceLost(
                self._scard.SCardGetErrorMessage(result).strip(),
                why="Patron cards cannot be read.",
                do="Lay the card down again.",
            )
        self._health.answered((self._now_s() - began) * 1000)
        return bytes(answer)

    def _shown(self, found: CardPlaced | CardUnread, handle: int, protocol: int) -> CardPlaced | CardUnread:
        signals = self._signals
        if signals is None or not self._settings.signals:
            return found
        taken = isinstance(found, CardPlaced) and (self._settings.good is None or self._settings.good(found))
        verdict: Verdict = "accepted" if taken else "refused"
        for command in signals.shows[verdict]:
            if signals.route == "apdu":
                try:
                    self._transmit(handle, protocol, command)
                except DeviceError as error:
                    log.debug("the reader's light was not set: %s", error.seen)
            else:
                self._scard.SCardControl(handle, self._escape_code(), list(command))
        return found

    def _direct(self) -> int | None:
        """Return a handle on the reader itself, whether or not a card lies there; None when it gives none."""
        result, handle, _ = self._scard.SCardConnect(
            self._context, self._name, self._scard.SCARD_SHARE_DIRECT, 0
        )
        return int(handle) if result == self._scard.SCARD_S_SUCCESS else None

    def _escape_code(self) -> int:
        return int(self._scard.SCARD_CTL_CODE(ESCAPE_CODE))

    def _asked(self, handle: int, what: str) -> str:
        question: bytes = getattr(self._signals, what, b"")
        if not question:
            return ""
        result, answer = self._scard.SCardControl(handle, self._escape_code(), list(question))
        return text_of(bytes(answer)) if result == self._scard.SCARD_S_SUCCESS else ""

    def _raw_attribute(self, handle: int, name: str) -> bytes:
        result, value = self._scard.SCardGetAttrib(handle, getattr(self._scard, name))
        return bytes(value) if result == self._scard.SCARD_S_SUCCESS else b""

    def _attribute(self, handle: int, name: str) -> str:
        return text_of(self._raw_attribute(handle, name))


def version_of(value: bytes) -> str:
    """Return SCARD_ATTR_VENDOR_IFD_VERSION as text: build in two bytes, minor, major (PC/SC part 3)."""
    return f"{value[3]}.{value[2]}.{int.from_bytes(value[:2], 'little')}" if len(value) == 4 else ""
