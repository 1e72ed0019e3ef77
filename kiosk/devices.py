"""The devices of a station, looked at one by one: what they are, how they answer, whether they do their work.

For technicians and their commands; the daemons do the same while they run, and publish it as parts and
samples. A device serves one connection at a time more often than not: stop the daemon first.
"""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import ValidationError

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.pcsc import PcscCardReader, PcscSettings
from firmware_bridge.ports import CardReader, DeviceInfo, PadHealth, ReaderFound, ReaderLost, Scanner
from kiosk.config_devices import PadSettings
from kiosk.config_gate import BarrierSettings, LampSettings, UhfSettings
from kiosk.config_patron import CardSettings, PrinterSettings, ScannerSettings
from kiosk.devices_check import Check
from kiosk.devices_gate import (
    Lines,
    UhfPad,
    found_in,
    lamp_on_pins,
    lines_info,
    listened,
    try_lamp,
    try_lines,
    try_uhf,
    watch_lines,
    watch_uhf,
)
from kiosk.pad_loop import StationPad, open_pad
from kiosk.printer_watch import judge, open_printer
from kiosk.receipts import kiosk_printer
from kiosk.scanner_watch import open_scanner
from wire.clock import Clock
from wire.errors import ConfigError, DeviceError

LOOKS = 20
"""Inventories of a self-test."""
SLOW_MS = 250.0
"""A pad whose inventory takes longer makes patrons wait."""
READER_S = 3.0
"""Seconds within which pcscd names its readers."""


DeviceSettings = (
    PadSettings | UhfPad | CardSettings | ScannerSettings | PrinterSettings | LampSettings | Lines
)


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a settings file."""

    name: str
    settings: DeviceSettings

    @property
    def address(self) -> str:
        """Where it is."""
        match self.settings:
            case PadSettings() as pad:
                return _pad_address(pad)
            case UhfPad(pad=pad):
                return _pad_address(pad)
            case Lines(barriers=barriers, pad=pad):
                return _pins_address(barriers) if barriers.pins else _pad_address(pad)
            case LampSettings() as lamp:
                return _pins_address(lamp)
            case PrinterSettings() as printer:
                return printer.address
            case CardSettings(reader=reader):
                return f"pcsc:{reader or 'the first reader'}"
            case ScannerSettings(kind=kind, path=path):
                return f"{'evdev' if kind == 'hid' else 'serial'}:{path}"


def _pad_address(pad: PadSettings) -> str:
    if pad.kind == "pcsc":
        return f"pcsc:{pad.reader}"
    return f"serial:{pad.serial}" if pad.serial else f"tcp://{pad.host}:{pad.port}"


def _pins_address(pins: LampSettings | BarrierSettings) -> str:
    return f"gpio:{pins.chip}:{','.join(map(str, pins.pins))}"


Named = PadSettings | CardSettings | ScannerSettings | PrinterSettings | LampSettings | BarrierSettings
KINDS: dict[str, type[Named]] = {
    "pad": PadSettings,
    "card": CardSettings,
    "scanner": ScannerSettings,
    "printer": PrinterSettings,
    "lamp": LampSettings,
    "barriers": BarrierSettings,
}
"""Table of a station's settings -> what it describes."""


