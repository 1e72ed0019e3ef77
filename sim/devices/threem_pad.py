"""A 3M pad behind a serial server, turned around: it answers the production driver byte for byte.

It answers in order and, like the real one, does not hear what is sent while it is busy. Its EAS check says 0
for a tag that is not there. Faults are set from outside: commands that the firmware lacks (an 810 has no tag
info), answers that are late, lost, doubled or broken, a cable pulled and plugged (`cable_end`); what tags do
wrong is theirs.
"""

import asyncio
from contextlib import suppress

from firmware_bridge import iso15693
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import Frame, Parser, encode
from sim.devices.cable_end import CableEnd
from sim.devices.field import heard
from sim.devices.tags import EAS_AFI_PASSWORD, SimTag, TagAway, TagRefused

VERSION = bytes((commands.VENDOR, 5, 0, 2))
NOT_IMPLEMENTED, READ_FAILED, WRITE_FAILED, LOCKED, ISO_ERROR = 0x02, 0x15, 0x16, 0x12, 0x21
Answer = tuple[int, bytes]


class ThreeMPad(CableEnd):
    """The far end of the cable to a 3M pad."""

    def __init__(self, *, seed: int = 0, air_time_s: float = 0.0) -> None:
        super().__init__(seed=seed)
        self.air_time_s = air_time_s
        """Seconds that each command takes."""
        self.most_blocks = commands.MOST_BLOCKS
        """Blocks of one command; more are refused."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes, until the far end hangs up."""
        parser = Parser()
        while (data := await heard(reader, half=parser.pending)) != b"":
            if data is None:
                parser.reset()
                continue
            for frame in parser.feed(data):
                with self._telling_writes():
                    answer = self.answer(frame)
                busy_s = self.air_time_s + (self.late.pop(0) if self.late else 0.0)
                if busy_s:
                    await asyncio.sleep(busy_s)
                    await self._miss(reader)
                writer.write(self._spoilt(encode(answer)))
                await writer.drain()

    async def _miss(self, reader: asyncio.StreamReader) -> None:
        """Throw away what was sent while it was busy."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await reader.read(4096)

    def answer(self, frame: Frame) -> Frame:
        """Return the answer to one frame, of the older form too."""
        if frame.old:
            return Frame(frame.command, VERSION if frame.command == words.VERSION else b"", old=True)
        code, data = self._code(frame.command, frame.payload)
        return Frame(frame.command, bytes((code,)) + data)

    def _code(self, command: int, payload: bytes) -> Answer:
        if command in self.unknown or command not in words.COMMANDS:
            return NOT_IMPLEMENTED, b""
        if command == words.VERSION:
            return words.OK, VERSION
        if command == words.INVENTORY:
            return self._inventory(payload)
        if command == words.PASS_THROUGH:
            return self._pass_through(payload)
        uid, rest = payload[:8], payload[8:]
        tag = self.tags.get(uid.hex().upper())
        heard = tag is not None and self.hears(tag)
        if command == words.CHECK_EAS:
            return words.OK, uid + bytes((int(heard and tag is not None and tag.eas),))
        if tag is None or not heard:
            return words.NO_TAG, uid
        try:
            return words.OK, uid + self._access(tag, command, rest)
        except TagAway:
            return words.NO_TAG, uid
        except TagRefused as refused:
            return _error_code(refused.code), uid
        except IndexError:
            return NOT_IMPLEMENTED, uid

    def _inventory(self, payload: bytes) -> Answer:
        found = self.found()
        uids = b"".join(bytes.fromhex(tag.uid) for tag in found)
        return words.OK, payload[:2] + bytes((len(found),)) + uids

    def _access(self, tag: SimTag, command: int, rest: bytes) -> bytes:
        match command:
            case words.READ_BLOCKS:
                return self._read(tag, rest[0], rest[1])
            case words.WRITE_BLOCKS:
                if rest[1] > self.most_blocks or len(rest) != 3 + rest[1] * tag.block_size:
                    raise TagRefused(0x02)
                tag.write(rest[0], rest[3:])
                return bytes((rest[0] + rest[1],))
            case words.WRITE_BLOCK:
                tag.write(rest[0], rest[1:])
            case words.WRITE_AND_LOCK:
                tag.write(rest[0], rest[1:])
                tag.lock(rest[0], 1)
            case words.LOCK_BLOCK:
                tag.lock(rest[0], 1)
            case words.GET_AFI:
                return bytes((tag.afi,))
            case words.WRITE_AFI:
                tag.write_afi(rest[0])
            case words.LOCK_AFI:
                tag.lock_afi()
            case words.GET_DSFID:
                return bytes((tag.dsfid,))
            case words.WRITE_DSFID:
                tag.write_dsfid(rest[0])
            case words.LOCK_DSFID:
                tag.lock_dsfid()
            case words.EAS_CONTROL:
                tag.set_eas(bool(rest[0]))
            case words.TAG_INFO:
                memory = bytes((tag.block_size - 1, tag.blocks - 1))
                return bytes((commands.ALL_INFO, tag.dsfid, tag.afi)) + memory + bytes((0, tag.ic))
            case words.QUIET:
                tag.quiet = True
        return b""

    def _read(self, tag: SimTag, first: int, count: int) -> bytes:
        if count > self.most_blocks:
            raise TagRefused(0x02)
        data, size = tag.read(first, count), tag.block_size
        blocks = b"".join(
            bytes((first + n, int(first + n in tag.locked))) + data[n * size : (n + 1) * size]
            for n in range(count)
        )
        return bytes((count,)) + blocks

    def _pass_through(self, payload: bytes) -> Answer:
        size = int.from_bytes(payload[:2], "big")
        request = iso15693.decode_request(payload[6 : 6 + size])
        tag = self.tags.get(request.uid)
        if tag is None or not self.hears(tag):
            return words.NO_TAG, b""
        try:
            response = iso15693.Response(_air(tag, request))
        except TagAway:
            return words.NO_TAG, b""
        except TagRefused as refused:
            response = iso15693.Response(error=refused.code)
        raw = iso15693.encode_response(response)
        return words.OK, bytes(1) + len(raw).to_bytes(2, "big") + raw


def _air(tag: SimTag, request: iso15693.Request) -> bytes:
    """Return what a tag says to one request."""
    match request.command:
        case iso15693.GET_RANDOM:
            return tag.get_random()
        case iso15693.SET_PASSWORD:
            tag.set_password(EAS_AFI_PASSWORD, request.data[1:])
            return b""
        case iso15693.EAS_ALARM:
            return tag.eas_alarm()
        case iso15693.READ_BLOCKS:
            return tag.read(request.data[0], request.data[1] + 1)
        case iso15693.SYSTEM_INFORMATION:
            return iso15693.encode_system_information(
                iso15693.SystemInformation(tag.uid, tag.dsfid, tag.afi, tag.blocks, tag.block_size, tag.ic)
            )
    raise TagRefused(0x01)


def _error_code(iso: int) -> int:
    if iso in (0x11, 0x12):
        return LOCKED
    return WRITE_FAILED if iso in (0x13, 0x14) else ISO_ERROR
