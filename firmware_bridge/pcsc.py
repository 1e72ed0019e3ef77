"""Patron cards through PC/SC, by a status-change loop of our own.

pyscard's monitors die silently when pcscd is restarted. This loop asks `SCardGetStatusChange` with a
bounded wait, and after any error gives its context back and opens a new one; so it survives a restarted
daemon and an unplugged reader. It runs in one thread, because the PC/SC calls block; events reach asyncio
in order. The thread ends within one wait of its owner.

The daemon's socket is taken from PCSCLITE_CSOCK_NAME by the PC/SC library when this process first
connects.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from firmware_bridge import apdu
from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.ports import CardEvent, CardPlaced, CardRemoved, DeviceInfo, ReaderFound, ReaderLost
from wire.errors import DeviceError

log = logging.getLogger("turnleaf.firmware_bridge.pcsc")

WAIT_MS = 1000
RETRY_S = 0.2
NEW_READER = "\\\\?PnP?\\Notification"


@dataclass(frozen=True, slots=True)
class PcscSettings:
    """Which reader, and what to read from a card."""

    reader: str = ""
    """A part of the reader's name; empty takes the first."""
    data_bytes: int = 0
    """Bytes of the card's data to read from block 0 on; 0 reads the UID alone."""


class PcscCardReader:
    """`CardReader` of the ports over pcscd."""

    def __init__(self, settings: PcscSettings | None = None) -> None:
        self._settings = settings or PcscSettings()

    async def events(self) -> AsyncIterator[CardEvent]:
        """Yield card and reader events until the consumer stops; the thread ends with it."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[CardEvent] = asyncio.Queue()
        stop = threading.Event()

        def emit(event: CardEvent) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(queue.put_nowait, event)

        thread = threading.Thread(
            target=_watch, args=(self._settings, emit, stop), name="pcsc-status", daemon=True
        )
        thread.start()
        try:
            while True:
                yield await queue.get()
        finally:
            stop.set()
            await asyncio.shield(asyncio.to_thread(thread.join, WAIT_MS / 1000 + 0.5))


def _watch(settings: PcscSettings, emit: Callable[[CardEvent], None], stop: threading.Event) -> None:
    """Open a context, follow one reader, and begin anew after any error; the same loss is told once."""
    told = ""

    def tell(event: CardEvent) -> None:
        nonlocal told
        if isinstance(event, ReaderLost):
            if event.error.seen == told:
                return
            told = event.error.seen
        elif isinstance(event, ReaderFound):
            told = ""
        emit(event)

    while not stop.is_set():
        follower = _Follower(settings, tell, stop)
        try:
            follower.run()
        except DeviceError as error:
            follower.close()
            tell(ReaderLost(error))
        finally:
            follower.close()
        stop.wait(RETRY_S)


class _Follower:
    """One PC/SC context and the reader that is followed in it."""

    def __init__(
        self, settings: PcscSettings, emit: Callable[[CardEvent], None], stop: threading.Event
    ) -> None:
        from smartcard import scard  # the PC/SC library; a station without a card reader does not load it

        self._scard = scard
        self._settings = settings
        self._emit = emit
        self._stop = stop
        self._context: int | None = None
        self._present = False

    def run(self) -> None:
        """Follow the reader until told to stop; raises DeviceLost when it, or the daemon, is gone."""
        result, self._context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        self._check(result, "the PC/SC daemon does not answer", "Start pcscd: systemctl start pcscd.socket")
        name = self._await_reader()
        if name is None:
            return
        self._emit(ReaderFound(DeviceInfo(model=name)))
        state = self._scard.SCARD_STATE_UNAWARE
        while not self._stop.is_set():
            result, states = self._scard.SCardGetStatusChange(self._context, WAIT_MS, [(name, state)])
            if result == self._scard.SCARD_E_TIMEOUT:
                continue
            self._check(result, f"card reader {name} is gone", "Look at the card reader's plug.")
            state = states[0][1]
            if state & (self._scard.SCARD_STATE_UNKNOWN | self._scard.SCARD_STATE_UNAVAILABLE):
                raise _lost(f"card reader {name} is gone", "Look at the card reader's plug.")
            self._card(name, bool(state & self._scard.SCARD_STATE_PRESENT), bytes(states[0][2]))

    def close(self) -> None:
        """Give the context back; may be called twice."""
        if self._present:
            self._present = False
            self._emit(CardRemoved())
        context, self._context = self._context, None
        if context is not None:
            self._scard.SCardReleaseContext(context)

    def _await_reader(self) -> str | None:
        """Return the reader's name; waits for one to be plugged in."""
        while not self._stop.is_set():
            result, readers = self._scard.SCardListReaders(self._context, [])
            if result not in (self._scard.SCARD_S_SUCCESS, self._scard.SCARD_E_NO_READERS_AVAILABLE):
                self._check(result, "the PC/SC daemon does not answer", "Start pcscd.")
            for name in readers or ():
                if self._settings.reader in name:
                    return str(name)
            wanted = self._settings.reader or "any"
            self._emit(ReaderLost(_lost(f"no card reader ({wanted})", "Plug the card reader in.")))
            result, _ = self._scard.SCardGetStatusChange(self._context, WAIT_MS, [(NEW_READER, 0)])
            if result not in (self._scard.SCARD_S_SUCCESS, self._scard.SCARD_E_TIMEOUT):
                self._check(result, "the PC/SC daemon does not answer", "Start pcscd.")
            self._stop.wait(RETRY_S)
        return None

    def _card(self, name: str, present: bool, atr: bytes) -> None:
        if present == self._present:
            return
        if not present:
            self._present = False
            self._emit(CardRemoved())
            return
        result, handle, _protocol = self._scard.SCardConnect(
            self._context,
            name,
            self._scard.SCARD_SHARE_SHARED,
            self._scard.SCARD_PROTOCOL_T0 | self._scard.SCARD_PROTOCOL_T1,
        )
        if result != self._scard.SCARD_S_SUCCESS:
            log.warning("a card could not be opened: %s", self._scard.SCardGetErrorMessage(result))
            return
        try:
            self._present = True
            placed = self._read(handle, _protocol, atr)
        finally:
            self._scard.SCardDisconnect(handle, self._scard.SCARD_LEAVE_CARD)
        if placed is not None:
            self._emit(placed)

    def _read(self, handle: int, protocol: int, atr: bytes) -> CardPlaced | None:
        """Return what the card says, or None when it went, or does not say."""

        def transmit(command: bytes) -> bytes:
            pci = self._scard.SCARD_PCI_T0 if protocol == self._scard.SCARD_PROTOCOL_T0 else None
            result, answer = self._scard.SCardTransmit(
                handle, pci if pci is not None else self._scard.SCARD_PCI_T1, list(command)
            )
            if result != self._scard.SCARD_S_SUCCESS:
                raise _lost(self._scard.SCardGetErrorMessage(result), "Lay the card down again.")
            return bytes(answer)

        data = b""
        try:
            uid = apdu.uid(transmit)
        except DeviceError as error:
            log.warning("a card could not be read: %s", error.seen)
            return None
        try:
            if self._settings.data_bytes:
                data = apdu.read_data(transmit, self._settings.data_bytes)
        except DeviceRefused as error:
            log.warning("a card's data could not be read: %s", error.seen)
        except DeviceError as error:
            log.warning("a card went while it was read: %s", error.seen)
            return None
        return CardPlaced(uid.hex().upper(), apdu.explain_atr(atr), data)

    def _check(self, result: int, seen: str, do: str) -> None:
        if result != self._scard.SCARD_S_SUCCESS:
            raise _lost(f"{seen} ({self._scard.SCardGetErrorMessage(result).strip()})", do)


def _lost(seen: str, do: str) -> DeviceLost:
    return DeviceLost(seen, why="Patron cards cannot be read.", do=do)
