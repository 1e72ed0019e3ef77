"""Patron cards through PC/SC, by a status-change loop of our own.

pyscard's monitors die silently when pcscd is restarted. This loop asks `SCardGetStatusChange` with a
bounded wait, and after any error gives its context back and opens a new one; so it survives a restarted
daemon and an unplugged reader. It runs in one thread, because the PC/SC calls block; events reach asyncio
in order. The thread ends within one wait of its owner.

The daemon's socket is taken from PCSCLITE_CSOCK_NAME by the PC/SC library when this process first
connects.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

from firmware_bridge.backoff import Backoff
from firmware_bridge.errors import DeviceLost
from firmware_bridge.pcsc_card import CardHealth, PcscSettings, ReaderTalk
from firmware_bridge.ports import CardEvent, CardPlaced, CardRemoved, CardUnread, ReaderFound, ReaderLost
from wire.errors import ConfigError, DeviceError

__all__ = ["CardHealth", "PcscCardReader", "PcscSettings"]

WAIT_MS = 1000
RETRY_S = 0.2
CAP_S = 3.0
"""A reader that is plugged in again, or a daemon that was restarted, is found within this time, seconds."""
END_S = 3.0
"""So long the end of the thread is waited for, seconds; a status wait is at most one."""
OPEN_TRIES = 3
"""A card that was just laid down may not answer at once."""
NEW_READER = "\\\\?PnP?\\Notification"


class PcscCardReader:
    """`CardReader` of the ports over pcscd."""

    def __init__(self, settings: PcscSettings | None = None) -> None:
        self._settings = settings or PcscSettings()
        self._health = CardHealth()

    @property
    def health(self) -> CardHealth:
        """Counters since this was made."""
        return replace(self._health)

    async def events(self) -> AsyncIterator[CardEvent]:
        """Yield card and reader events until the consumer stops; the thread ends then, unless pcscd hangs.

        Raises ConfigError when the PC/SC library cannot be loaded. A consumer that leaves the loop by
        itself closes this generator (`contextlib.aclosing`).
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[CardEvent | Exception] = asyncio.Queue()

        def emit(event: CardEvent | Exception) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(queue.put_nowait, event)

        watch = _Watch(self._settings, emit, self._health, loop.time)
        thread = threading.Thread(target=watch.run, name="pcsc-status", daemon=True)
        thread.start()
        try:
            while True:
                event = await queue.get()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            # in a thread of its own: this asks pcscd, too, and one that hangs would hold up the whole loop
            threading.Thread(target=watch.stop, name="pcsc-stop", daemon=True).start()
            with suppress(TimeoutError):  # a daemon that does not answer holds the thread; it is left behind
                async with asyncio.timeout(END_S):
                    while thread.is_alive():  # for one status wait at most
                        await asyncio.sleep(0.01)


