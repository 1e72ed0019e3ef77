"""Payloads of FEIG's commands as named fields: one small function a command, in both directions.

A function may raise what the codec raises, or IndexError for bytes that end too early; `feig` makes it a
problem. Block bytes are shown in the tag's own order.
"""

from collections.abc import Callable, Mapping
from typing import Any

from firmware_bridge import iso15693
from firmware_bridge.errors import FrameError
from firmware_bridge.feig import buffer, commands, control, words

Fields = Mapping[str, Any]

MODES = {words.NON_ADDRESSED: "non-addressed", words.ADDRESSED: "addressed", words.SELECTED: "selected"}
WITH_BLOCKS = frozenset((words.LOCK_BLOCKS, words.READ_BLOCKS, words.WRITE_BLOCKS, words.BLOCK_SECURITY))


def _host_request(data: bytes) -> Fields:
    command, mode = data[0], data[1]
    found: dict[str, Any] = {
        "iso_command": f"{command:02X}",
        "iso_command_name": words.ISO_COMMANDS.get(command, "unknown"),
        "mode": f"{mode:02X}",
    }
    if command == words.INVENTORY:
        bits = ("more", words.INVENTORY_MORE), ("notify", words.INVENTORY_NOTIFY)
        return found | {name: bool(mode & bit) for name, bit in bits}
    found["addressing"] = MODES.get(mode & 0x07, "unknown")
    rest = data[2:]
    if mode & 0x07 == words.ADDRESSED:
        found["uid"], rest = _uid(rest), rest[8:]
    if command in WITH_BLOCKS:
        found |= {"first_block": rest[0], "blocks": rest[1]}
        rest = rest[2:]
    if command == words.READ_BLOCKS:
        found["with_security"] = bool(mode & words.WITH_SECURITY)
    if command == words.WRITE_BLOCKS:
        found |= _written(rest, found["blocks"])
    elif command == words.WRITE_AFI:
        found["afi"] = f"{rest[0]:02X}"
    elif command == words.WRITE_DSFID:
        found["dsfid"] = f"{rest[0]:02X}"
    return found


def _written(rest: bytes, count: int) -> Fields:
    size, data = rest[0], rest[1:]
    if len(data) != count * size:
        raise FrameError(f"{count} blocks of {size} bytes are said, and {len(data)} bytes are there")
    blocks = b"".join(data[at : at + size][::-1] for at in range(0, len(data), size or 1))
    return {"block_size": size, "data": blocks.hex()}


def _uid(data: bytes) -> str:
    if len(data) < 8:
        raise IndexError
    return data[:8].hex().upper()


def _host_answer(data: bytes) -> Fields:
    """An answer does not name its question: the shape decides, the most particular first."""
    if not data:
        return {}
    for read in (_system, _inventory, _blocks, _security):
        try:
            return read(data)
        except FrameError:
            continue
    raise FrameError("the data fit no ISO host answer")


def _system(data: bytes) -> Fields:
    found = commands.parse_system_information(data)
    if not found.uid.startswith("E0"):
        raise FrameError("not a UID of ISO 15693")
    return {
        "answers": "get system information", "dsfid": f"{found.dsfid:02X}", "uid": found.uid,
        "afi": f"{found.afi:02X}", "blocks": found.blocks, "block_size": found.block_size,
        "ic_reference": f"{found.ic:02X}",
    }  # fmt: skip


def _inventory(data: bytes) -> Fields:
    return {"answers": "inventory", "tags": data[0], "uids": list(commands.parse_inventory(data))}


def _blocks(data: bytes) -> Fields:
    found = commands.parse_blocks(data)
    return {
        "answers": "read multiple blocks", "blocks": found.count, "block_size": found.size,
        "data": found.data.hex(), "security": found.security.hex(),
    }  # fmt: skip


def _security(data: bytes) -> Fields:
    found = commands.parse_block_security(data)
    return {"answers": "get multiple block security status", "blocks": len(found), "security": found.hex()}


def _custom_request(data: bytes) -> Fields:
    found: dict[str, Any] = {
        "maker": f"{data[0]:02X}",
        "custom_command": f"{data[1]:02X}",
        "custom_command_name": words.CUSTOM_COMMANDS.get(data[1], "unknown")
        if data[0] == words.NXP
        else "unknown",
        "mode": f"{data[2]:02X}",
        "addressing": MODES.get(data[2] & 0x07, "unknown"),
    }
    if data[2] & 0x07 == words.ADDRESSED:
        found["uid"] = _uid(data[3:])
    return found