def devices(path: Path) -> tuple[Device, ...]:
    """Return the devices that a station's TOML file names, whatever its kind; raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        folder = {"folder": path.parent.absolute()}
        named = {
            name: model.model_validate(raw[name], context=folder)
            for name, model in KINDS.items()
            if name in raw and raw[name].get("fitted", True)
        }
        uhf = UhfSettings.model_validate(raw.get("uhf", {}), context=folder)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(
            f"{path}: {error}", do="Give a station's settings file that its daemon accepts."
        ) from error
    found = tuple(_found_in(named, uhf))
    if not found:
        raise ConfigError(
            f"{path}: names no device", do=f"Give a file with one of the tables {', '.join(KINDS)}."
        )
    return found


def _found_in(named: dict[str, Named], uhf: UhfSettings) -> Iterator[Device]:
    """Yield the devices of the tables; a gate's lamp and inputs may be its reader's own, or on pins."""
    pad = named.get("pad")
    for name, settings in named.items():
        match settings:
            case PadSettings(kind="llrp"):
                yield Device(name, UhfPad(settings, uhf))
            case LampSettings(pins=()):
                pass
            case BarrierSettings(pins=pins):
                if isinstance(pad, PadSettings) and (pins or pad.kind == "feig"):
                    yield Device(name, Lines(settings, pad))
            case _:
                yield Device(name, settings)


async def info(device: Device) -> DeviceInfo:
    """Ask one device what it is; raises DeviceError."""
    match device.settings:
        case PadSettings() as settings:
            async with _pad(settings) as pad:
                return await pad.info()
        case UhfPad() as settings:
            async with listened(settings) as (_, heard):
                return await found_in(heard)
        case Lines() as settings:
            return await lines_info(settings)
        case LampSettings() as settings:
            async with lamp_on_pins(settings) as lamp:
                return await lamp.info()
        case CardSettings() | ScannerSettings() as settings:
            return await _found(settings)
        case PrinterSettings() as settings:
            await open_printer(settings).status()
            said = await kiosk_printer(settings, None).info()
            return said if said.model else replace(said, model="ESC/POS printer")


async def selftest(device: Device, clock: Clock, *, lamp: bool = False) -> list[Check]:
    """Try one device; a device that is not there is a check that failed, never an exception."""
    try:
        match device.settings:
            case PadSettings() as settings:
                return await _test_pad(device.name, settings, clock, lamp=lamp)
            case UhfPad() as settings:
                return await try_uhf(device.name, settings, lamp=lamp)
            case Lines() as settings:
                return await try_lines(device.name, settings)
            case LampSettings() as settings:
                return await try_lamp(device.name, settings, lamp=lamp)
            case CardSettings() as settings:
                found = await _found(settings)
                return [Check(device.name, True, f"reader {found.model or found.make}")]
            case ScannerSettings() as settings:
                found = await _found(settings)
                return [
                    Check(device.name, True, f"{found.model or found.make} is open: scan a card to try it")
                ]
            case PrinterSettings() as settings:
                state, seen = judge(await open_printer(settings).status())
                return [Check(device.name, state == "ok", seen or "it has paper and its cover is closed")]
    except DeviceError as error:
        return [Check(device.name, False, error.seen, error.do)]


async def _test_pad(name: str, settings: PadSettings, clock: Clock, *, lamp: bool) -> list[Check]:
    async with _pad(settings) as pad:
        told = await pad.info()
        checks = [
            Check(name, True, " ".join(filter(None, (told.make, told.model, told.firmware, told.serial))))
        ]
        took: list[int] = []
        tags: set[str] = set()
        for _ in range(LOOKS):
            began = clock.mono()
            tags |= await pad.inventory()
            took.append(clock.mono() - began)
        health: PadHealth = pad.health
        slow = median(took) > SLOW_MS
        checks.append(
            Check(
                name,
                not slow,
                f"{LOOKS} inventories, median {median(took):.0f} ms; {len(tags)} tags lie there",
                "Look at the network between station and reader." if slow else "",
                {"inventory_ms": median(took), "tags": len(tags)},
            )
        )
        faults = health.retries + health.crc_errors + health.timeouts
        checks.append(
            Check(
                name,
                faults == 0,
                f"{health.retries} repeated, {health.crc_errors} wrong CRCs, {health.timeouts} unanswered",
                "Look at the cable and at what disturbs it." if faults else "",
                {"retries": health.retries, "crc_errors": health.crc_errors, "timeouts": health.timeouts},
            )
        )
        checks += [await _read_back(name, pad, uid) for uid in sorted(tags)]
        if lamp and isinstance(pad, FeigPad):
            await pad.alarm(1.0)
            checks.append(Check(name, True, "lamp and buzzer were ordered for one second: did they work?"))
        elif lamp:
            checks.append(Check(name, True, "this pad has neither lamp nor buzzer"))
        return checks


async def _read_back(name: str, pad: StationPad, uid: str) -> Check:
    """Read a tag twice: the same bytes must come."""
    first, second = (await pad.read_tag(uid)).blocks, (await pad.read_tag(uid)).blocks
    same = first == second
    seen = f"tag {uid}: {len(first)} bytes read twice" + ("" if same else ", and they differ")
    return Check(name, same, seen, "" if same else "Lift the tag from metal and from other tags.")


def watch(device: Device, clock: Clock, every_s: float) -> AsyncIterator[dict[str, Any]]:
    """Yield how a pad, a UHF reader or a gate's lines do, for ever; one that is lost is tried again."""
    match device.settings:
        case PadSettings() as settings:
            return _watch_pad(device.name, settings, clock, every_s)
        case UhfPad() as settings:
            return watch_uhf(device.name, settings, every_s)
        case Lines() as settings:
            return watch_lines(device.name, settings, every_s)
    raise ConfigError(f"{device.name} has no counters", do="Watch a pad, or a gate's barriers.")


async def _watch_pad(
    name: str, settings: PadSettings, clock: Clock, every_s: float
) -> AsyncIterator[dict[str, Any]]:
    async with _pad(settings) as pad:
        while True:
            try:
                began = clock.mono()
                tags = await pad.inventory()
                health = {name: value for name, value in asdict(pad.health).items() if value != {}}
                yield {"device": name, "tags": len(tags), "inventory_ms": clock.mono() - began} | health
            except DeviceError as error:
                yield {"device": name, "lost": error.seen}
            await asyncio.sleep(every_s)


@asynccontextmanager
async def _pad(settings: PadSettings) -> AsyncIterator[StationPad]:
    pad = open_pad(settings)
    try:
        yield pad
    finally:
        await pad.close()


async def _found(settings: CardSettings | ScannerSettings) -> DeviceInfo:
    """Return what a card reader or a scanner says it is, once it is open; raises DeviceError."""
    from contextlib import aclosing

    from firmware_bridge.errors import DeviceTimeout

    cards = isinstance(settings, CardSettings)
    device: CardReader | Scanner = (
        PcscCardReader(PcscSettings(reader=settings.reader))
        if isinstance(settings, CardSettings)
        else open_scanner(settings)
    )
    lost: DeviceError | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(READER_S), aclosing(device.events()) as events:  # type: ignore[type-var]  # it is a generator
            async for event in events:
                match event:
                    case ReaderFound(info=found):
                        return found
                    case ReaderLost(error=error):
                        lost = error
                    case _:
                        pass
    raise lost or DeviceTimeout(
        "no card reader was named in time" if cards else "the scanner was not open in time",
        do="Look whether pcscd runs: turnleaf doctor." if cards else "Look at the scanner's plug.",
    )
