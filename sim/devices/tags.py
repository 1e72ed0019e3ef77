"""Simulated ISO 15693 tags: real memory, AFI, DSFID, EAS and locks, and the ways in which tags misbehave.

A tag here is what lies on the air side of any pad: the simulated readers of all makes share it. Bytes are in
the order in which they go over the air. What a tag forgets without power (quiet, muted, password given) it
forgets with `power_off`, which a reader calls for all tags when it resets its field.
"""

import random
from dataclasses import dataclass, field
from typing import Literal

from firmware_bridge.tags.danish import BasicBlock, encode_block

ICODE_SLIX_BLOCKS = 28
BLOCK = 4
EAS_AFI_PASSWORD = 0x10
"""Password identifier of EAS and AFI (NXP ICODE SLIX data sheet, SET PASSWORD)."""
EAS_SEQUENCE = bytes.fromhex("2FB36270D5A7907FE8B18038D281497682DA9A866FAF8BB0F19CD112A57237EF")
"""What an ICODE tag with EAS on answers to EAS ALARM: 256 fixed bits (ICODE SLI data sheet)."""

Protected = Literal["eas", "afi"]


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
    ic: int = 0x01
    """IC reference of the system information."""
    locked: set[int] = field(default_factory=set)
    """Numbers of the blocks that will never be written again."""
    afi_locked: bool = False
    dsfid_locked: bool = False
    eas: bool = False
    """The EAS bit of an ICODE tag."""
    eas_locked: bool = False
    password: bytes = bytes(4)
    """Password of EAS and AFI, as it goes over the air; it counts for what is in `protected`."""
    protected: set[Protected] = field(default_factory=set)
    """What needs the password before it is changed; never undone (PASSWORD PROTECT EAS/AFI)."""
    antenna: int = 1
    """Antenna of the reader above which the tag lies."""
    spot: int = 0
    """Place on that antenna; tags at the same place lie on one another and detune each other."""
    signal: float = 1.0
    """Field strength at its place, in multiples of what lets it answer each time; below 1 it misses some."""
    slow_s: float = 0.0
    """Seconds that it takes longer to answer than others, writing most of all."""
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
    quiet: bool = False
    """It was told to stay quiet: no inventory finds it, addressed commands do."""
    muted: bool = False
    """It was given a wrong password and answers nothing until its power was off."""
    afi_log: list[int] = field(default_factory=list)
    """Every change of the AFI, in order."""
    eas_log: list[bool] = field(default_factory=list)
    """Every change of the EAS bit, in order."""
    _random: bytes = b""
    _randoms: int = 0
    _opened: bool = False

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

    def power_off(self) -> None:
        """Forget what is not kept without a field: quiet, muted, a password that was given."""
        self.quiet = self.muted = self._opened = False
        self._random = b""

    def read(self, first: int, count: int) -> bytes:
        """Return blocks in the tag's own byte order."""
        self._check(first, count)
        return bytes(self.memory[first * self.block_size : (first + count) * self.block_size])

    def write(self, first: int, data: bytes) -> None:
        """Write whole blocks."""
        count = len(data) // self.block_size
        self._check(first, count)
        if self.locked & set(range(first, first + count)):
            raise TagRefused(0x12)
        self._fault()
        self.memory[first * self.block_size : first * self.block_size + len(data)] = data
        self._silence()

    def lock(self, first: int, count: int) -> None:
        """Lock blocks for ever, one after the other; the first that is locked already ends it."""
        self._check(first, count)
        self._fault()
        for number in range(first, first + count):
            if number in self.locked:
                raise TagRefused(0x11)
            self.locked.add(number)
        self._silence()

    def write_afi(self, afi: int) -> None:
        """Write the AFI."""
        self._guard("afi", self.afi_locked)
        self._fault()
        if self.afi != afi:
            self.afi = afi
            self.afi_log.append(afi)
        self._silence()

    def lock_afi(self) -> None:
        """Lock the AFI for ever."""
        self._guard("afi", self.afi_locked, already=0x11)
        self._fault()
        self.afi_locked = True
        self._silence()

    def write_dsfid(self, dsfid: int) -> None:
        """Write the DSFID."""
        if self.dsfid_locked:
            raise TagRefused(0x12)
        self._fault()
        self.dsfid = dsfid
        self._silence()

    def lock_dsfid(self) -> None:
        """Lock the DSFID for ever."""
        if self.dsfid_locked:
            raise TagRefused(0x11)
        self._fault()
        self.dsfid_locked = True
        self._silence()

    def set_eas(self, on: bool) -> None:
        """Set or reset the EAS bit (SET EAS, RESET EAS)."""
        self._guard("eas", self.eas_locked)
        self._fault()
        if self.eas != on:
            self.eas = on
            self.eas_log.append(on)
        self._silence()

    def lock_eas(self) -> None:
        """Lock the EAS bit for ever (LOCK EAS)."""
        self._guard("eas", self.eas_locked, already=0x11)
        self._fault()
        self.eas_locked = True
        self._silence()

    def eas_alarm(self) -> bytes:
        """Return the EAS sequence; a tag whose EAS bit is 0 is silent (EAS ALARM)."""
        if not self.eas:
            raise TagAway
        return EAS_SEQUENCE

    def protect(self, what: Protected) -> None:
        """Put EAS or AFI under the password for ever (PASSWORD PROTECT EAS/AFI); needs the password first."""
        if not self._opened:
            raise TagRefused(0x0F)
        self.protected.add(what)

    def get_random(self) -> bytes:
        """Return 16 random bits, good for one password (GET RANDOM NUMBER)."""
        self._randoms += 1
        self._random = random.Random(f"{self.uid} {self._randoms}").randbytes(2)
        return self._random

    def set_password(self, identifier: int, covered: bytes) -> None:
        """Take a password, exclusive-ored with the random number twice over; a wrong one mutes the tag."""
        mask, self._random = self._random * 2, b""
        if identifier != EAS_AFI_PASSWORD or not mask:
            raise TagRefused(0x0F)
        if bytes(a ^ b for a, b in zip(covered, mask, strict=True)) != self.password:
            self.muted = True
            raise TagAway
        self._opened = True

    def write_password(self, identifier: int, password: bytes) -> None:
        """Take a new password; the old one must have been given (WRITE PASSWORD)."""
        if identifier != EAS_AFI_PASSWORD or not self._opened:
            raise TagRefused(0x0F)
        self._fault()
        self.password = password
        self._silence()

    def _check(self, first: int, count: int) -> None:
        if count < 1 or first + count > self.blocks:
            raise TagRefused(0x10)

    def _guard(self, what: Protected, locked: bool, *, already: int = 0x12) -> None:
        if locked:
            raise TagRefused(already)
        if what in self.protected and not self._opened:
            raise TagRefused(0x0F)

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
