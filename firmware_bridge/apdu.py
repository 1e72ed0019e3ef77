"""Storage-card commands of PC/SC part 3, without I/O: UID, data block by block, keys, status in words.

A sequence of commands is a generator (`Steps`): it yields a command APDU, is sent the response, and returns
what came of it. Whoever has a card drives it, with `run` or in a thread; so every sequence is tested without
a reader.
"""

from collections.abc import Callable, Generator
from typing import Final, TypeVar

from firmware_bridge import atr
from firmware_bridge.errors import DeviceRefused, TagError, TagWriteFailed

T = TypeVar("T")
Transmit = Callable[[bytes], bytes]
"""Sends one command APDU, returns the response with its status word."""
Steps = Generator[bytes, bytes, T]
"""Yields commands, is sent responses, returns the outcome."""

GET_UID: Final = bytes.fromhex("FFCA000000")
GET_ATS: Final = bytes.fromhex("FFCA010000")
BLOCK: Final = 4
OK: Final = 0x9000

STATUS: Final[dict[int, str]] = {
    0x9000: "done",
    0x6281: "part of the data may be damaged",
    0x6282: "the end was reached before all was read",
    0x6300: "it failed, without a reason given",
    0x6400: "it failed, nothing was changed",
    0x6401: "the tag was silent; a write may have been done",
    0x6581: "the memory could not be written",
    0x6700: "wrong length",
    0x6800: "the class byte is not supported",
    0x6981: "the command does not fit this card",
    0x6982: "the card wants a key first",
    0x6983: "the key is blocked",
    0x6986: "the command is not allowed now",
    0x6988: "the key number is not valid",
    0x6A81: "the reader or the card cannot do that",
    0x6A82: "no such block",
    0x6B00: "wrong P1 or P2",
    0x6D00: "the instruction is not known",
    0x6E00: "the class is not known",
    0x6F00: "the reader gives no reason",
}
"""Status words of PC/SC part 3 and ISO/IEC 7816-4."""


def status_words(status: int) -> str:
    """Return what a status word means; 6Cxx and 61xx carry a number."""
    if status >> 8 == 0x6C:
        return f"wrong length, {status & 0xFF} bytes are right"
    if status >> 8 == 0x61:
        return f"{status & 0xFF} bytes more can be fetched"
    return STATUS.get(status, "a status without a name")


def split(response: bytes) -> tuple[bytes, int]:
    """Return (data, status word) of a response APDU."""
    if len(response) < 2:
        raise DeviceRefused(f"a response of {len(response)} bytes has no status word")
    return response[:-2], int.from_bytes(response[-2:], "big")


def read_binary(block: int, length: int) -> bytes:
    """Return READ BINARY from a block on (PC/SC part 3)."""
    return bytes((0xFF, 0xB0)) + block.to_bytes(2, "big") + bytes((length & 0xFF,))


def update_binary(block: int, data: bytes) -> bytes:
    """Return UPDATE BINARY from a block on (PC/SC part 3)."""
    return bytes((0xFF, 0xD6)) + block.to_bytes(2, "big") + bytes((len(data),)) + data


def load_key(number: int, key: bytes) -> bytes:
    """Return LOAD KEYS into the reader's volatile memory (PC/SC part 3)."""
    return bytes((0xFF, 0x82, 0x00, number, len(key))) + key


def authenticate(block: int, number: int, *, key_b: bool = False) -> bytes:
    """Return GENERAL AUTHENTICATE for a block with a loaded key (PC/SC part 3)."""
    kind = 0x61 if key_b else 0x60
    return bytes((0xFF, 0x86, 0, 0, 5, 1)) + block.to_bytes(2, "big") + bytes((kind, number))


def run(steps: Steps[T], transmit: Transmit) -> T:
    """Drive a sequence to its end over one card; errors of `transmit` reach the sequence first."""
    try:
        command = next(steps)
        while True:
            try:
                answer = transmit(command)
            except Exception as error:
                command = steps.throw(error)
            else:
                command = steps.send(answer)
    except StopIteration as end:
        found: T = end.value
        return found


