"""Simulated ISO 15693 tags: real memory, AFI, DSFID and locks, and the ways in which tags misbehave."""

from dataclasses import dataclass, field
from typing import Literal

from firmware_bridge.tags.danish import BasicBlock, encode_block

ICODE_SLIX_BLOCKS = 28
BLOCK = 4


class TagAway(Exception):
    """The tag does not answer (weak, gone, or muted)."""


class TagRefused(Exception):
    """The tag answers with an ISO 15693 error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:02X}")
        self.code = code


@dataclass
class SimTag:
    """One tag with its memory. What is in here is the truth that daemons are measured by."""

    uid: str
    memory: bytearray = field(default_factory=lambda: bytearray(ICODE_SLIX_BLOCKS * BLOCK))
    afi: int = 0x07
    dsfid: int = 0x3E
    block_size: int = BLOCK
    """Bytes in a block; 4 on NXP's tags, 8 on some others."""
    locked: set[int] = field(default_factory=set)
    """Numbers of the blocks that will never be written again."""
    afi_locked: bool = False
    weak: float = 0.0
    """Share of inventories and accesses that it misses."""
    write_faults: int = 0
    """So many next writes are refused with error 13."""
    silent_writes: int = 0
    """So many next writes are done, but their answer is lost (ISO 15693 write timing)."""
    leaves: Literal["stays", "before", "after"] = "stays"
    """Whether it goes from the field at its next write: before the write reached it, or just after."""
    gone: bool = False
    """It left while it was written; laid down again, it is there again."""
    afi_log: list[int] = field(default_factory=list)
    """Every change of the AFI, in order."""

    @classmethod
    def for_item(
        cls, uid: str, item: str, owner: str, *, afi: int = 0x07, part: int = 1, parts: int = 1
    ) -> "SimTag":
        """Return a tag written with ISO 28560-3 for an item."""
        tag = cls(uid=uid, afi=afi)
        content = encode_block(BasicBlock(item=item, owner=owner, part=part, parts=parts))
        tag.memory[: len(content)] = content
        return tag

    @property
    def blocks(self) -> int:
        """Blocks of the tag."""
        return len(self.memory) // self.block_size

    def read(self, first: int, count: int) -> bytes:
        """Return blocks in the tag's own byte order."""
        if first + count > self.blocks:
            raise TagRefused(0x10)
        return bytes(self.memory[first * self.block_size : (first + count) * self.block_size])

    def write(self, first: int, data: bytes) -> None:
        """Write whole blocks."""
        numbers = range(first, first + len(data) // self.block_size)
        if numbers.stop > self.blocks:
            raise TagRefused(0x10)
        if self.locked & set(numbers):
            raise TagRefused(0x12)
        self._fault()
        self.memory[first * self.block_size : first * self.block_size + len(data)] = data
        self._silence()

    def write_afi(self, afi: int) -> None:
        """Write the AFI."""
        if self.afi_locked:
            raise TagRefused(0x12)
        self._fault()
        if self.afi != afi:
            self.afi = afi
            self.afi_log.append(afi)
        self._silence()

    def _fault(self) -> None:
        if self.leaves == "before":
            self._leave()
        if self.write_faults:
            self.write_faults -= 1
            raise TagRefused(0x13)

    def _silence(self) -> None:
        if self.leaves == "after":
            self._leave()
        if self.silent_writes:
            self.silent_writes -= 1
            raise TagAway

    def _leave(self) -> None:
        self.leaves = "stays"
        self.gone = True
        raise TagAway
