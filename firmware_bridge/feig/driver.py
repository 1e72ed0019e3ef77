"""The FEIG driver: one command in flight, every wait bounded, every write settled by reading back.

An answer that is lost says nothing about the tag: after a write that timed out, or failed, the AFI is
read; only what was read back counts. A tag that cannot be read is "unknown", never "secured" or not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from firmware_bridge.errors import DeviceLost, DeviceRefused, DeviceTimeout, FrameError, TagError, TagGone
from firmware_bridge.feig import commands, words
from firmware_bridge.feig.frames import Frame, Parser, encode
from firmware_bridge.ports import AfiResult, DeviceInfo, PadHealth, TagMemory, Transport
from wire.errors import DeviceError

log = logging.getLogger("turnleaf.firmware_bridge.feig")

READ_BYTES = 64
"""Bytes of a tag that are read: the basic block and the extension blocks that matter for lending."""


class FeigPad:
    """A pad behind a FEIG reader. `Pad`, `TagWriter`, `Barriers` and `Lamp` of the ports in one device."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Transport]],
        *,
        timeout_s: float = 1.0,
        attempts: int = 3,
    ) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._transport: Transport | None = None
        self._parser = Parser()
        self._lock = asyncio.Lock()
        self._geometry: dict[str, tuple[int, int]] = {}
        self.health = PadHealth()

    async def close(self) -> None:
        """Let the device go; it takes one connection at a time."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def inventory(self) -> frozenset[str]:
        """Return the UIDs of all tags in the field; asks on while the reader has more."""
        uids: set[str] = set()
        more = False
        while True:
            status, data = await self._exchange(commands.inventory(more=more))
            if status == words.NO_TAG:
                return frozenset(uids)
            if status not in (words.OK, words.MORE_DATA):
                raise words.error_of(status, data, "inventory")
            uids.update(commands.parse_inventory(data))
            if status == words.OK:
                return frozenset(uids)
            more = True

    async def read_tag(self, uid: str) -> TagMemory:
        """Read system information and the first 64 bytes of a tag; raises TagGone, TagError, DeviceError."""
        system = await self._system(uid)
        wanted = min(system.blocks, -(-READ_BYTES // system.block_size))
        data = await self._call(commands.read_blocks(uid, 0, wanted), f"reading tag {uid}")
        blocks, size = commands.parse_blocks(data)
        return TagMemory(uid, blocks, size, system.afi, system.dsfid, system.blocks)

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back; raises only when the device itself is lost."""
        reason = ""
        for _ in range(self._attempts):
            try:
                await self._call(
                    commands.write_afi(uid, afi), f"writing AFI {afi:02X} to tag {uid}", once=True
                )
            except DeviceLost:
                raise
            except (TagError, DeviceRefused, TagGone, DeviceTimeout, FrameError) as error:
                reason = error.seen
            try:
                now = (await self._system(uid)).afi
            except DeviceLost:
                raise
            except DeviceError as error:
                reason = error.seen
                continue
            if now == afi:
                return AfiResult("verified", now)
            return AfiResult("failed", now, reason or f"AFI {now:02X} was read back")
        return AfiResult("unknown", None, reason)

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks and read them back; raises TagError when they differ."""
        reason: DeviceError | None = None
        try:
            await self._call(
                commands.write_blocks(uid, start, data, block_size), f"writing tag {uid}", once=True
            )
        except DeviceLost:
            raise
        except DeviceError as error:
            reason = error
        back, _ = commands.parse_blocks(
            await self._call(commands.read_blocks(uid, start, len(data) // block_size), f"reading tag {uid}")
        )
        if back != data:
            raise reason or TagError(f"tag {uid} holds other bytes than were written")

    async def info(self) -> DeviceInfo:
        """Ask the reader for its type and firmware."""
        return commands.parse_software_version(
            await self._call(Frame(words.SOFTWARE_VERSION), "asking the reader's version")
        )

    async def inputs(self) -> int:
        """Return the input lines as bits (command 74)."""
        data = await self._call(Frame(words.GET_INPUT), "reading the inputs")
        return data[0] if data else 0

    async def alarm(self, seconds: float) -> None:
        """Switch output 1 (lamp and buzzer) on for `seconds`, in steps of 100 ms (command 72)."""
        time = max(1, min(int(seconds * 10), 0xFFFE))
        order = bytes((0x00, 0x01, 0x81)) + time.to_bytes(2, "big")
        await self._call(Frame(words.SET_OUTPUT, order), "switching the lamp")

    async def _system(self, uid: str) -> commands.SystemInformation:
        doing = f"asking tag {uid} for its system information"
        found = commands.parse_system_information(await self._call(commands.system_information(uid), doing))
        if found.uid != uid:
            raise FrameError(f"{doing}: tag {found.uid} answered")
        return found

    async def _call(self, request: Frame, doing: str, *, once: bool = False) -> bytes:
        status, data = await self._exchange(request, once=once)
        if status != words.OK:
            raise words.error_of(status, data, doing)
        return data

    async def _exchange(self, request: Frame, *, once: bool = False) -> tuple[int, bytes]:
        """Send a request and wait for its answer; reads are repeated, writes (`once`) are not."""
        async with self._lock:
            last: DeviceError | None = None
            for attempt in range(1 if once else self._attempts):
                if attempt:
                    self._count(retry=True)
                try:
                    return await self._once(request)
                except DeviceTimeout as error:
                    # A late answer must never be taken for the answer to the next request: hang up.
                    await self.close()
                    last = error
                except BaseException:
                    await self.close()
                    raise
            assert last is not None
            raise last

    async def _once(self, request: Frame) -> tuple[int, bytes]:
        if self._transport is None:
            self._transport = await self._connect()
            self._parser = Parser()
        self._parser.reset()
        loop = asyncio.get_running_loop()
        started = loop.time()
        await self._transport.write(encode(request))
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._answer(self._transport, request.command)
        except TimeoutError as error:
            raise DeviceTimeout(
                f"the reader did not answer command {request.command:02X} in {self._timeout_s:g} s",
                why="No tag can be read or written.",
                do="Look at the reader's lights; switch it off and on if it stays silent.",
            ) from error
        self._count(took_ms=(loop.time() - started) * 1000)
        return answer.payload[0], answer.payload[1:]

    async def _answer(self, transport: Transport, command: int) -> Frame:
        """Return the next frame that answers `command`; late answers to other commands are skipped."""
        while True:
            for frame in self._parser.feed(await transport.read()):
                if frame.command == command and frame.payload:
                    return frame
                log.debug("skipped a frame for command %02X", frame.command)

    def _count(self, *, retry: bool = False, took_ms: float | None = None) -> None:
        health = self.health
        mean = health.response_ms
        if took_ms is not None:
            mean = took_ms if not health.exchanges else mean + (took_ms - mean) / 16
        self.health = PadHealth(
            exchanges=health.exchanges + (took_ms is not None),
            retries=health.retries + retry,
            crc_errors=health.crc_errors + self._parser.crc_errors,
            response_ms=mean,
        )
        self._parser.crc_errors = 0
