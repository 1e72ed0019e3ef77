"""Which devices a gate has: a FEIG reader for everything, or a UHF reader; the lamp may be on pins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firmware_bridge.gpio import GpioLamp, GpioSettings
from firmware_bridge.ports import Barriers, DeviceInfo, Lamp, Pad, TagMemory
from kiosk.config import GateSettings
from kiosk.gate_loop import GateDevice
from kiosk.gate_uhf import UhfGate, UhfRules
from kiosk.pad_loop import open_feig, security_bits
from wire.clock import Clock
from wire.errors import ConfigError

LAMP_OUTPUT = 1
"""Output of a reader that carries lamp and buzzer when they are not on this machine's pins."""


@asynccontextmanager
async def gate_device(settings: GateSettings, clock: Clock) -> AsyncIterator[GateDevice]:
    """Open what a gate has, and let it go again; raises ConfigError for a pad that cannot be a gate."""
    lamp = _pins(settings)
    try:
        match settings.pad.kind:
            case "feig":
                feig = open_feig(settings.pad)
                try:
                    yield feig if lamp is None else WithLamp(feig, feig, lamp)
                finally:
                    await feig.close()
            case "llrp":
                async with _uhf(settings, clock, lamp) as gate:
                    yield gate
            case "3m":
                raise ConfigError(
                    "a 3M pad cannot be a gate's reader: it has neither inputs for light barriers nor a lamp",
                    do='Give a FEIG reader in [pad], kind = "feig", or a UHF reader, kind = "llrp".',
                )
    finally:
        if lamp is not None:
            lamp.close()


def _pins(settings: GateSettings) -> GpioLamp | None:
    found = settings.lamp
    if not found.fitted or not found.pins:
        return None
    return GpioLamp(GpioSettings(found.chip, found.pins, found.active_low))


@asynccontextmanager
async def _uhf(settings: GateSettings, clock: Clock, lamp: Lamp | None) -> AsyncIterator[UhfGate]:
    from firmware_bridge.llrp.conversation import Settings
    from firmware_bridge.llrp.reader import LlrpReader

    if settings.pad.serial:
        raise ConfigError(
            "a UHF reader is spoken to over TCP, not a serial port", do="Give host and port in [pad]."
        )
    own_lamp = settings.lamp.fitted and lamp is None
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
    gate = UhfGate(reader, rules, clock, lamp=reader if own_lamp else lamp)
    following = asyncio.create_task(gate.run(), name="uhf reader")
    try:
        yield gate
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class WithLamp:
    """A gate's reader whose lamp is somewhere else."""

    def __init__(self, pad: Pad, barriers: Barriers, lamp: Lamp) -> None:
        self._pad = pad
        self._barriers = barriers
        self._lamp = lamp

    async def inventory(self) -> frozenset[str]:
        """Return all tags in the field now."""
        return await self._pad.inventory()

    async def read_tag(self, uid: str) -> TagMemory:
        """Read one tag."""
        return await self._pad.read_tag(uid)

    async def info(self) -> DeviceInfo:
        """Ask the reader what it is."""
        return await self._pad.info()

    async def inputs(self) -> int:
        """Return the input lines as bits."""
        return await self._barriers.inputs()

    async def alarm(self, seconds: float) -> None:
        """Light and sound."""
        await self._lamp.alarm(seconds)
