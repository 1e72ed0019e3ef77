"""What only a gate has, looked at by a technician: a UHF reader, lines that count people, a lamp on pins.

A UHF reader tells by itself what passes, so it is listened to for a while and nothing is asked of a tag.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.counter import LineCounter
from firmware_bridge.gpio import GpioInputs, GpioLamp
from firmware_bridge.llrp.conversation import Settings
from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import Barriers, DeviceInfo, ReaderFound, ReaderLost, UhfTagSeen
from kiosk.config_devices import PadSettings
from kiosk.config_gate import BarrierSettings, LampSettings, UhfSettings
from kiosk.devices_check import Check
from kiosk.gate_lamp import light
from kiosk.gate_open import LAMP_OUTPUT
from kiosk.gate_parts import line_watch, stuck_words
from kiosk.gate_pins import pins_of
from kiosk.pad_loop import open_feig
from wire.errors import DeviceError, TurnleafError

FOUND_S = 5.0
"""Seconds within which a UHF reader is found: it is configured anew on each connection."""
LISTEN_S = 2.0
"""Seconds a self-test listens to a UHF reader, or looks at lines."""
LAMP_ON_S = 1.0


@dataclass(frozen=True, slots=True)
class UhfPad:
    """A gate's UHF reader by its settings."""

    pad: PadSettings
    uhf: UhfSettings


@dataclass(frozen=True, slots=True)
class Lines:
    """The inputs at which people are counted: on pins, or on the gate's FEIG reader."""

    barriers: BarrierSettings
    pad: PadSettings


@dataclass(slots=True)
class Heard:
    """What a UHF reader told since it was listened to."""

    found: DeviceInfo | None = None
    lost: DeviceError | None = None
    tags: set[bytes] = field(default_factory=set)
    reports: int = 0
    weak: int = 0
    """Reports weaker than a gate takes."""
    silent: int = 0
    """Reports without the PC word, which say nothing of security."""
    news: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def listened(settings: UhfPad, *, lamp: bool = False) -> AsyncIterator[tuple[LlrpReader, Heard]]:
    """Listen to a UHF reader for the length of a block."""
    pad, heard = settings.pad, Heard()
    outputs = Settings(outputs=(LAMP_OUTPUT,) if lamp else ())
    reader = LlrpReader(pad.host, pad.port, outputs, ca_file=settings.uhf.ca)

    async def follow() -> None:
        async with aclosing(reader.events()) as events:  # type: ignore[type-var]  # an async generator
            async for event in events:
                match event:
                    case UhfTagSeen(epc=epc, pc=pc, rssi=rssi):
                        heard.tags.add(epc)
                        heard.reports += 1
                        heard.silent += pc is None
                        heard.weak += rssi is not None and rssi < settings.uhf.least_dbm
                    case ReaderFound(info=info):
                        heard.found, heard.lost = info, None
                    case ReaderLost(error=error):
                        heard.found, heard.lost = None, error
                heard.news.set()

    following = asyncio.create_task(follow(), name="uhf reader")
    try:
        yield reader, heard
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def found_in(heard: Heard) -> DeviceInfo:
    """Wait until the reader is there, and return what it is; raises what it was lost by."""
    try:
        async with asyncio.timeout(FOUND_S):
            while heard.found is None:
                await heard.news.wait()
                heard.news.clear()
    except TimeoutError:
        if heard.lost is None:
            raise DeviceError(
                f"the UHF reader did not get ready within {FOUND_S:g} s",
                do="Look whether another program holds its one connection: stop the daemon first.",
            ) from None
        raise heard.lost from None
    return heard.found


async def try_uhf(name: str, settings: UhfPad, *, lamp: bool) -> list[Check]:
    """Try a UHF reader: what it is, what it hears in two seconds, its antennas, its line, and its lamp."""
    async with listened(settings, lamp=lamp) as (reader, heard):
        told = await found_in(heard)
        identity = " ".join(filter(None, (told.make, told.model, told.firmware, told.serial)))
        await asyncio.sleep(LISTEN_S)
        health = reader.health
        rate = heard.reports / LISTEN_S
        away = sorted(number for number, there in health.antennas.items() if not there)
        faults = health.losses + health.malformed
        checks = [
            Check(name, True, identity),
            Check(
                name,
                not away,
                f"{rate:.0f} reports/s of {len(heard.tags)} tags, {heard.weak} of them too weak to count"
                + (f"; antenna {', '.join(map(str, away))} is not connected" if away else ""),
                "Look at the antenna's cable." if away else "",
                {"reports_per_s": rate, "tags": len(heard.tags), "weak_reports": heard.weak},
            ),
            Check(
                name,
                faults == 0,
                f"{health.losses} connections lost, {health.malformed} streams that were no LLRP",
                "Look at the network between station and reader." if faults else "",
                {"losses": health.losses, "decoding_errors": health.malformed},
            ),
        ]
        if heard.silent:
            seen = f"{heard.silent} reports without the PC word: they do not say whether an item is secured"
            checks.append(Check(name, False, seen, "Update the reader's firmware."))
        if lamp:
            checks.append(await _lit(name, reader))
        return checks


