"""A book changed for another while its tag is written: only the tag that was meant is ever touched."""

import copy
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.reading import ItemTag, SecurityBits, decode_tag
from firmware_bridge.threem.driver import ThreeMPad
from kiosk.tagging.journal import Journal
from kiosk.tagging.program import Rules, Wanted
from kiosk.tagging.station import TagStation
from sim.devices.feig_pad import FeigPad as SimFeig
from sim.devices.field import Field
from sim.devices.tags import SimTag, TagAway
from sim.devices.threem_pad import ThreeMPad as SimThreeM

UID = "E004010000000001"
NEIGHBOURS = ("E004010000000101", "E004020000000001", "E004010100000001")
"""UIDs that share their low bytes, or their high ones, with the one that is written."""
WANTED = Wanted("30000001", "DE-290")
BITS = SecurityBits()


@dataclass
class Slipping(SimTag):
    """A tag that is taken away at one of its writes, and another one laid down in its place."""

    field: Field | None = None
    other: SimTag | None = None
    writes_left: int = 1000
    reached: bool = False

    def write(self, first: int, data: bytes) -> None:
        """Write, unless it is just taken away: before the write, or after it with an even number."""
        self.writes_left -= 1
        if self.writes_left == 0:
            assert self.field is not None
            assert self.other is not None
            if self.reached:
                super().write(first, data)
            self.field.remove(self.uid)
            self.field.place(self.other)
            raise TagAway
        super().write(first, data)


def memory(tag: SimTag) -> TagMemory:
    return TagMemory(tag.uid, bytes(tag.memory), 4, tag.afi, tag.dsfid, tag.blocks)


@pytest.mark.parametrize("reached", [False, True])
@pytest.mark.parametrize("make", ["feig", "3m"])
async def test_wherever_the_book_is_swapped_the_other_tag_stays_as_it_was(
    make: str, reached: bool, tmp_path: Path
) -> None:
    sim: SimFeig | SimThreeM = SimFeig() if make == "feig" else SimThreeM()
    await sim.start()
    pad: FeigPad | ThreeMPad = (
        FeigPad.tcp("127.0.0.1", sim.port) if make == "feig" else ThreeMPad.tcp("127.0.0.1", sim.port)
    )
    swaps = 0
    while True:
        other = SimTag.for_item(NEIGHBOURS[swaps % 3], "99999999", "DE-290", afi=0xC2)
        tag = Slipping(uid=UID, afi=0x00, other=other, writes_left=swaps + 1, reached=reached)
        tag.field = sim
        before = copy.deepcopy(other)
        sim.place(tag)
        station = TagStation(pad, Rules(frozenset(), BITS), Journal(tmp_path / f"{swaps}.jsonl"))
        result = await station.program(UID, WANTED)
        if result.outcome == "written":
            break

        assert result.outcome == "gone"
        assert (other.memory, other.afi, other.eas, other.dsfid, other.locked) == (
            before.memory, before.afi, before.eas, before.dsfid, before.locked,
        )  # fmt: skip
        found = decode_tag(memory(tag), frozenset(), BITS)
        assert not isinstance(found, ItemTag) or found.item == WANTED.item
        sim.remove(other.uid)
        sim.place(tag)
        assert (await station.program(UID, WANTED)).outcome in ("written", "already")
        sim.remove(UID)
        swaps += 1
    await pad.close()
    await sim.stop()

    assert swaps >= 5
