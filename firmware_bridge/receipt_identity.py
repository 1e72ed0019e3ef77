"""What a receipt printer is: the printer ID of ESC/POS (GS I n), and a driver that asks for it.

The question is `1D 49 n`, the answer `5F text 00` (Printer information B). It is not a real-time command: a
printer that is offline answers it later or never, so it is asked only of one that works, and a printer that
does not answer is simply not known. Each question has a connection of its own, as the status has.

Source: EPSON ESC/POS command reference, GS I (transmit printer ID), n = 65 to 68.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum

from firmware_bridge.ports import DeviceInfo, Transport
from wire.errors import DeviceError

GS, ID = 0x1D, 0x49
HEADER, END = 0x5F, 0x00
MOST = 80
"""Bytes of the longest answer, header and end included (ESC/POS command reference, GS I)."""


class Identity(IntEnum):
    """The n of GS I n: Printer information B."""

    FIRMWARE = 65
    MAKER = 66
    MODEL = 67
    SERIAL = 68


def question(what: Identity) -> bytes:
    """Return the bytes of a question."""
    return bytes((GS, ID, what))


def answer_in(data: bytes) -> str | None:
    """Return the text of the answer in what came so far, None while it is not whole; never raises.

    Bytes before the header are something else that the printer said; characters that do not print are left
    out. An answer longer than any printer's is taken for noise, and empty.
    """
    start = data.find(HEADER)
    if start < 0:
        return None if len(data) < MOST else ""
    end = data.find(END, start)
    if end < 0:
        return None if len(data) - start < MOST else ""
    text = data[start + 1 : end].decode("ascii", errors="replace")
    return "".join(one for one in text if one.isascii() and one.isprintable()).strip()


async def identity_of(connect: Callable[[], Awaitable[Transport]], timeout_s: float = 1.0) -> DeviceInfo:
    """Ask a printer what it is; what it does not answer within `timeout_s` seconds is empty. Never raises."""
    return DeviceInfo(
        make=await _ask(connect, Identity.MAKER, timeout_s),
        model=await _ask(connect, Identity.MODEL, timeout_s),
        firmware=await _ask(connect, Identity.FIRMWARE, timeout_s),
        serial=await _ask(connect, Identity.SERIAL, timeout_s),
    )


async def _ask(connect: Callable[[], Awaitable[Transport]], what: Identity, timeout_s: float) -> str:
    heard = b""
    try:
        line = await connect()
        try:
            async with asyncio.timeout(timeout_s):
                await line.write(question(what))
                while (text := answer_in(heard)) is None:
                    heard += await line.read()
                return text
        finally:
            await line.close()
    except (DeviceError, TimeoutError):
        return ""
