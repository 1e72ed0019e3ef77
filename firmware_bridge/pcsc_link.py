"""One connection to the card on one PC/SC reader. Blocking calls: it lives in one worker thread.

It tells apart what the PC/SC library mixes: the tag went (TagGone), or the reader, or the daemon (DeviceLost,
and the context is given back, so that the next call opens a new one). A connection is never opened again in
the middle of a sequence: a tag that was exchanged meanwhile would get the rest of what was meant for another.
"""

from contextlib import suppress
from typing import Any

from firmware_bridge import apdu
from firmware_bridge.apdu import Steps, T
from firmware_bridge.errors import DeviceLost, TagGone
from firmware_bridge.pcsc_card import CardHealth, PcscSettings, ReaderTalk
from firmware_bridge.ports import DeviceInfo
from wire.errors import ConfigError

TAG_WENT = (
    "SCARD_E_NO_SMARTCARD", "SCARD_W_REMOVED_CARD", "SCARD_W_RESET_CARD", "SCARD_W_UNPOWERED_CARD",
    "SCARD_W_UNRESPONSIVE_CARD", "SCARD_E_PROTO_MISMATCH",
)  # fmt: skip
"""Results of the PC/SC library that speak of the card; all others speak of the reader or the daemon."""
UNCLEAR = "SCARD_E_NOT_TRANSACTED"
"""An exchange failed; whether the card or the reader went is asked of the daemon."""
WHY = "Item tags on this reader cannot be read."


class PcscLink:
    """A reader whose name holds a part, and the card on it. Its methods are called from one thread alone."""

    def __init__(self, reader: str = "") -> None:
        self._part = reader
        self._scard: Any = None
        self._context: int | None = None
        self._card: tuple[int, int] | None = None
        self.reader = ""
        """The reader's whole name, once it was found."""
        self.connections = 0
        """Contexts opened; more than one means that the reader or the daemon was lost."""

    def find(self) -> str:
        """Return the reader's name, opening the context where there is none; raises DeviceLost."""
        if self._context is not None:
            return self.reader
        scard = self._library()
        result, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        self._check(result, "the PC/SC daemon does not answer", "Start pcscd: systemctl start pcscd.socket")
        result, readers = scard.SCardListReaders(self._context, [])
        if result != scard.SCARD_E_NO_READERS_AVAILABLE:
            self._check(result, "the PC/SC daemon does not answer", "Start pcscd.")
        name = next((str(name) for name in readers or () if self._part in name), None)
        if name is None:
            self.close()
            raise DeviceLost(f"no reader ({self._part or 'any'})", why=WHY, do="Plug the reader in.")
        self.reader = name
        self.connections += 1
        return name

    def info(self) -> DeviceInfo:
        """Return what the reader is; its name alone while a card is held. Raises DeviceLost."""
        name = self.find()
        settings = PcscSettings(signals=False)
        talk = ReaderTalk(self._library(), self._context or 0, name, settings, CardHealth(), lambda: 0.0)
        return talk.info()

    def run(self, steps: Steps[T]) -> T:
        """Drive a sequence over the card on the reader; raises TagGone, DeviceLost, and what it raises."""
        self.find()
        self._connect()
        return apdu.run(steps, self._transmit)

    def close(self) -> None:
        """Give card and context back; may be called twice, never raises."""
        self._drop_card()
        context, self._context = self._context, None
        if context is not None:
            self._scard.SCardReleaseContext(context)

    def _library(self) -> Any:
        if self._scard is None:
            try:
                from smartcard import scard  # a station without such a reader does not load it
            except ImportError as error:
                raise ConfigError(
                    f"the PC/SC library cannot be loaded: {error}",
                    why=WHY,
                    do="Install pyscard and libpcsclite1.",
                ) from error
            self._scard = scard
        return self._scard

    def _connect(self) -> None:
        if self._card is not None:
            return
        scard = self._scard
        either = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, handle, protocol = scard.SCardConnect(
            self._context, self.reader, scard.SCARD_SHARE_EXCLUSIVE, either
        )
        if result == scard.SCARD_E_SHARING_VIOLATION:
            raise DeviceLost(f"{self.reader} is held by another program", why=WHY, do="End that program.")
        self._check(result, f"reader {self.reader} is gone", "Look at the reader's plug.")
        self._card = handle, protocol

    def _transmit(self, command: bytes) -> bytes:
        if self._card is None:
            raise TagGone("the connection to the tag is gone") if self._context else _lost(self.reader)
        handle, protocol = self._card
        t0 = protocol == self._scard.SCARD_PROTOCOL_T0
        pci = self._scard.SCARD_PCI_T0 if t0 else self._scard.SCARD_PCI_T1
        result, answer = self._scard.SCardTransmit(handle, pci, list(command))
        self._check(result, f"reader {self.reader} is gone", "Look at the reader's plug.")
        return bytes(answer)

    def _check(self, result: int, seen: str, do: str) -> None:
        """Raise TagGone or DeviceLost for a result that is not success."""
        scard = self._scard
        if result == scard.SCARD_S_SUCCESS:
            return
        words = scard.SCardGetErrorMessage(result).strip()
        self._drop_card()
        if result in {getattr(scard, name) for name in TAG_WENT} or (
            result == getattr(scard, UNCLEAR) and self._reader_is_there()
        ):
            raise TagGone(f"no tag answers on {self.reader} ({words})")
        self.close()
        raise DeviceLost(f"{seen} ({words})", why=WHY, do=do)

    def _reader_is_there(self) -> bool:
        asked = [(self.reader, self._scard.SCARD_STATE_UNAWARE)]
        result, states = self._scard.SCardGetStatusChange(self._context, 0, asked)
        bad = self._scard.SCARD_STATE_UNKNOWN | self._scard.SCARD_STATE_UNAVAILABLE
        return bool(result == self._scard.SCARD_S_SUCCESS and not states[0][1] & bad)

    def _drop_card(self) -> None:
        card, self._card = self._card, None
        if card is not None:
            with suppress(Exception):  # the library's own error for a handle that is gone
                self._scard.SCardDisconnect(card[0], self._scard.SCARD_LEAVE_CARD)


def _lost(reader: str) -> DeviceLost:
    return DeviceLost(f"reader {reader} is gone", why=WHY, do="Look at the reader's plug.")
