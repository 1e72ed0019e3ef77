"""The loop that watches a gate's field: look, read what is new, rule, sound, and only then tell anybody.

Between the inventory that first sees a tag and the order to the lamp stand one read of the tag and one
look into the copy: no disk write and no network but the reader's own. How long that took is measured. Whether
the lamp takes the order is waited for beside this loop (`kiosk.gate_lamp`), as are lines that are polled
(`kiosk.gate_parts`).
Where loans are decided elsewhere, an answer is waited for in between (`kiosk.gate_ask`), and never by this
loop: other tags and people are seen meanwhile.

A tag that is seen and cannot be read is tried with each look while it is there.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, assert_never, runtime_checkable

from firmware_bridge.counter import LineCounter, LineWatch, LongOn
from firmware_bridge.errors import DeviceLost, DeviceTimeout, FrameError
from firmware_bridge.ports import Barriers, DeviceInfo, Lamp, Sampled, TagMemory
from firmware_bridge.tags.reading import ItemTag, TagReading, decode_tag
from kiosk.config_gate import GateSettings
from kiosk.gate import Known, judge
from kiosk.gate_ask import prospects
from kiosk.gate_ask_loop import GateAsks
from kiosk.gate_lamp import LampOrders, Sounded
from kiosk.gate_parts import LinesStuck
from kiosk.gate_passage import (
    STANDING_MS,
    Ask,
    Counted,
    Gate,
    GateEffect,
    GateEvent,
    Looked,
    Passed,
    Person,
    Sound,
    TagAsked,
    TagSeen,
    step,
)
from kiosk.pad_loop import BACK_CAP_S, Measured, PadFound, PadLost, PadSampled, go_on, security_bits
from wire.clock import Clock
from wire.errors import DeviceError, TurnleafError
from wire.loops import keep_alive

INNER, OUTER = 0b01, 0b10


class GateDevice(Barriers, Lamp, Protocol):
    """A gate's reader: antennas, two inputs for light barriers, an output for lamp and buzzer."""

    async def inventory(self) -> frozenset[str]:
        """Return all tags in the field now."""

    async def read_tag(self, uid: str) -> TagMemory:
        """Read one tag; raises TagGone, TagError, DeviceError."""

    async def info(self) -> DeviceInfo:
        """Ask the device what it is."""


@runtime_checkable
class Reads(Protocol):
    """A device that knows by itself what a tag is: a UHF reader's report says it all."""

    async def reading(self, uid: str) -> TagReading:
        """Return what a tag is; raises TagGone, DeviceError."""


GateTold = Passed | Person | Sounded | LinesStuck | PadFound | PadLost | PadSampled
Tell = Callable[[GateTold], None]
LookUp = Callable[[str], Known]


async def watch_gate(
    device: GateDevice,
    settings: GateSettings,
    clock: Clock,
    look_up: LookUp,
    tell: Tell,
    asks: GateAsks | None = None,
    lines: LineWatch | None = None,
) -> None:
    """Watch until cancelled; `tell` is called from this loop and must not wait."""
    watch = GateWatch(device, settings, clock, look_up, tell, asks, lines)
    try:
        await keep_alive("gate", watch.once, expect=(DeviceError,), cap_s=BACK_CAP_S, lost=watch.lost)
    finally:
        await watch.finish()


