"""Polls a Modbus/TCP device and hands over its registers as they came. Reads, and never writes."""

import asyncio
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.sensors.ending import end_if_cancelled
from firmware_bridge.sensors.mapping import Raw
from firmware_bridge.sensors.registers import Block, Span
from wire.clock import Clock

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

log = logging.getLogger("turnleaf.firmware_bridge.sensors")

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    6: "server device busy",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Exception codes in the words of MODBUS Application Protocol V1.1b3 §7."""


@dataclass(frozen=True, slots=True)
class ModbusDevice:
    """A device, and what is read from it."""

    name: str
    host: str
    port: int = 502
    unit: int = 1
    """The unit identifier: the address behind a gateway."""
    every_s: float = 30.0
    timeout_s: float = 3.0
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """What came of reading all spans once."""

    response_ms: float
    """The slowest answer."""
    refused: tuple[str, ...] = field(default=())
    """Spans that the device does not give, with its reason."""


async def poll(
    device: ModbusDevice,
    clock: Clock,
    take: Callable[[Raw], None],
    found: Callable[[DeviceInfo], None],
    told: Callable[[Round], None],
) -> None:
    """Read all spans every `every_s` seconds until cancelled; raises DeviceLost for silence."""
    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.exceptions import ModbusException

    client = AsyncModbusTcpClient(
        device.host,
        port=device.port,
        timeout=device.timeout_s,
        retries=1,
        reconnect_delay=0,
        name=device.name,
    )
    try:
        there = await client.connect()
        end_if_cancelled()
        if not there:
            raise _lost(device, "no connection")
        info = await _identity(client, device)
        end_if_cancelled()
        found(info)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            told(await _round(client, device, clock, take))
            await asyncio.sleep(max(0.0, began + device.every_s - loop.time()))
    except (ModbusException, OSError) as error:
        raise _lost(device, str(error)) from error
    finally:
        client.close()


async def _round(
    client: "AsyncModbusTcpClient", device: ModbusDevice, clock: Clock, take: Callable[[Raw], None]
) -> Round:
    reads = {
        "coil": client.read_coils,
        "discrete": client.read_discrete_inputs,
        "input": client.read_input_registers,
        "holding": client.read_holding_registers,
    }
    slowest, refused = 0.0, []
    for span in device.spans:
        before = clock.mono()
        answer = await reads[span.table](span.address, count=span.count, device_id=device.unit)
        end_if_cancelled()
        slowest = max(slowest, float(clock.mono() - before))
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            refused.append(f"{span.table}/{span.address}: {EXCEPTIONS.get(code, f'exception {code}')}")
            continue
        if span.table in ("coil", "discrete"):
            data = bytes(answer.bits[: span.count])  # the answer is padded to whole bytes
        else:
            data = struct.pack(f">{len(answer.registers)}H", *answer.registers)
        take(Raw(clock.now(), device.name, Block(span.table, span.address, data).topic, data))
    return Round(slowest, tuple(refused))


async def _identity(client: "AsyncModbusTcpClient", device: ModbusDevice) -> DeviceInfo:
    """Return vendor, product and revision where the device tells them (function 43/14, §6.21); many do not.

    Some devices are silent to what they do not know: silence here is no loss.
    """
    from pymodbus.exceptions import ModbusIOException

    try:
        answer = await client.read_device_information(read_code=1, device_id=device.unit)
    except ModbusIOException:
        log.info("%s does not tell what it is", device.name)
        if not client.connected and not await client.connect():
            raise _lost(device, "no connection") from None
        return DeviceInfo()
    told = {} if answer.isError() else getattr(answer, "information", {})
    words = {
        key: value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        for key, value in told.items()
    }
    return DeviceInfo(make=words.get(0, ""), model=words.get(1, ""), firmware=words.get(2, ""))


def _lost(device: ModbusDevice, why: str) -> DeviceLost:
    return DeviceLost(
        f"the Modbus device {device.name} at {device.host}:{device.port} does not answer: {why}",
        why="Values of this device are missing.",
        do="Look at its power and its network, and at host, port and unit in the settings.",
    )
