"""A FEIG reader with a pad, turned around: a TCP server that answers the production driver byte for byte.

Like the real one it takes one connection at a time. Its faults are set from outside: a cable pulled and
plugged, an antenna lost, weak tags, tags that go while they are written, more tags than its buffer holds.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame, Parser, encode, encode_standard
from sim.devices.tags import BLOCK, SimTag, TagAway, TagRefused

TAGS_PER_ANSWER = 20
"""Tags in one inventory answer; the rest comes with "more data"."""


class FeigPad:
    """The far end of the cable to a pad."""

    def __init__(self, *, seed: int = 0, air_time_s: float = 0.0) -> None:
        self.tags: dict[str, SimTag] = {}
        self.antenna = True
        self.collide_above = 60
        self.air_time_s = air_time_s
        """Seconds that each exchange with a tag takes."""
        self.inputs = 0
        self.lamp_until = 0.0
        self.lamp_orders = 0
        self.host = "127.0.0.1"
        self.port = 0
        self.on_write: Callable[[SimTag], None] = lambda _tag: None
        """Called after each AFI that was really written."""
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
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

    def place(self, tag: SimTag) -> None:
        """Lay an item down."""
        self.tags[tag.uid] = tag

    def remove(self, uid: str) -> SimTag | None:
        """Take an item away."""
        return self.tags.pop(uid, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for other in list(self._open):
            other.close()
        self._open.add(writer)
        parser = Parser()
        try:
            while data := await reader.read(4096):
                for frame in parser.feed(data):
                    answer = await self._answer(frame)
                    short = len(answer.payload) + 5 <= 255 and data[:1] != b"\x02"
                    writer.write(encode_standard(answer) if short else encode(answer))
                    await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

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
                return words.OK, bytes((4, 2, 0, 0, 0x5C, 0, 0x08, 0x01, 0x00))
            case words.RF_RESET | words.RF_OUTPUT:
                return words.OK, b""
            case words.GET_INPUT:
                return words.OK, bytes((self.inputs,))
            case words.SET_OUTPUT if len(frame.payload) >= 5:
                seconds = int.from_bytes(frame.payload[3:5], "big") / 10
                self.lamp_until = asyncio.get_running_loop().time() + seconds
                self.lamp_orders += 1
                return words.OK, b""
        return 0x80, b""

    @property
    def lamp(self) -> bool:
        """Whether the lamp is lit now."""
        return asyncio.get_running_loop().time() < self.lamp_until

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
        if tag is None or not self.antenna or self._misses(tag):
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
            self._pending = [uid for uid, tag in self.tags.items() if not self._misses(tag)]
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
        match command:
            case words.READ_BLOCKS if len(rest) == 2:
                data = tag.read(rest[0], rest[1])
                blocks = [
                    bytes((int(rest[0] + n in tag.locked),)) + data[n * BLOCK : (n + 1) * BLOCK][::-1]
                    for n in range(rest[1])
                ]
                return words.OK, bytes((rest[1], BLOCK)) + b"".join(blocks)
            case words.WRITE_BLOCKS if len(rest) >= 3 and len(rest) == 3 + rest[1] * rest[2]:
                data = b"".join(rest[at : at + BLOCK][::-1] for at in range(3, len(rest), BLOCK))
                tag.write(rest[0], data)
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
                size = bytes((tag.blocks - 1, BLOCK - 1))
                return words.OK, bytes((tag.dsfid,)) + bytes.fromhex(tag.uid) + bytes(
                    (tag.afi,)
                ) + size + b"\x01"
        return 0x81, b""