class GateWatch:
    """What a watched gate remembers over the losses of its reader."""

    def __init__(
        self,
        device: GateDevice,
        settings: GateSettings,
        clock: Clock,
        look_up: LookUp,
        tell: Tell,
        asks: GateAsks | None = None,
        lines: LineWatch | None = None,
    ) -> None:
        self._device = device
        self._lines: Barriers = device if lines is None else lines
        self._people = lines if isinstance(lines, LineCounter) else None
        self._counted = (0, 0)
        self._long_on = LongOn() if lines is None else None
        self._stuck = frozenset[int]()
        self._lamp = LampOrders(device, settings.lamp.seconds, clock, tell)
        self._asks = asks
        self._settings = settings
        self._clock = clock
        self._look_up = look_up
        self._tell = tell
        self._bits = security_bits(settings.pad)
        self._owners = frozenset(settings.pad.owners)
        self._gate = Gate(settings.passage_gap_ms, int(settings.barriers.within_s * 1000))
        self._is_lost = False
        self._sampled_at = clock.mono()
        self._tags_read = 0
        self._unread = 0
        self._retries = 0

    def lost(self, error: TurnleafError) -> None:
        """Tell once that the reader does not answer."""
        if not self._is_lost and isinstance(error, DeviceError):
            self._is_lost = True
            self._tell(PadLost(error))

    async def once(self) -> None:
        """Look until the reader is lost."""
        go_on()
        await self._count()
        info: DeviceInfo = await self._device.info()
        self._is_lost = False
        self._tell(PadFound(info))
        while True:
            go_on()
            await self.look()
            self._lamp.check()
            self._maybe_sample()
            await self._rest()

    async def finish(self) -> None:
        """Tell of people and a passage under way: a gate that ends must not forget an alarm that sounded."""
        await self._lamp.end()
        later = self._clock.mono() + STANDING_MS
        last: tuple[GateEvent, ...] = (*await self._more_people(), Looked(later, frozenset()))
        for event in last:
            self._gate, effects = step(self._gate, event)
            for effect in effects:
                if not isinstance(effect, Sound | Ask):
                    self._tell(effect)

    async def _rest(self) -> None:
        """Wait for the next look; an answer that comes meanwhile is taken at once."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.pad.poll_ms / 1000
        while self._asks is not None and self._gate.asking:
            try:
                async with asyncio.timeout_at(until):
                    await self._asks.news.wait()
            except TimeoutError:
                return
            await self._hear()
        await asyncio.sleep(until - loop.time())

    async def look(self) -> None:
        """Look once at the field and the barriers."""
        uids = await self._device.inventory()
        seen_at = self._clock.mono()
        for uid in sorted(uids):
            if self._gate.is_new(uid):
                await self._read(uid, seen_at)
        inner, outer = await self._barriers()
        await self._count()
        await self._step(Looked(self._clock.mono(), uids, inner, outer), seen_at)

    async def _barriers(self) -> tuple[bool, bool]:
        """Return which barriers are broken, the inner one first; a people counter has none."""
        if not self._settings.barriers.fitted or self._people is not None:
            return False, False
        lines = await self._lines.inputs()
        if self._long_on is not None:
            now = self._clock.mono() / 1000
            self._long_on = self._long_on.see(lines, now)
            if (stuck := self._long_on.stuck(now)) != self._stuck:
                self._stuck = stuck
                self._tell(LinesStuck(stuck))
        inner, outer = bool(lines & INNER), bool(lines & OUTER)
        return (outer, inner) if self._settings.barriers.swapped else (inner, outer)

    async def _count(self) -> None:
        for event in await self._more_people():
            await self._step(event, event.at)

    async def _more_people(self) -> tuple[Counted, ...]:
        """Return what the people counter counted since it was asked last."""
        if self._people is None:
            return ()
        before, self._counted = self._counted, await self._people.counts()
        if before == self._counted:
            return ()
        first, second = (now - old for now, old in zip(self._counted, before, strict=True))
        entered, left = (second, first) if self._settings.barriers.swapped else (first, second)
        return (Counted(self._clock.mono(), entered, left),)

    async def _read(self, uid: str, seen_at: int) -> None:
        try:
            reading = await self._reading(uid)
        except (DeviceLost, DeviceTimeout, FrameError):
            raise
        except DeviceError:
            self._unread += 1
            return
        self._tags_read += 1
        known = self._look_up(reading.item) if isinstance(reading, ItemTag) else "absent"
        policy = self._settings.policy
        now = self._clock.mono()
        by_answer = prospects(reading, known, policy) if self._asks and self._asks.possible else None
        if by_answer is None:
            await self._step(TagSeen(now, uid, reading, judge(reading, known, policy)), seen_at)
        else:
            until = now + policy.ask_ms
            await self._step(TagAsked(now, uid, reading, by_answer, seen_at, until), seen_at)

    async def _reading(self, uid: str) -> TagReading:
        if isinstance(self._device, Reads):
            return await self._device.reading(uid)
        return decode_tag(await self._device.read_tag(uid), self._owners, self._bits)

    async def _hear(self) -> None:
        """Take what was answered, under the time at which it came."""
        while self._asks is not None and (answer := self._asks.take()) is not None:
            self._gate, effects = step(self._gate, answer)
            await self._carry_out(effects, answer.at)

    async def _step(self, event: GateEvent, seen_at: int) -> None:
        await self._hear()  # what was answered in time counts, however long the reader took since
        self._gate, effects = step(self._gate, event)
        await self._carry_out(effects, seen_at)

    async def _carry_out(self, effects: tuple[GateEffect, ...], seen_at: int) -> None:
        for effect in effects:
            match effect:
                case Sound(seen_at=earlier):
                    await self._sound(seen_at if earlier is None else earlier)
                case Ask(item=item) if self._asks is not None:
                    self._asks.ask(item)
                case Ask():
                    raise TypeError("only who can ask is asked to")
                case Passed() | Person():
                    self._tell(effect)
                case _:
                    assert_never(effect)

    async def _sound(self, seen_at: int) -> None:
        if self._settings.lamp.fitted:
            await self._lamp.order(seen_at)

    def _maybe_sample(self) -> None:
        now = self._clock.mono()
        if now - self._sampled_at < self._settings.sample_s * 1000:
            return
        self._sampled_at = now
        values = {
            "tags_read": float(self._tags_read),
            "tags_unread": float(self._unread),
            "people_since_tag": float(self._gate.people_since_tag),
        }
        if isinstance(self._device, Measured):
            health = self._device.health
            values["response_ms"] = health.response_ms
            values["retries"] = float(health.retries - self._retries)
            self._retries = health.retries
        if isinstance(self._device, Sampled):
            values |= self._device.sample()
        self._tags_read = self._unread = 0
        self._tell(PadSampled(values))
