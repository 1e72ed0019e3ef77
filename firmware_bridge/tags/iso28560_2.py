"""ISO 28560-2: an item tag as data sets, read tolerantly, written strictly, changed one element at a time.

Reading keeps what it does not know. An element that cannot be read is told as a problem and the others still
come; a structure that breaks off is `NotPart2` unless the item identifier stood before it.

Locks are made by block, so a data set that is locked begins and ends on a block: the sets of
a run that is locked, or not, are padded as a whole by an offset on its last one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from firmware_bridge.tags import isil
from firmware_bridge.tags.datasets import DataSet, DataSetError, Placed, scan
from firmware_bridge.tags.elements import (
    ISILS,
    OCTETS,
    Element,
    SetInformation,
    name_of,
    read_content,
    read_set,
    write_content,
)
from firmware_bridge.tags.iso15962 import Compaction, CompactionError, choose
from firmware_bridge.tags.iso15962 import decode as expand
from firmware_bridge.tags.iso15962 import encode as compact

DSFID = 0x06
"""Storage format of part 2: access method 0 (no directory), data format 6 (libraries)."""

Value = str | bytes
"""What an element says: text; bytes for the content parameter, single octets, and what is not understood."""


@dataclass(frozen=True, slots=True)
class Read:
    """One element as it was found."""

    oid: int
    value: Value
    compaction: Compaction
    start: int
    end: int
    locked: bool = False
    problem: str = ""
    problem_at: int = 0

    @property
    def name(self) -> str:
        """The element's name."""
        return name_of(self.oid)


@dataclass(frozen=True, slots=True)
class Part2:
    """A tag of ISO 28560-2."""

    elements: tuple[Read, ...]
    problems: tuple[tuple[str, int], ...] = ()
    """What is wrong, each with the offset of the first wrong byte."""

    def get(self, element: int) -> Value | None:
        """Return an element's value; the first one when it comes twice."""
        return next((one.value for one in self.elements if one.oid == element), None)

    def text(self, element: int) -> str:
        """Return an element's text, empty when it is absent or no text."""
        value = self.get(element)
        return value if isinstance(value, str) else ""

    @property
    def item(self) -> str:
        """The primary item identifier."""
        return self.text(Element.PRIMARY_ITEM_IDENTIFIER)

    @property
    def owner(self) -> str:
        """The owner institution's ISIL."""
        return self.text(Element.OWNER_INSTITUTION)

    @property
    def usage(self) -> int | None:
        """Type of usage as one octet; None when it is absent."""
        value = self.get(Element.TYPE_OF_USAGE)
        return value[0] if isinstance(value, bytes) and value else None

    @property
    def set(self) -> SetInformation:
        """Parts and part; 1 of 1 when the tag says nothing or nothing that can be read."""
        try:
            return read_set(self.text(Element.SET_INFORMATION))
        except ValueError:
            return SetInformation(1, 1)


@dataclass(frozen=True, slots=True)
class NotPart2:
    """Memory that is no tag of part 2."""

    reason: Literal["blank", "structure"]
    detail: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """Memory to be written, and which blocks are to be locked afterwards."""

    memory: bytes
    locked: frozenset[int]


def decode(memory: bytes, block_size: int = 4, locked: frozenset[int] = frozenset()) -> Part2 | NotPart2:
    """Read a tag's memory; never raises."""
    if not any(memory):
        return NotPart2("blank")
    found: list[Read] = []
    problems: list[tuple[str, int]] = []
    try:
        for placed in scan(memory):
            read = _read(placed, block_size, locked)
            found.append(read)
            if read.problem:
                problems.append((f"{read.name}: {read.problem}", read.problem_at))
    except DataSetError as error:
        if not any(one.oid == Element.PRIMARY_ITEM_IDENTIFIER and not one.problem for one in found):
            return NotPart2("structure", str(error), error.offset)
        problems.append((str(error), error.offset))
    if not found:
        return NotPart2("structure", "the first byte is 0, which ends the data before they begin", 0)
    problems += _twice(found)
    problems += _content_problems(found)
    return Part2(tuple(found), tuple(problems))


NAMING = frozenset(
    {
        int(Element.PRIMARY_ITEM_IDENTIFIER),
        int(Element.OWNER_INSTITUTION),
        int(Element.SET_INFORMATION),
        int(Element.TYPE_OF_USAGE),
    }
)
"""Elements that say which item this is; two that differ leave nobody to believe."""


def _twice(found: list[Read]) -> Iterable[tuple[str, int]]:
    first: dict[int, Read] = {}
    for one in found:
        before = first.setdefault(one.oid, one)
        if one.oid in NAMING and one.value != before.value:
            yield f"{one.name} comes twice and says different things", one.start


def _content_problems(found: list[Read]) -> Iterable[tuple[str, int]]:
    content = next((one for one in found if one.oid == Element.CONTENT_PARAMETER), None)
    if content is None or not isinstance(content.value, bytes):
        return
    said, there = set(read_content(content.value)), {one.oid for one in found if one.oid >= 3}
    if said - there:
        missing = ", ".join(map(name_of, sorted(said - there)))
        yield f"the content parameter announces what is not there: {missing}", content.start


