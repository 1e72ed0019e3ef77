"""A frame of a FEIG reader in words: either direction, either form, its payload by its command.

A frame does not say which way it goes. Asked as `direction="request"` or `"answer"`, that counts; otherwise
the address FF, which hosts use and readers never answer with, makes it a request.
"""

from collections.abc import Callable, Mapping
from typing import Any

from firmware_bridge import iso15693
from firmware_bridge.explain.feig_payload import ANSWERS, REQUESTS
from firmware_bridge.explained import Explained, Problem
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import ANY_ADDRESS, SHORTEST, SHORTEST_ADVANCED, STX
from firmware_bridge.tags.crc import mcrf4xx
from wire.errors import DeviceError

SECTIONS = {
    "form": "H60301 §2.1 (protocol frames)",
    "length": "H60301 §2.1",
    "address": "H60301 §2.1 (COM-ADR)",
    "command": "H60301 §5, §6, §8",
    "status": "H60301 annex D",
    "crc": "H60301 §2.2",
}

Decode = Callable[[bytes], Mapping[str, Any]]


def explain(data: bytes, *, direction: str = "", **_options: object) -> Explained:
    """Explain one frame. Never raises; what does not fit is a problem with its offset."""
    advanced = data[:1] == bytes((STX,))
    head, shortest = (3, SHORTEST_ADVANCED) if advanced else (1, SHORTEST)
    fields: dict[str, Any] = {"form": "advanced" if advanced else "standard"}
    if len(data) < shortest:
        short = Problem(f"{len(data)} bytes are no frame: the shortest has {shortest}", len(data))
        return Explained("feig", fields, (short,), SECTIONS)
    length = int.from_bytes(data[1:3], "big") if advanced else data[0]
    fields["length"] = length
    problems = _frame_problems(data, length, 1 if advanced else 0, shortest)
    frame = data[:length] if shortest <= length <= len(data) else data
    address, command, payload = frame[head], frame[head + 1], frame[head + 2 : -2]
    answer = direction == "answer" or (direction != "request" and address != ANY_ADDRESS)
    fields["direction"] = "answer" if answer else "request"
    fields["address"] = f"{address:02X}"
    fields["command"] = f"{command:02X}"
    fields["command_name"] = words.COMMANDS.get(command, "unknown")
    at = head + 2
    said: Mapping[str, Any] = {}
    problem: Problem | None = None
    if answer and payload:
        status, payload, at = payload[0], payload[1:], at + 1
        fields["status"] = f"{status:02X}"
        fields["status_name"] = _status_name(status, payload)
        said, problem = _decoded(ANSWERS.get(command), payload, at, carries=status in CARRIES)
    elif answer:
        problem = Problem("an answer without a status", at)
    else:
        said, problem = _decoded(REQUESTS.get(command), payload, at)
    fields |= said
    if payload and command != words.LOGIN:  # a password is not shown
        fields["payload"] = payload.hex()
    fields["crc"] = frame[-2:].hex()
    if problem is not None and not problems:
        problems = (problem,)
    return Explained("feig", fields, problems, SECTIONS)


CARRIES = frozenset((words.OK, words.RF_WARNING, 0x85, words.BUFFER_OVERFLOW, words.MORE_DATA))
"""Statuses of answers that have data."""


def _frame_problems(data: bytes, length: int, at: int, shortest: int) -> tuple[Problem, ...]:
    """Return what is wrong with length and CRC, the first wrong byte first."""
    if length < shortest:
        return (Problem(f"the length says {length}, and the shortest frame has {shortest} bytes", at),)
    if length > len(data):
        return (Problem(f"the frame says {length} bytes and ends after {len(data)}", len(data)),)
    crc = mcrf4xx(data[: length - 2])
    if crc != int.from_bytes(data[length - 2 : length], "little"):
        expected = crc.to_bytes(2, "little").hex()
        return (
            Problem(f"the CRC is {data[length - 2 : length].hex()} and should be {expected}", length - 2),
        )
    if length < len(data):
        return (Problem(f"{len(data) - length} bytes stand behind the frame", length),)
    return ()


def _decoded(
    decode: Decode | None, payload: bytes, at: int, *, carries: bool = True
) -> tuple[Mapping[str, Any], Problem | None]:
    if decode is None or not carries:
        return {}, None
    try:
        return decode(payload), None
    except DeviceError as error:
        return {}, Problem(error.seen, at)
    except IndexError:
        return {}, Problem("the payload ends before its fields do", at + len(payload))


def _status_name(status: int, payload: bytes) -> str:
    names = {
        words.OK: "ok",
        words.RF_WARNING: "done, with a warning of the field",
        words.MORE_DATA: "more data",
    }
    if status in names:
        return names[status]
    if status == words.ISO_ERROR:
        code = payload[0] if payload else iso15693.UNSAID
        return f"ISO 15693 error {code:02X}: {iso15693.meaning(code)[1]}"
    return words.STATUS[status][1] if status in words.STATUS else "unknown"
