"""A gate's copy of all items is read in portions: who asks meanwhile is answered, and what changes is not lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk_kit import KEY, Station, desk_on

from central.ledger import ledger as ledger_module
from wire.ids import item_hash

STATES = {"available": 0, "loan": 1, "gone": 2}


async def test_what_changes_between_two_portions_is_in_the_changes_after_the_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "PORTION", 1)
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-2", "CARD2")
        read, reads = world.ledger.read, 0

        async def busy(query: Callable[[Any], Any]) -> Any:
            nonlocal reads
            found, reads = await read(query), reads + 1
            if reads == 2:  # item-1 was read, the others were not
                await k1.lend("item-1", "CARD1")
                await k1.take_back("item-2")
                await k1.lend("item-2", "CARD3")
            return found

        with monkeypatch.context() as patch:
            patch.setattr(world.ledger, "read", busy)
            snapshot = await world.ledger.snapshot_items(KEY)
        changes = await world.ledger.changes_after(snapshot.n, KEY)
        later = await world.ledger.snapshot_items(KEY)

    assert reads > len(snapshot.rows)
    assert changes is not None
    copy = {h: (version, state) for h, version, state in snapshot.rows}
    assert copy[item_hash(KEY, "item-1")][1] == STATES["available"]
    for one in changes.changes:  # as a gate does: the higher version wins
        copy[int(one.h, 16)] = max(copy[int(one.h, 16)], (one.v, STATES[one.s]))
    assert copy == {h: (version, state) for h, version, state in later.rows}
    assert copy[item_hash(KEY, "item-1")][1] == STATES["loan"]