class _Watch:
    """The thread's work: open a context, follow one reader, and begin anew after any error."""

    def __init__(
        self,
        settings: PcscSettings,
        emit: Callable[[CardEvent | Exception], None],
        health: CardHealth,
        now_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._health = health
        self._now_s = now_s
        self._stop = threading.Event()
        self._follower: _Follower | None = None
        self._told = ""

    def stop(self) -> None:
        """End the thread; wakes it from its wait. Called from another thread."""
        self._stop.set()
        follower = self._follower
        if follower is not None:
            follower.wake()

    def run(self) -> None:
        """Follow until stopped; an unexpected exception goes to the consumer, never nowhere."""
        try:
            backoff = Backoff(RETRY_S, cap_s=CAP_S)
            while not self._stop.is_set():
                began = self._now_s()
                self._follow()
                self._stop.wait(backoff.pause_s(self._now_s() - began))
        except ImportError as error:
            self._emit(
                ConfigError(
                    f"the PC/SC library cannot be loaded: {error}",
                    why="Patron cards cannot be read.",
                    do="Install pyscard and libpcsclite1.",
                )
            )
        except Exception as error:
            self._emit(error)

    def _follow(self) -> None:
        follower = self._follower = _Follower(
            self._settings, self._tell, self._stop, self._health, self._now_s
        )
        try:
            follower.run()
        except DeviceError as error:
            follower.close()
            self._tell(ReaderLost(error))
        finally:
            follower.close()

    def _tell(self, event: CardEvent) -> None:
        """Pass an event on; the same loss is told once."""
        if isinstance(event, ReaderLost):
            if event.error.seen == self._told:
                return
            self._told = event.error.seen
        elif isinstance(event, ReaderFound):
            self._told = ""
        self._emit(event)


class _Follower:
    """One PC/SC context and the reader that is followed in it."""

    def __init__(
        self,
        settings: PcscSettings,
        emit: Callable[[CardEvent], None],
        stop: threading.Event,
        health: CardHealth,
        now_s: Callable[[], float],
    ) -> None:
        from smartcard import scard  # the PC/SC library; a station without a card reader does not load it

        self._scard = scard
        self._settings = settings
        self._emit = emit
        self._stop = stop
        self._health = health
        self._now_s = now_s
        self._context: int | None = None
        self._talk: ReaderTalk | None = None
        self._present = False
        self._unread = False

    def run(self) -> None:
        """Follow the reader until told to stop; raises DeviceLost when it, or the daemon, is gone."""
        result, self._context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        self._check(result, "the PC/SC daemon does not answer", "Start pcscd: systemctl start pcscd.socket")
        name = self._await_reader()
        if name is None:
            return
        assert self._context is not None
        talk = self._talk = ReaderTalk(
            self._scard, self._context, name, self._settings, self._health, self._now_s
        )
        self._health.connections += 1
        self._emit(ReaderFound(talk.info()))
        state = self._scard.SCARD_STATE_UNAWARE
        while not self._stop.is_set():
            result, states = self._scard.SCardGetStatusChange(self._context, WAIT_MS, [(name, state)])
            if result in (self._scard.SCARD_E_TIMEOUT, self._scard.SCARD_E_CANCELLED):
                continue
            self._check(result, f"card reader {name} is gone", "Look at the card reader's plug.")
            before, state = state, states[0][1]
            if state & (self._scard.SCARD_STATE_UNKNOWN | self._scard.SCARD_STATE_UNAVAILABLE):
                raise _lost(f"card reader {name} is gone", "Look at the card reader's plug.")
            if _events(state) - _events(before) > 1:
                self._removed()  # taken away and laid down again between two looks: maybe another card
            self._card(talk, bool(state & self._scard.SCARD_STATE_PRESENT), bytes(states[0][2]))

    def close(self) -> None:
        """Give the context back; may be called twice."""
        self._removed()
        context, self._context = self._context, None
        if context is not None:
            self._scard.SCardReleaseContext(context)

    def wake(self) -> None:
        """End a wait for a change; the one call that another thread may make."""
        context = self._context
        if context is not None:
            self._scard.SCardCancel(context)

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
            fine = (
                self._scard.SCARD_S_SUCCESS, self._scard.SCARD_E_TIMEOUT, self._scard.SCARD_E_CANCELLED,
            )  # fmt: skip
            if result not in fine:
                self._check(result, "the PC/SC daemon does not answer", "Start pcscd.")
            self._stop.wait(RETRY_S)
        return None

    def _removed(self) -> None:
        self._unread = False
        if self._present:
            self._present = False
            self._emit(CardRemoved())

    def _card(self, talk: ReaderTalk, present: bool, atr: bytes) -> None:
        if not present:
            if self._present or self._unread:
                talk.rest()
            self._removed()
        elif not self._present:
            match self._read(talk, atr):
                case CardPlaced() as placed:
                    self._present = True
                    self._health.cards += 1
                    self._emit(placed)
                case CardUnread() as unread if not self._unread:
                    self._unread = True  # told once, and tried again with each change that pcscd tells
                    self._health.unread += 1
                    self._emit(unread)
                case CardUnread():
                    pass

    def _read(self, talk: ReaderTalk, atr: bytes) -> CardPlaced | CardUnread:
        """Read the card; one that is silent is asked again, for it may just have been laid down."""
        found = talk.read(atr)
        for _ in range(OPEN_TRIES - 1):
            if not isinstance(found, CardUnread) or found.why != "silent" or self._stop.wait(RETRY_S):
                break
            self._health.retries += 1
            found = talk.read(atr)
        return found

    def _check(self, result: int, seen: str, do: str) -> None:
        if result != self._scard.SCARD_S_SUCCESS:
            raise _lost(f"{seen} ({self._scard.SCardGetErrorMessage(result).strip()})", do)


def _events(state: int) -> int:
    """Return the count of insertions and removals that pcscd keeps in the upper half of a state."""
    return state >> 16 & 0xFFFF


def _lost(seen: str, do: str) -> DeviceLost:
    return DeviceLost(seen, why="Patron cards cannot be read.", do=do)
