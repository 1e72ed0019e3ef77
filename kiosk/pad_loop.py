"""The loop that watches a pad: snapshots in, `Placed` and `Removed` out (design §4, rows 1 to 3).

It polls the full inventory, lets the presence step decide what came and went, and reads each tag that
came. It lives through a pulled cable: `PadLost` says that nothing is known for now, not that anything
was taken away. When the pad is back, the next snapshots tell the difference; what lay there all along is
not placed again. A tag that answers the inventory and cannot be read is tried with each snapshot, and
after `READ_TRIES` told as unknown, so that somebody can be asked to lift it once.

Not for: gates, where nobody waits for a second look (`kiosk.gate_loop`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from firmware_bridge.errors import DeviceLost, DeviceTimeout, FrameError
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.ports import DeviceInfo, Pad, PadHealth, TagTools
from firmware_bridge.presence import Presence, see
from firmware_bridge.tags.reading import SecurityBits, TagReading, UnknownTag, decode_tag
from firmware_bridge.tags.security import SecurityRules
from kiosk.config_devices import PadSettings
from wire.clock import Clock
from wire.errors import ConfigError, DeviceError, TurnleafError
from wire.loops import keep_alive

READ_TRIES = 8
PCSC_S = 5.0
"""Least seconds for one operation of a PC/SC pad: a whole sequence of commands, not one answer."""
BACK_CAP_S = 3.0
"""A pad that is plugged in again is found within this time."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A tag surely lies on the pad, and this is what it is."""

    uid: str
    reading: TagReading


@dataclass(frozen=True, slots=True)
class Removed:
    """A tag has surely left the pad."""

    uid: str


@dataclass(frozen=True, slots=True)
class PadLost:
    """The pad does not answer; said once until it is found again."""

    error: DeviceError


@dataclass(frozen=True, slots=True)
class PadFound:
    """The pad answers: at the start, and after each loss."""

    info: DeviceInfo


@dataclass(frozen=True, slots=True)
class PadSampled:
    """How well the pad worked since the last sample: values ready for `Station.sample("pad", …)`."""

    values: dict[str, float]


PadEvent = Placed | Removed | PadLost | PadFound | PadSampled
Emit = Callable[[PadEvent], None]


@runtime_checkable
class Measured(Protocol):
    """A device that counts its exchanges."""

    health: PadHealth


class StationPad(Pad, TagTools, Protocol):
    """A pad of any make: what kiosks, bins and tag stations ask of it."""

    @property
    def health(self) -> PadHealth:
        """How the reader has answered so far."""

    async def close(self) -> None:
        """Let the device go."""


def open_pad(settings: PadSettings) -> StationPad:
    """Return the driver of the configured pad; it connects by itself with the first command."""
    if settings.kind == "feig":
        return open_feig(settings)
    if settings.kind == "llrp":
        raise ConfigError(
            "a UHF reader cannot be a pad: it reads no blocks and writes no AFI here",
            do='Give a pad in [pad], kind = "feig", "3m" or "pcsc"; llrp is for gates.',
        )
    if settings.kind == "pcsc":
        return open_pcsc(settings)
    from firmware_bridge.threem.driver import ThreeMPad

    if settings.serial:
        return ThreeMPad.serial(
            settings.serial, timeout_s=settings.timeout_s, write_tries=settings.write_tries
        )
    return ThreeMPad.tcp(
        settings.host,
        settings.port,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        write_tries=settings.write_tries,
    )


def open_pcsc(settings: PadSettings) -> StationPad:
    """Return the driver of an ISO 15693 PC/SC reader as a pad for one item; pcscd is found with each need."""
    from firmware_bridge.pcsc_pad import PcscPad, PcscPadSettings

    way = None if settings.way == "auto" else settings.way
    return PcscPad(PcscPadSettings(settings.reader, way, max(settings.timeout_s, PCSC_S), lends=True))


