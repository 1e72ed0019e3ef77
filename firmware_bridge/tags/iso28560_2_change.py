"""One element of an ISO 28560-2 tag changed; the others, their order and their bytes stay.

What is locked cannot move. So the memory falls into runs: a locked run stays where it is, and a run between
two of them is laid out anew in the room that it has, which an offset on the changed set fills. New elements
go to the end of the last run that can grow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from firmware_bridge.tags.datasets import DataSet, DataSetError, Placed, scan
from firmware_bridge.tags.elements import Element, name_of, write_content
from firmware_bridge.tags.iso28560_2 import Value, dataset, fill


class ChangeError(ValueError):
    """An element cannot be changed on this tag; the tag is as it was."""


@dataclass(frozen=True, slots=True)
class _Run:
    sets: tuple[DataSet, ...]
    raw: bytes
    start: int
    locked: bool


def change(
    memory: bytes,
    changes: Mapping[int, Value | None],
    *,
    block_size: int = 4,
    locked: frozenset[int] = frozenset(),
) -> bytes:
    """Return the memory with elements set, or taken out where the value is None.

    The content parameter is kept in step. Raises ChangeError when an element stands in a
    locked block, does not fit, or when the memory is no tag of part 2.
    """
    try:
        placed = tuple(scan(memory))
    except DataSetError as error:
        raise ChangeError(f"the tag cannot be read: {error}") from error
    if not placed:
        raise ChangeError("the tag holds no data set")
    wanted = dict(changes) | _content(placed, changes)
    runs = _runs(placed, memory, block_size, locked)
    _refuse_locked(runs, wanted)
    sets = {oid: _made(oid, value, placed) for oid, value in wanted.items() if value is not None}
    new = [sets[oid] for oid in sorted(sets) if not any(oid == old.set.oid for old in placed)]
    if new and runs[-1].locked:
        end = runs[-1].start + len(runs[-1].raw)
        runs.append(_Run((), b"", end, locked=False))
    out = b""
    for number, run in enumerate(runs):
        last = number == len(runs) - 1
        out += _laid_out(run, wanted, sets, new if last else [], None if last else runs[number + 1].start)
    if len(out) > len(memory):
        raise ChangeError(f"{len(out)} bytes do not fit on a tag of {len(memory)}")
    result = _with_rest(out, memory, placed[-1].end)
    _check_locks(memory, result, block_size, locked)
    return result


def _with_rest(out: bytes, memory: bytes, end: int) -> bytes:
    """Return the memory with what stands behind the old data left where it is; it may be another system's."""
    if any(memory[end : len(out) + 1]):
        raise ChangeError("other bytes stand behind the data sets, and would be overwritten or read as one")
    return out.ljust(end, b"\0") + memory[max(end, len(out)) :]


def _made(oid: int, value: Value, placed: tuple[Placed, ...]) -> DataSet:
    """Return a data set in the compaction that the tag used for it, where that still holds the value."""
    before = next((one.set.compaction for one in placed if one.set.oid == oid), None)
    try:
        return dataset(oid, value, before)
    except ValueError:
        try:
            return dataset(oid, value)
        except ValueError as error:
            raise ChangeError(f"{name_of(oid)}: {error}") from error


def _content(placed: tuple[Placed, ...], changes: Mapping[int, Value | None]) -> dict[int, Value | None]:
    there = {one.set.oid for one in placed}
    set_, out = ({oid for oid, value in changes.items() if (value is None) == gone} for gone in (False, True))
    content = write_content(frozenset((there | set_) - out - {Element.CONTENT_PARAMETER}))
    now = next((one.set.data for one in placed if one.set.oid == Element.CONTENT_PARAMETER), b"")
    if content == now:
        return {}
    return {int(Element.CONTENT_PARAMETER): content or None}


def _runs(placed: tuple[Placed, ...], memory: bytes, block_size: int, locked: frozenset[int]) -> list[_Run]:
    runs: list[_Run] = []
    for one in placed:
        blocks = range(one.start // block_size, -(-one.end // block_size))
        fixed = bool(locked.intersection(blocks))
        raw = memory[one.start : one.end]
        if runs and runs[-1].locked == fixed:
            before = runs[-1]
            runs[-1] = replace(before, sets=(*before.sets, one.set), raw=before.raw + raw)
        else:
            runs.append(_Run((one.set,), raw, one.start, fixed))
    return runs


def _refuse_locked(runs: list[_Run], wanted: Mapping[int, Value | None]) -> None:
    for run in runs:
        for one in run.sets:
            if run.locked and one.oid in wanted:
                raise ChangeError(f"{name_of(one.oid)} stands in a locked block")


def _laid_out(
    run: _Run,
    wanted: Mapping[int, Value | None],
    sets: Mapping[int, DataSet],
    new: list[DataSet],
    end: int | None,
) -> bytes:
    """Return a run's bytes; up to `end`, where what follows is locked, or as long as it comes out."""
    if run.locked or not (new or any(one.oid in wanted for one in run.sets)):
        return run.raw
    after = [*(sets.get(one.oid, one) for one in run.sets if one.oid not in wanted or one.oid in sets), *new]
    if end is None:
        return b"".join(one.encode() for one in after)
    if not after:
        raise ChangeError("nothing would be left between two locked elements, and the tag would end there")
    changed = [at for at, one in enumerate(after) if one.oid in wanted]
    try:
        return fill(after, end - run.start, changed[-1] if changed else len(after) - 1)
    except ValueError as error:
        raise ChangeError(str(error)) from error


def _check_locks(before: bytes, after: bytes, block_size: int, locked: frozenset[int]) -> None:
    for block in locked:
        at = slice(block * block_size, (block + 1) * block_size)
        if before[at] != after[at]:
            raise ChangeError(f"block {block} is locked and would change")
