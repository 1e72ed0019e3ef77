"""Which devices a gate has: a FEIG reader for everything, or a UHF reader; lamp and inputs may be on pins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.ports import DeviceInfo, PadHealth, TagMemory
from kiosk.config_gate import GateSettings
from kiosk.gate_loop import GateDevice
from kiosk.gate_pins import Pins, pins_of
from kiosk.gate_uhf import UhfGate, UhfRules
from kiosk.pad_loop import open_feig, security_bits
from wire.clock import Clock
from wire.errors import ConfigError

LAMP_OUTPUT = 1
"""Output of a reader that carries lamp and buzzer when they are not on this machine's pins."""


@asynccontextmanager
async def gate_device(settings: GateSettings, clock: Clock) -> AsyncIterator[GateDevice]:
    """Open what a gate has, and let it go again; raises ConfigError for a pad that cannot be a gate."""
    pins = pins_of(settings.lamp, settings.barriers)
    try:
        match settings.pad.kind:
            case "feig":
                feig = open_feig(settings.pad)
                try:
                    yield feig if pins == Pins() else WithPins(feig, pins)
                finally:
                    await feig.close()
            case "llrp":
                async with _uhf(settings, clock, pins) as gate:
                    yield gate
            case "3m":
                raise ConfigError(
                    "a 3M pad cannot be a gate's reader: it has neither inputs for light barriers nor a lamp",
                    do='Give a FEIG reader in [pad], kind = "feig", or a UHF reader, kind = "llrp".',
                )
    finally:
        pins.close()


@asynccontextmanager
async def _uhf(settings: GateSettings, clock: Clock, pins: Pins) -> AsyncIterator[UhfGate]:
    from firmware_bridge.llrp.conversation import Settings
    from firmware_bridge.llrp.reader import LlrpReader

    if settings.pad.serial:
        raise ConfigError(
            "a UHF reader is spoken to over TCP, not a serial port", do="Give host and port in [pad]."
        )
    own_lamp = settings.lamp.fitted and pins.lamp is None
    reader = LlrpReader(
        settings.pad.host,
        settings.pad.port,
        Settings(outputs=(LAMP_OUTPUT,) if own_lamp else ()),
        ca_file=settings.uhf.ca,
    )
    rules = UhfRules(
        frozenset(settings.pad.owners),
        security_bits(settings.pad),
        settings.uhf.hold_ms,
        settings.uhf.least_dbm,
    )
    gate = UhfGate(reader, rules, clock, lamp=reader if own_lamp else None, pins=pins)
    following = asyncio.create_task(gate.run(), name="uhf reader")
    try:
        yield gate
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class WithPins:
    """A FEIG reader at a gate whose lamp, inputs or both are on this machine's pins."""

    def __init__(self, feig: FeigPad, pins: Pins) -> None:
        self.pins = pins
        self._feig = feig

    @property
    def health(self) -> PadHealth:
        """How the reader has answered so far."""
        return self._feig.health

    async def inventory(self) -> frozenset[str]:
        """Return all tags in the field now."""
        return await self._feig.inventory()

    async def read_tag(self, uid: str) -> TagMemory:
        """Read one tag."""
        return await self._feig.read_tag(uid)

    async def info(self) -> DeviceInfo:
        """Ask the reader what it is."""
        return await self._feig.info()

    async def inputs(self) -> int:
        """Return the input lines as bits."""
        return await (self.pins.inputs or self._feig).inputs()

    async def alarm(self, seconds: float) -> None:
        """Light and sound."""
        await (self.pins.lamp or self._feig).alarm(seconds)
