"""What a FEIG reader answers to commands for tags: ISO host [B0], custom [B1] and transparent [BF] mode.

Each function returns (status, data). Air times are added up by the pad, exchange for exchange.
"""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge import iso15693
from firmware_bridge.feig import custom, words
from sim.devices.air import exchange_s, inventory_s
from sim.devices.field import Field
from sim.devices.tags import SimTag, TagAway, TagRefused

Answer = tuple[int, bytes]
Do = Callable[[SimTag, int, int, bytes], Answer]
Write = Callable[[], None]
TAGS_PER_ANSWER = 20
"""Tags in one inventory answer; the rest comes with "more data"."""
SLOWEST_S = 0.02
"""How long a reader waits for the answer to a write (ISO 15693-3)."""
ADDRESSED_BYTES = 12
"""Flags, command, UID and CRC of an addressed request."""


@dataclass
class Firmware:
    """Ways in which firmware differs."""

    memory_less_one: bool = True
    """System information tells block size and count less one, as the tag does; or the numbers themselves."""
    blocks_turned: bool = True
    """Bytes of a block are sent most significant first."""


class TagCommands:
    """Commands to the tags of a field; `air_s`: their time in the air, `inventories`: how many there were."""

    def __init__(self, field: Field, firmware: Firmware) -> None:
        self.field = field
        self.firmware = firmware
        self.air_s = 0.0
        self.inventories = 0
        self._pending: list[SimTag] = []

    def host(self, payload: bytes) -> Answer:
        """Answer B0."""
        if not payload:
            return 0x81, b""
        if payload[0] == words.INVENTORY:
            return self._inventory(len(payload) > 1 and bool(payload[1] & words.INVENTORY_MORE))
        return self._one(payload[0], payload[1:2], payload[2:10], payload[10:], self._access)

    def custom(self, payload: bytes) -> Answer:
        """Answer B1."""
        if payload[:1] != bytes((words.NXP,)) or len(payload) < 2:
            return 0x81, b""
        return self._one(payload[1], payload[2:3], payload[3:11], payload[11:], self._nxp)

    def transparent(self, payload: bytes) -> Answer:
        """Answer BF: flags, command and maker as they go over the air."""
        request = payload[5:]
        if len(request) < 11 or request[0] != custom.FLAGS or request[2] != words.NXP:
            return 0x81, b""
        uid = request[3:11][::-1]
        status, data = self._one(request[1], b"\x01", uid, request[11:], self._raw)
        if status == words.ISO_ERROR:
            return words.OK, b"\x01" + data + b"\0\0"
        return status, b"\0" + data + b"\0\0" if status == words.OK else b""

    def _inventory(self, more: bool) -> Answer:
        if not more:
            self._pending = self.field.found()
            self.inventories += 1
            self.air_s += inventory_s(len(self._pending))
        now, self._pending = self._pending[:TAGS_PER_ANSWER], self._pending[TAGS_PER_ANSWER:]
        if not now:
            return words.NO_TAG, b""
        records = b"".join(
            bytes((words.TAG_TYPE_ISO15693, tag.dsfid)) + bytes.fromhex(tag.uid) for tag in now
        )
        return (words.MORE_DATA if self._pending else words.OK), bytes((len(now),)) + records

    def _one(self, command: int, mode: bytes, uid: bytes, rest: bytes, do: Do) -> Answer:
        if len(uid) < 8 or not mode:
            return 0x81, b""
        tag = self.field.tags.get(uid.hex().upper())
        self.air_s += exchange_s(ADDRESSED_BYTES + len(rest), 0)
        if tag is None or not self.field.hears(tag):
            return words.NO_TAG, b""
        try:
            status, data = do(tag, command, mode[0], rest)
        except TagAway:
            return words.NO_TAG, b""
        except TagRefused as refused:
            return words.ISO_ERROR, bytes((refused.code,))
        if tag.slow_s > SLOWEST_S:
            return words.NO_TAG, b""  # done, but the reader has given up waiting
        self.air_s += exchange_s(0, 3 + len(data)) - exchange_s(0, 0)
        return status, data

    def _access(self, tag: SimTag, command: int, mode: int, rest: bytes) -> Answer:
        match command, len(rest):
            case words.READ_BLOCKS, 2:
                return self._read(tag, rest[0], rest[1], bool(mode & words.WITH_SECURITY))
            case words.WRITE_BLOCKS, _ if len(rest) > 3 and len(rest) == 3 + rest[1] * rest[2]:
                return self._write(tag, rest)
            case words.BLOCK_SECURITY, 2:
                tag.read(rest[0], rest[1])
                states = (int(rest[0] + n in tag.locked) for n in range(rest[1]))
                return words.OK, bytes((rest[1], *states))
            case words.LOCK_BLOCKS, 2:
                return self._programmed(lambda: tag.lock(rest[0], rest[1]), rest[1])
            case words.WRITE_AFI, 1:
                return self._programmed(lambda: tag.write_afi(rest[0]))
            case words.LOCK_AFI, 0:
                return self._programmed(tag.lock_afi)
            case words.WRITE_DSFID, 1:
                return self._programmed(lambda: tag.write_dsfid(rest[0]))
            case words.LOCK_DSFID, 0:
                return self._programmed(tag.lock_dsfid)
            case words.STAY_QUIET, 0:
                tag.quiet = True
                return words.OK, b""
            case ((words.SELECT | words.RESET_TO_READY), 0):
                tag.quiet = False
                return words.OK, b""
            case words.SYSTEM_INFORMATION, 0:
                return words.OK, self._system(tag)
        return 0x81, b""

    def _nxp(self, tag: SimTag, command: int, _mode: int, rest: bytes) -> Answer:
        if rest or not tag.uid.startswith("E004"):
            raise TagAway
        match command:
            case words.SET_EAS | words.RESET_EAS:
                return self._programmed(lambda: tag.set_eas(command == words.SET_EAS))
            case words.LOCK_EAS:
                return self._programmed(tag.lock_eas)
            case words.EAS_ALARM:
                self.air_s += exchange_s(0, len(tag.eas_alarm())) - exchange_s(0, 0)
                return words.OK, b""
        return 0x81, b""

    def _raw(self, tag: SimTag, command: int, _mode: int, rest: bytes) -> Answer:
        if not tag.uid.startswith("E004"):
            raise TagAway
        match command, len(rest):
            case words.EAS_ALARM, 0:
                return words.OK, tag.eas_alarm()
            case iso15693.GET_RANDOM, 0:
                return words.OK, tag.get_random()
            case iso15693.SET_PASSWORD, 5:
                tag.set_password(rest[0], rest[1:])
                return words.OK, b""
        raise TagRefused(0x01)

    def _programmed(self, write: Write, blocks: int = 1) -> Answer:
        self.air_s += exchange_s(0, 0, writes=blocks) - exchange_s(0, 0)
        write()
        return words.OK, b""

    def _read(self, tag: SimTag, first: int, count: int, security: bool) -> Answer:
        data, size = tag.read(first, count), tag.block_size
        step = -1 if self.firmware.blocks_turned else 1
        blocks = b"".join(
            bytes((int(security and first + n in tag.locked),)) + data[n * size : (n + 1) * size][::step]
            for n in range(count)
        )
        if not security:
            self.air_s -= exchange_s(0, count) - exchange_s(0, 0)  # the tag did not send the security bytes
        return words.OK, bytes((count, size)) + blocks

    def _write(self, tag: SimTag, rest: bytes) -> Answer:
        size = rest[2]
        if size != tag.block_size:
            return 0x11, b""
        step = -1 if self.firmware.blocks_turned else 1
        data = b"".join(rest[at : at + size][::step] for at in range(3, len(rest), size))
        return self._programmed(lambda: tag.write(rest[0], data), rest[1])

    def _system(self, tag: SimTag) -> bytes:
        less = int(self.firmware.memory_less_one)
        memory = bytes((tag.block_size - less, tag.blocks - less))
        return bytes((tag.dsfid,)) + bytes.fromhex(tag.uid) + bytes((tag.afi,)) + memory + bytes((tag.ic,))