def _read(placed: Placed, block_size: int, locked: frozenset[int]) -> Read:
    one = placed.set
    blocks = range(placed.start // block_size, -(-placed.end // block_size))
    read = Read(
        one.oid, one.data, one.compaction, placed.start, placed.end, bool(locked.intersection(blocks))
    )
    try:
        return replace(read, value=_value(one))
    except CompactionError as error:
        return replace(read, problem=str(error), problem_at=placed.value_at + error.offset)


def _value(one: DataSet) -> Value:
    if one.oid == Element.CONTENT_PARAMETER:
        return one.data
    if one.oid in OCTETS and one.compaction in (Compaction.APPLICATION, Compaction.OCTET):
        return one.data
    if one.compaction is Compaction.APPLICATION:
        return isil.decode(one.data) if one.oid in ISILS else one.data
    return expand(one.data, one.compaction)


def dataset(element: int, value: Value, code: Compaction | None = None) -> DataSet:
    """Return an element compacted, by `code` or by what fits; raises ValueError when it does not fit."""
    if isinstance(value, bytes):
        if element in OCTETS and len(value) != 1:
            raise ValueError(f"{name_of(element)} is one octet, not {len(value)}")
        octet = Compaction.OCTET if element in OCTETS else Compaction.APPLICATION
        return DataSet(element, octet if code is None else code, value)
    if element == Element.SET_INFORMATION:
        read_set(value)
    if element in ISILS and code in (None, Compaction.APPLICATION) and isil.LETTERS.issuperset(value):
        return DataSet(element, Compaction.APPLICATION, isil.encode(value))
    return DataSet(element, choose(value) if code is None else code, compact(value, code))


def encode(
    values: Mapping[int, Value],
    *,
    size: int,
    block_size: int = 4,
    lock: frozenset[int] = frozenset(),
    codes: Mapping[int, Compaction] | None = None,
) -> Encoded:
    """Return a tag's memory of `size` bytes with these elements, the item identifier first.

    The content parameter is made here when there is more than the item identifier. Elements in `lock` get
    blocks of their own; `codes` overrides the choice of compaction. Raises ValueError when it does not fit.
    """
    wanted = {oid: value for oid, value in values.items() if oid != Element.CONTENT_PARAMETER}
    content = write_content(frozenset(wanted))
    if content:
        wanted[Element.CONTENT_PARAMETER] = content
    given = codes or {}
    sets = {oid: dataset(oid, value, given.get(oid)) for oid, value in wanted.items()}
    rest = sorted(oid for oid in sets if oid != Element.PRIMARY_ITEM_IDENTIFIER)
    first = [Element.PRIMARY_ITEM_IDENTIFIER] if Element.PRIMARY_ITEM_IDENTIFIER in sets else []
    ordered = [*first, *(oid for oid in rest if oid not in lock), *(oid for oid in rest if oid in lock)]
    memory, locked = b"", set[int]()
    for is_locked, run in _runs([(oid in lock, sets[oid]) for oid in ordered]):
        last = not is_locked and run[-1] is sets[ordered[-1]]
        data = _join(run) if last else _pad(run, block_size)
        if is_locked:
            blocks = range(len(memory) // block_size, (len(memory) + len(data)) // block_size)
            locked.update(blocks)
        memory += data
    if len(memory) > size:
        raise ValueError(f"{len(memory)} bytes do not fit on a tag of {size}")
    return Encoded(memory.ljust(size, b"\0"), frozenset(locked))


def _runs(sets: list[tuple[bool, DataSet]]) -> list[tuple[bool, list[DataSet]]]:
    runs: list[tuple[bool, list[DataSet]]] = []
    for is_locked, one in sets:
        if not runs or runs[-1][0] != is_locked:
            runs.append((is_locked, []))
        runs[-1][1].append(one)
    return runs


def _join(run: list[DataSet]) -> bytes:
    return b"".join(one.encode() for one in run)


def _pad(run: list[DataSet], block_size: int) -> bytes:
    """Return a run that ends on a block."""
    plain = _join(run)
    return (
        plain if len(plain) % block_size == 0 else fill(run, len(plain) + -(len(plain) + 1) % block_size + 1)
    )


def fill(run: list[DataSet], size: int, at: int = -1) -> bytes:
    """Return a run of exactly `size` bytes, by an offset on the set at `at`; raises ValueError."""
    head, bare, tail = run[:at], replace(run[at], pads=None), run[at:][1:]
    missing = size - len(_join([*head, bare, *tail]))
    if missing == 0:
        return _join([*head, bare, *tail])
    if not 0 < missing <= 256:
        raise ValueError(f"the elements take {size - missing} bytes where {size} are free")
    return _join([*head, replace(bare, pads=missing - 1), *tail])