def normal_uid(data: bytes) -> bytes:
    """Return a UID with E0 first for ISO 15693, whatever the reader's byte order; others as they are.

    PC/SC wants the least significant byte first, several readers send it the other way round; an
    ISO 15693 UID begins with E0, so the order can be told.
    """
    return data[::-1] if len(data) == 8 and data[0] != 0xE0 and data[7] == 0xE0 else data


def uid_steps() -> Steps[bytes]:
    """Ask the card who it is; raises DeviceRefused."""
    data, status = split((yield GET_UID))
    if status != OK or not data:
        raise DeviceRefused(
            f"the card has no UID for us (status {status:04X}: {status_words(status)})",
            do="Try another card.",
        )
    return normal_uid(data)


def read_steps(length: int, *, first: int = 0, block_size: int = BLOCK) -> Steps[bytes]:
    """Read `length` bytes from block `first` on; raises DeviceRefused with the block's number.

    The first command asks for all of it. A reader that caps its answers says how much it gives (6Cxx), or
    gives less, or refuses; then the cap it told is used, and one block where it told none.
    """
    wanted = -(-length // block_size) * block_size
    at_once, found = min(wanted, 256 // block_size * block_size), b""
    while len(found) < length:
        block = first + len(found) // block_size
        asked = min(at_once, wanted - len(found))
        exact = min(asked, length - len(found)) if at_once > block_size else asked
        data, status = split((yield read_binary(block, exact)))
        data = data[:exact]
        if status == OK and len(data) == exact:
            found += data
            continue
        if at_once > block_size:
            told = status & 0xFF if status >> 8 == 0x6C else len(data) if status in (OK, 0x6282) else 0
            at_once = max(block_size, min(told, asked - 1) // block_size * block_size)
            continue
        if status not in (OK, 0x6282) or not data:
            raise DeviceRefused(
                f"block {block} of the card cannot be read (status {status:04X}: {status_words(status)})"
            )
        found += data
        if len(data) < block_size:
            break
    return found[:length]


def write_steps(first: int, data: bytes, *, block_size: int = BLOCK) -> Steps[None]:
    """Write whole blocks, one at a time, each read back; raises TagWriteFailed when one differs.

    The status of a write is not believed either way: readers say "failed" of blocks that were written.
    """
    if not data or len(data) % block_size:
        raise ValueError(f"{len(data)} bytes are no whole blocks of {block_size}")
    for at in range(0, len(data), block_size):
        part, block = data[at : at + block_size], first + at // block_size
        _, status = split((yield update_binary(block, part)))
        read, looked = split((yield read_binary(block, block_size)))
        if looked != OK:
            raise TagError(f"block {block} cannot be read back (status {looked:04X}: {status_words(looked)})")
        if read != part:
            raise TagWriteFailed(
                f"block {block} was not written (status {status:04X}: {status_words(status)})"
            )


def authenticate_steps(block: int, key: bytes, *, number: int = 0, key_b: bool = False) -> Steps[None]:
    """Load a key and open a sector with it (MIFARE Classic); raises DeviceRefused."""
    for command, what in (
        (load_key(number, key), "load the key"),
        (authenticate(block, number, key_b=key_b), "open"),
    ):
        _, status = split((yield command))
        if status != OK:
            raise DeviceRefused(
                f"cannot {what} for block {block} (status {status:04X}: {status_words(status)})"
            )


def uid(transmit: Transmit) -> bytes:
    """Return the card's UID; see `uid_steps`."""
    return run(uid_steps(), transmit)


def read_data(transmit: Transmit, length: int) -> bytes:
    """Return the first `length` bytes of a storage card; see `read_steps`."""
    return run(read_steps(length), transmit)


def explain_atr(data: bytes) -> str:
    """Return what an ATR says of a card: its standard and name, or "unknown card"."""
    return atr.decode(data).words
