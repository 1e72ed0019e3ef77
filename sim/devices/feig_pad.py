"""A FEIG reader with a pad, turned around: a TCP server that answers the production driver byte for byte.

It serves one connection at a time, as a small reader's firmware does: who comes second is connected and
waits, unanswered, until the first has hung up. Its faults are set from outside: a cable pulled and
plugged, an antenna lost, weak tags, tags that go while they are written, more tags than it can tell apart.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from firmware_bridge.feig import words
from firmware_bridge.feig.frames import STX, Frame, Parser, encode, encode_standard
from sim.devices.tags import SimTag, TagAway, TagRefused

TAGS_PER_ANSWER = 20
"""Tags in one inventory answer; the rest comes with "more data"."""
MR102 = 77
"""Reader type of a mid-range pad reader (manual, "codes of reader types")."""
FIRMWARE = bytes((2, 10))


class FeigPad:
    """The far end of the cable to a pad."""

    def __init__(self, *, seed: int = 0, air_time_s: float = 0.0, serial: str = "00C0FFEE") -> None:
        self.tags: dict[str, SimTag] = {}
        self.antenna = True
        self.collide_above = 60
        """With more tags than this in the field, none can be told apart."""
        self.air_time_s = air_time_s
        """Seconds that each exchange with a tag takes."""
        self.inputs = 0
        """Input lines as bits, input 1 in bit 0."""
        self.lamp_until = 0.0
        self.lamp_orders = 0
        self.outputs: dict[int, float] = {}
        """Output number -> loop time until which it is on."""
        self.host = "127.0.0.1"
        self.port = 0
        self.on_write: Callable[[SimTag], None] = lambda _tag: None
        """Called after each AFI that was really written."""
        self._serial = bytes.fromhex(serial)
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._line = asyncio.Lock()
        self._pending: list[str] = []

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, self.host, port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._open):
            writer.close()
        if server is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 1.0)

    async def unplug(self) -> None:
        """Pull the cable: the connection ends, a new one is refused."""
        await self.stop()

    async def plug(self) -> None:
        """Plug the cable in again, at the same address."""
        if self._server is None:
            await self.start(self.port)

    @property
    def plugged(self) -> bool:
        """Whether the cable is in."""
        return self._server is not None

    @property
    def clients(self) -> int:
        """How many are connected, those included that wait for their turn."""
        return len(self._open)

    def place(self, tag: SimTag) -> None:
        """Lay an item down."""
        tag.gone = False
        self.tags[tag.uid] = tag

    def remove(self, uid: str) -> SimTag | None:
        """Take an item away."""
        return self.tags.pop(uid, None)

    @property
    def lamp(self) -> bool:
        """Whether an output is on now."""
        return asyncio.get_running_loop().time() < self.lamp_until

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with self._line:
                await self._talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = Parser()
        advanced = True
        while data := await reader.read(4096):
            if not parser.pending:
                advanced = data[0] == STX
            for frame in parser.feed(data):
                answer = await self._answer(frame)
                long = advanced or len(answer.payload) > 250
                writer.write(encode(answer) if long else encode_standard(answer))
                await writer.drain()

    async def _answer(self, frame: Frame) -> Frame:
        if frame.command == words.ISO_HOST:
            if self.air_time_s:
                await asyncio.sleep(self.air_time_s)
            status, data = self._iso_host(frame.payload)
        else:
            status, data = self._reader_command(frame)
        return Frame(frame.command, bytes((status,)) + data, address=0)

    def _reader_command(self, frame: Frame) -> tuple[int, bytes]:
        match frame.command:
            case words.SOFTWARE_VERSION:
                return words.OK, FIRMWARE + bytes((0, 0, MR102, 0, 0x08))
            case words.READER_INFO if frame.payload == bytes((words.DEVICE_ID,)):
                return words.OK, self._serial + bytes(12)
            case words.RF_RESET | words.RF_OUTPUT:
                return words.OK, b""
            case words.GET_INPUT:
                return words.OK, bytes((self.inputs,))
            case words.SET_OUTPUT:
                return self._set_output(frame.payload)
        return 0x80, b""

    def _set_output(self, payload: bytes) -> tuple[int, bytes]:
        if len(payload) < 2 or len(payload) != 2 + payload[1] * 4:
            return 0x81, b""
        now = asyncio.get_running_loop().time()
        for at in range(2, len(payload), 4):
            if payload[at + 1] & 0x03 == words.OUTPUT_ON:
                self.outputs[payload[at]] = now + int.from_bytes(payload[at + 2 : at + 4], "big") / 10
        self.lamp_until = max(self.outputs.values(), default=0.0)
        self.lamp_orders += 1
        return words.OK, b""

    def _iso_host(self, payload: bytes) -> tuple[int, bytes]:
        if not payload:
            return 0x81, b""
        command = payload[0]
        if command == words.INVENTORY:
            return self._inventory(bool(payload[1] & words.INVENTORY_MORE) if len(payload) > 1 else False)
        if len(payload) < 10:
            return 0x81, b""
        uid, rest = payload[2:10].hex().upper(), payload[10:]
        tag = self.tags.get(uid)
        if tag is None or tag.gone or not self.antenna or self._misses(tag):
            return words.NO_TAG, b""
        try:
            return self._access(tag, command, rest)
        except TagAway:
            return words.NO_TAG, b""
        except TagRefused as refused:
            return words.ISO_ERROR, bytes((refused.code,))

    def _misses(self, tag: SimTag) -> bool:
        return tag.weak > 0 and self._rng.random() < tag.weak

    def _inventory(self, more: bool) -> tuple[int, bytes]:
        if not self.antenna or len(self.tags) > self.collide_above:
            return words.NO_TAG, b""
        if not more:
            self._pending = [uid for uid, tag in self.tags.items() if not tag.gone and not self._misses(tag)]
        now, self._pending = self._pending[:TAGS_PER_ANSWER], self._pending[TAGS_PER_ANSWER:]
        if not now:
            return words.NO_TAG, b""
        records = b"".join(
            bytes((words.TAG_TYPE_ISO15693, self.tags[uid].dsfid if uid in self.tags else 0))
            + bytes.fromhex(uid)
            for uid in now
        )
        return (words.MORE_DATA if self._pending else words.OK), bytes((len(now),)) + records

    def _access(self, tag: SimTag, command: int, rest: bytes) -> tuple[int, bytes]:
        size = tag.block_size
        match command:
            case words.READ_BLOCKS if len(rest) == 2:
                data = tag.read(rest[0], rest[1])
                blocks = [
                    bytes((int(rest[0] + n in tag.locked),)) + data[n * size : (n + 1) * size][::-1]
                    for n in range(rest[1])
                ]
                return words.OK, bytes((rest[1], size)) + b"".join(blocks)
            case words.WRITE_BLOCKS if len(rest) > 3 and len(rest) == 3 + rest[1] * rest[2]:
                if rest[2] != size:
                    return 0x11, b""
                tag.write(rest[0], b"".join(rest[at : at + size][::-1] for at in range(3, len(rest), size)))
                return words.OK, b""
            case words.WRITE_AFI if len(rest) == 1:
                before = len(tag.afi_log)
                try:
                    tag.write_afi(rest[0])
                finally:
                    if len(tag.afi_log) > before:
                        self.on_write(tag)
                return words.OK, b""
            case words.SYSTEM_INFORMATION:
                memory = bytes((size - 1, tag.blocks - 1))
                return words.OK, b"".join(
                    (bytes((tag.dsfid,)), bytes.fromhex(tag.uid), bytes((tag.afi,)), memory, b"\x01")
                )
        return 0x81, b""
