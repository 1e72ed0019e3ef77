"""Tags at which a station was cut off: put right when they come again, and nobody's later work undone."""

from dataclasses import replace
from pathlib import Path

import pytest

from firmware_bridge.errors import TagGone
from firmware_bridge.ports import AfiResult, EasResult, TagMemory
from firmware_bridge.tags import iso28560_2
from firmware_bridge.tags.danish import BasicBlock, encode_block
from firmware_bridge.tags.reading import SecurityBits, TagContent, identify
from kiosk.tagging.journal import Journal
from kiosk.tagging.program import Refused, Rules, Wanted, Write, judge
from kiosk.tagging.station import TagStation

UID = "E00401000000000A"
RULES = Rules(frozenset({"DE-290"}), SecurityBits())
OURS = Wanted("30000001", "DE-290")


class CutPad:
    """A pad with one tag, which goes after so many writes."""

    def __init__(self, blocks: bytes, cut_after: int = 1000) -> None:
        self.tag = TagMemory(UID, blocks, 4, 0x07, 0x3E, len(blocks) // 4)
        self.left = cut_after

    async def inventory(self) -> frozenset[str]:
        return frozenset({UID})

    async def read_tag(self, uid: str) -> TagMemory:
        return self.tag

    async def read_all(self, uid: str) -> TagMemory:
        return self.tag

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        if not self.left:
            raise TagGone("the tag went")
        self.left -= 1
        at = start * block_size
        self.tag = replace(self.tag, blocks=self.tag.blocks[:at] + data + self.tag.blocks[at + len(data) :])

    async def write_dsfid(self, uid: str, dsfid: int) -> None:
        self.tag = replace(self.tag, dsfid=dsfid)

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        self.tag = replace(self.tag, afi=afi)
        return AfiResult("verified", afi)

    async def lock_blocks(self, uid: str, start: int, count: int) -> None:
        raise TagGone("not here")

    async def eas(self, uid: str) -> EasResult:
        return EasResult(None, "not here")

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        return EasResult(None, "not here")

    async def info(self) -> object:
        return None


def part2(item: str) -> bytes:
    return iso28560_2.encode({1: item, 3: "DE-290", 5: b"\x10"}, size=112).memory


def station(pad: CutPad, path: Path, model: str = "iso28560-3") -> TagStation:
    rules = replace(RULES, model=model)  # type: ignore[arg-type]  # one of the two
    return TagStation(pad, rules, Journal(path / "row.jsonl"))  # type: ignore[arg-type]  # its info is never asked for


@pytest.mark.parametrize("cut", range(1, 8))
async def test_a_conversion_that_was_cut_is_brought_to_where_it_was_going(tmp_path: Path, cut: int) -> None:
    pad = CutPad(part2("30000001"), cut)
    result = await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")
    assert result.outcome == "gone"
    pad.left = 1000

    result = await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")
    found = identify(pad.tag)
    assert result.outcome == "written"
    assert isinstance(found, TagContent)
    assert (found.model, found.item, pad.tag.dsfid) == ("iso28560-3", "30000001", 0x3E)


@pytest.mark.parametrize(
    "later", [part2("77777777"), encode_block(BasicBlock("77777777", "DE-290"), 112), bytes(112)]
)
async def test_a_tag_that_was_written_since_is_not_taken_back_to_the_old_item(
    tmp_path: Path, later: bytes
) -> None:
    pad = CutPad(part2("30000001"), 3)
    await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")
    pad.tag, pad.left = replace(pad.tag, blocks=later), 1000

    result = await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")
    found = identify(pad.tag)
    if any(later):
        assert isinstance(found, TagContent)
        assert (found.model, found.item) == ("iso28560-3", "77777777")
    else:
        assert (result.outcome, result.why) == ("refused", "nothing-to-convert")
        assert pad.tag.blocks == later


async def test_a_block_that_was_torn_in_the_write_is_mended(tmp_path: Path) -> None:
    pad = CutPad(part2("30000001"), 4)
    await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")
    torn = bytearray(pad.tag.blocks)
    torn[12:16] = b"\xde\xad\xbe\xef"
    pad.tag, pad.left = replace(pad.tag, blocks=bytes(torn)), 1000

    assert (await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")).outcome == "written"
    assert getattr(identify(pad.tag), "item", "") == "30000001"


async def test_a_tag_that_was_cut_off_in_one_book_is_not_written_for_another(tmp_path: Path) -> None:
    pad = CutPad(bytes(112), 3)
    assert (await station(pad, tmp_path).program(UID, OURS)).outcome == "gone"
    pad.left = 1000
    other = await station(pad, tmp_path).program(UID, Wanted("30000002", "DE-290"))
    assert (other.outcome, other.why) == ("refused", "other-begun")
    assert "30000001" in other.seen

    assert (await station(pad, tmp_path).program(UID, OURS)).outcome == "written"
    assert getattr(identify(pad.tag), "item", "") == "30000001"


async def test_one_item_is_not_written_onto_two_tags_unless_somebody_says_why(tmp_path: Path) -> None:
    first = CutPad(bytes(112))
    assert (await station(first, tmp_path).program(UID, OURS)).outcome == "written"
    second = CutPad(bytes(112))
    again = station(second, tmp_path)
    second.tag = replace(second.tag, uid="E00401000000000B")

    refused = await again.program("E00401000000000B", OURS)
    assert (refused.outcome, refused.why) == ("refused", "written-before")
    assert UID in refused.seen
    assert (await again.program("E00401000000000B", OURS, reason="the first is torn")).outcome == "written"


async def test_what_would_be_read_as_something_else_is_not_written(tmp_path: Path) -> None:
    pad = CutPad(bytes(112))
    result = await station(pad, tmp_path).program(UID, Wanted("30000001", "DE290"))

    assert (result.outcome, result.why) == ("refused", "misread")
    assert "of DE-290" in result.seen
    assert not any(pad.tag.blocks)


def test_a_locked_block_behind_the_item_is_left_alone_and_the_item_is_written() -> None:
    memory = TagMemory(
        UID, bytes(80) + b"VENDOR DATA OF SOME SYSTEM......", 4, 7, 0x3E, 28, frozenset(range(20, 28))
    )
    said = judge(memory, OURS, RULES, forced=True)
    assert isinstance(said, Write)
    assert len(said.image) == 36

    inside = replace(memory, locked=frozenset({3}), blocks=bytes(12) + b"LOCK" + bytes(96))
    refused = judge(inside, OURS, RULES, forced=True)
    assert isinstance(refused, Refused)
    assert refused.why == "locked"


# --- tags of others -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (encode_block(BasicBlock("99999999", "DK-718500"), 112), "foreign"),
        (encode_block(BasicBlock("P1", "DE-290", usage=8), 112), "patron-card"),
    ],
)
async def test_a_tag_of_somebody_else_in_the_stack_is_not_converted(
    tmp_path: Path, content: bytes, why: str
) -> None:
    pad = CutPad(content)
    result = await station(pad, tmp_path).convert(UID, "iso28560-2", "DE-290")

    assert (result.outcome, result.why) == ("refused", why)
    assert pad.tag.blocks == content


async def test_a_legacy_tag_has_no_isil_and_is_converted(tmp_path: Path) -> None:
    pad = CutPad(
        bytes.fromhex("0411000132303039303130313031323300000000ffffffff7fffffff00000000").ljust(112, b"\0")
    )
    result = await station(pad, tmp_path).convert(UID, "iso28560-3", "DE-290")

    assert result.outcome == "written"
    assert getattr(identify(pad.tag), "owner", "") == "DE-290"


async def test_a_tag_that_holds_its_item_and_lacks_its_storage_format_gets_it(tmp_path: Path) -> None:
    pad = CutPad(part2("30000001"))
    result = await station(pad, tmp_path, "iso28560-2").program(UID, OURS)

    assert (result.outcome, pad.tag.dsfid, pad.tag.blocks) == ("already", 0x06, part2("30000001"))
