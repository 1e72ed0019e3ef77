"""A 3M pad, turned around: a TCP server that answers the production driver byte for byte, as a pad behind a
serial server does.

It answers in order and, like the real one, does not hear what is sent while it is busy. Its EAS check says 0
for a tag that is not there. Faults are set from outside: commands that the firmware lacks, answers that are
late, lost, doubled or broken, a cable pulled and plugged; what tags do wrong is theirs.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from firmware_bridge import iso15693
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import Frame, Parser, encode
from sim.devices.field import Field, heard
from sim.devices.tags import EAS_AFI_PASSWORD, SimTag, TagAway, TagRefused

VERSION = bytes((commands.VENDOR, 5, 0, 2))
NOT_IMPLEMENTED, READ_FAILED, WRITE_FAILED, LOCKED, ISO_ERROR = 0x02, 0x15, 0x16, 0x12, 0x21
Answer = tuple[int, bytes]


class ThreeMPad(Field):
    """The far end of the cable to a 3M pad."""

    def __init__(self, *, seed: int = 0, air_time_s: float = 0.0) -> None:
        super().__init__(seed=seed)
        self.air_time_s = air_time_s
        """Seconds that each command takes."""
        self.unknown: set[int] = set()
        """Commands that this firmware does not have; an 810 has no tag info."""
        self.most_blocks = commands.MOST_BLOCKS
        """Blocks of one command; more are refused."""
        self.late: list[float] = []
        """Seconds by which the next answers come late."""
        self.lost_answers = self.twice = self.wrong_crcs = 0
        """So many next answers are never sent, sent twice, sent with a broken CRC."""
        self.on_write: Callable[[SimTag], None] = lambda _tag: None
        """Called after each AFI that was really written."""
        self.host = "127.0.0.1"
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._line = asyncio.Lock()

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, self.host, port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up; `plug` comes back at the same address."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for writer in list(self._open):
            writer.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await server.wait_closed()

    async def unplug(self) -> None:
        """Pull the cable: the connection ends, a new one is refused."""
        await self.stop()

    async def plug(self) -> None:
        """Plug the cable in again, at the same address."""
        if self._server is None:
            await self.start(self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with self._line:
                await self.talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes, until the far end hangs up."""
        parser = Parser()
        while (data := await heard(reader, half=parser.pending)) != b"":
            if data is None:
                parser.reset()
                continue
            for frame in parser.feed(data):
                before = {tag.uid: len(tag.afi_log) for tag in self.tags.values()}
                answer = self.answer(frame)
                for tag in list(self.tags.values()):
                    if len(tag.afi_log) > before.get(tag.uid, 0):
                        self.on_write(tag)
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

    def _spoilt(self, raw: bytes) -> bytes:
        if self.lost_answers:
            self.lost_answers -= 1
            return b""
        if self.wrong_crcs:
            self.wrong_crcs -= 1
            return raw[:-1] + bytes((raw[-1] ^ 0xFF,))
        if self.twice:
            self.twice -= 1
            return raw + raw
        return raw

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