async def watch_uhf(name: str, settings: UhfPad, every_s: float) -> AsyncIterator[dict[str, Any]]:
    """Yield how a UHF reader does, for ever; rates are those since the line before."""
    async with listened(settings) as (reader, heard):
        while True:
            heard.tags.clear()
            await asyncio.sleep(every_s)
            if heard.found is None:
                seen = heard.lost.seen if heard.lost is not None else "the UHF reader is not ready yet"
                yield {"device": name, "lost": seen}
            else:
                yield {"device": name, "tags": len(heard.tags)} | reader.sample()


async def _lit(name: str, lamp: LlrpReader | GpioLamp) -> Check:
    failed = await light(lamp, LAMP_ON_S)
    if failed is not None:
        return Check(name, False, failed.seen, failed.do)
    await asyncio.sleep(LAMP_ON_S)
    return Check(name, True, "lamp and buzzer were ordered for one second: did they work?")


# --- a lamp on pins ---------------------------------------------------------------------------------


@asynccontextmanager
async def lamp_on_pins(settings: LampSettings) -> AsyncIterator[GpioLamp]:
    """Have a lamp on pins for the length of a block."""
    lamp = pins_of(settings, BarrierSettings(fitted=False)).lamp
    assert lamp is not None
    try:
        yield lamp
    finally:
        lamp.close()


async def try_lamp(name: str, settings: LampSettings, *, lamp: bool) -> list[Check]:
    """Try a lamp on pins: its chip, and when told so, its light."""
    async with lamp_on_pins(settings) as pins:
        info = await pins.info()
        return [Check(name, True, f"chip {info.model or info.serial}")] + (
            [await _lit(name, pins)] if lamp else []
        )


# --- lines that count people ------------------------------------------------------------------------


@asynccontextmanager
async def open_lines(settings: Lines) -> AsyncIterator[Barriers]:
    """Have the inputs of a gate for the length of a block."""
    inputs = pins_of(LampSettings(fitted=False), settings.barriers).inputs
    if inputs is not None:
        try:
            yield inputs
        finally:
            inputs.close()
    else:
        feig = open_feig(settings.pad)
        try:
            yield feig
        finally:
            await feig.close()


async def lines_info(settings: Lines) -> DeviceInfo:
    """Ask what carries the lines; raises DeviceError."""
    async with open_lines(settings) as lines:
        if isinstance(lines, GpioInputs):
            return await lines.info()
        await lines.inputs()
        return DeviceInfo(model="inputs 1 and 2 of the gate's reader")


def states(lines: int) -> str:
    """Return both lines in words."""
    return ", ".join(f"input {bit + 1} {'on' if lines >> bit & 1 else 'off'}" for bit in (0, 1))


async def try_lines(name: str, settings: Lines) -> list[Check]:
    """Look at the lines once. Somebody who stands there is no fault, a line that stays on may be."""
    async with open_lines(settings) as lines:
        now = await lines.inputs()
        return [Check(name, True, f"{states(now)}: do they follow who walks through? (device watch)")]


async def watch_lines(name: str, settings: Lines, every_s: float) -> AsyncIterator[dict[str, Any]]:
    """Yield the lines, what a counter counted there, and how they are heard, for ever."""
    async with open_lines(settings) as lines:
        watch = line_watch(settings.barriers, lines)
        lost: list[TurnleafError] = []
        watching = asyncio.create_task(watch.watch(lost.append), name="lines")
        looks = 0
        try:
            while True:
                await asyncio.sleep(every_s)
                before, looks = looks, watch.health.looks
                if looks == before and lost:
                    yield {"device": name, "lost": lost[-1].seen}
                    continue
                counted = await watch.counts() if isinstance(watch, LineCounter) else None
                yield {
                    "device": name,
                    "inputs": states(await watch.inputs()),
                    **(
                        {}
                        if counted is None
                        else {"input_1_pulses": counted[0], "input_2_pulses": counted[1]}
                    ),
                    "looks": looks,
                    "losses": watch.health.losses,
                    "response_ms": round(watch.health.response_ms, 1),
                    "stuck": stuck_words(watch.health.stuck),
                }
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