def _transparent_request(data: bytes) -> Fields:
    if len(data) < 6:
        raise IndexError
    return {
        "mode": data[0] & 0x0F,
        "answer_bytes": int.from_bytes(data[1:3], "big"),
        "request": data[5:].hex(),
    }


def _transparent_answer(data: bytes) -> Fields:
    sequence = data[1:-2] == iso15693.EAS_SEQUENCE
    return {"tag_answer": data.hex(), "eas_sequence": sequence}


def _version(data: bytes) -> Fields:
    info = control.parse_software_version(data)
    return {"make": info.make, "model": info.model, "firmware": info.firmware, "reader_type": data[4]}


def _info_answer(data: bytes) -> Fields:
    try:
        found = control.parse_buffers(data)
    except FrameError:
        return {"data": data.hex()}
    return {"receive_buffer": found.receive, "transmit_buffer": found.transmit}


def _outputs(data: bytes) -> Fields:
    count = data[1]
    if len(data) != 2 + 4 * count:
        raise FrameError(f"{count} outputs are said, and {len(data) - 2} bytes are there")
    records = [data[at : at + 4] for at in range(2, len(data), 4)]
    return {
        "outputs": [
            {"number": one[0], "state": one[1], "seconds": int.from_bytes(one[2:], "big") / 10}
            for one in records
        ]
    }


def _signal(data: bytes) -> Fields:
    if len(data) < 6:
        raise IndexError
    state = int.from_bytes(data[:2], "big")
    lamps = (("led_green", control.LED_GREEN), ("led_red", control.LED_RED), ("beeper", control.BEEPER))
    states = ("unchanged", "on", "off", "flash")
    return {name: states[state >> at & 3] for name, at in lamps} | {
        "seconds": int.from_bytes(data[4:6], "big") / 10
    }


def _configuration_request(data: bytes) -> Fields:
    return {"block": data[0] & 0x3F, "place": "EEPROM" if data[0] & words.EEPROM else "RAM"}


def _noise(data: bytes) -> Fields:
    found = control.parse_noise(data)
    return {"lowest": found.lowest, "mean": found.mean, "highest": found.highest}


def _sets(data: bytes) -> Fields:
    return {
        "sets": [
            {
                "tag_type": one.tag_type, "uid": one.uid, "antennas": list(one.antennas),
                "time_ms": one.time_ms, "data": one.blocks.hex(), "inputs": one.inputs, "mac": one.mac,
            }
            for one in buffer.parse_sets(data)
        ]
    }  # fmt: skip


def _buffer_info(data: bytes) -> Fields:
    found = buffer.parse_buffer_info(data)
    return {"size": found.size, "start": found.start, "length": found.length}


REQUESTS: dict[int, Callable[[bytes], Fields]] = {
    words.ISO_HOST: _host_request,
    words.CUSTOM: _custom_request,
    words.TRANSPARENT: _transparent_request,
    words.READER_INFO: lambda data: {"mode": f"{data[0]:02X}"},
    words.RF_OUTPUT: lambda data: {"on": bool(data[0])},
    words.DIAGNOSTIC: lambda data: {"mode": f"{data[0]:02X}"},
    words.SIGNAL_OUTPUT: _signal,
    words.SET_OUTPUT: _outputs,
    words.READ_CONFIGURATION: _configuration_request,
    words.READ_BUFFER: lambda data: {"sets": data[0] << 8 | data[1]},
}
"""Command -> fields of its request. A login is not shown: its payload is a password."""

ANSWERS: dict[int, Callable[[bytes], Fields]] = {
    words.ISO_HOST: _host_answer,
    words.TRANSPARENT: _transparent_answer,
    words.SOFTWARE_VERSION: _version,
    words.READER_INFO: _info_answer,
    words.DIAGNOSTIC: lambda data: {"faults": sorted(control.parse_diagnostic(data))},
    words.NOISE_LEVEL: _noise,
    words.GET_INPUT: lambda data: {"inputs": control.parse_inputs(data)},
    words.READ_CONFIGURATION: lambda data: {"record": control.parse_configuration(data).hex()},
    words.READ_BUFFER: _sets,
    words.BUFFER_INFO: _buffer_info,
}
"""Command -> fields of its answer."""