def open_feig(settings: PadSettings) -> FeigPad:
    """Return the driver of a FEIG reader; it connects by itself with the first command."""
    if settings.serial:
        return FeigPad.serial(settings.serial, timeout_s=settings.timeout_s, attempts=settings.write_tries)
    return FeigPad.tcp(
        settings.host,
        settings.port,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        attempts=settings.write_tries,
    )


def security_bits(settings: PadSettings) -> SecurityBits:
    """Return which AFI this library takes for secured and for lent."""
    return SecurityBits(
        settings.afi_secured,
        settings.afi_lent,
        frozenset(settings.afi_also_secured),
        frozenset(settings.afi_also_lent),
    )


def security_rules(settings: PadSettings) -> SecurityRules:
    """Return how this library secures its items: its AFIs, and the marks that count."""
    return SecurityRules(security_bits(settings), frozenset(settings.marks))


def go_on() -> None:
    """Raise CancelledError when this task was told to end and something below swallowed it.

    `asyncio.wait_for` of Python 3.11 loses a cancellation that comes together with the result (gh-86296);
    drivers and libraries may use it, and a loop that never ends would keep its daemon alive.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def watch_pad(
    pad: Pad, settings: PadSettings, clock: Clock, emit: Emit, *, sample_s: float = 10.0
) -> None:
    """Watch until cancelled; `emit` is called from this loop, in the order in which things happened."""
    watch = _Watch(pad, settings, clock, emit, sample_s)
    await keep_alive("pad", watch.once, expect=(DeviceError,), cap_s=BACK_CAP_S, lost=watch.lost)


class _Watch:
    """What one watched pad remembers over its losses."""

    def __init__(self, pad: Pad, settings: PadSettings, clock: Clock, emit: Emit, sample_s: float) -> None:
        self._pad = pad
        self._settings = settings
        self._clock = clock
        self._emit = emit
        self._sample_ms = int(sample_s * 1000)
        self._sampled_at = clock.mono()
        self._presence = Presence(settings.confirm, settings.absent)
        self._owners = frozenset(settings.owners)
        self._unread: dict[str, int] = {}
        self._is_lost = False
        self._expected = 0
        self._seen = 0
        self._retries = 0

    def lost(self, error: TurnleafError) -> None:
        if not self._is_lost and isinstance(error, DeviceError):
            self._is_lost = True
            self._emit(PadLost(error))

    async def once(self) -> None:
        go_on()
        info = await self._pad.info()
        self._is_lost = False
        self._emit(PadFound(info))
        while True:
            go_on()
            await self._look()
            self._maybe_sample()
            await asyncio.sleep(self._settings.poll_ms / 1000)

    async def _look(self) -> None:
        uids = await self._pad.inventory()
        self._expected += len(self._presence.placed)
        self._seen += len(self._presence.placed & uids)
        self._presence, moves = see(self._presence, uids)
        for uid in moves.removed:
            if self._unread.pop(uid, None) is None:
                self._emit(Removed(uid))
        self._unread.update(dict.fromkeys(moves.placed, 0))
        for uid in [uid for uid in self._unread if uid in uids]:
            await self._read(uid)

    async def _read(self, uid: str) -> None:
        try:
            memory = await self._pad.read_tag(uid)
        except (DeviceLost, DeviceTimeout, FrameError):
            raise
        except DeviceError as error:
            self._unread[uid] += 1
            if self._unread[uid] < READ_TRIES:
                return
            reading: TagReading = UnknownTag(uid, f"cannot be read: {error.seen}")
        else:
            reading = decode_tag(memory, self._owners, security_bits(self._settings))
        del self._unread[uid]
        self._emit(Placed(uid, reading))

    def _maybe_sample(self) -> None:
        now = self._clock.mono()
        if now - self._sampled_at < self._sample_ms:
            return
        self._sampled_at = now
        values: dict[str, float] = {"tags": float(len(self._presence.placed))}
        if self._expected:
            values["read_rate"] = self._seen / self._expected
        if isinstance(self._pad, Measured):
            health = self._pad.health
            values["response_ms"] = health.response_ms
            values["retries"] = float(health.retries - self._retries)
            self._retries = health.retries
        self._expected = self._seen = 0
        self._emit(PadSampled(values))
