"""What writing an item onto a tag comes to; and what a cut between any two blocks leaves behind."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.danish import BasicBlock, encode_block
from firmware_bridge.tags.reading import ItemTag, SecurityBits, decode_tag
from kiosk.tagging.journal import Journal
from kiosk.tagging.program import Already, Refused, Rules, Wanted, Write, judge
from kiosk.tagging.row import Tally, from_csv
from kiosk.tagging.shelf import Holding, compare
from kiosk.tagging.survey import Survey
from wire.errors import ConfigError

RULES = Rules(frozenset({"DK-718500"}), SecurityBits())
WANTED = Wanted("30000001", "DK-718500")
IDS = st.text("0123456789ABCDEF", min_size=1, max_size=16)
UID = "E00401008A5C982E"


def tag(
    content: BasicBlock | None = None, blocks: int = 28, locked: frozenset[int] = frozenset()
) -> TagMemory:
    memory = bytearray(blocks * 4)
    if content is not None:
        size = 36 if blocks > 8 else 32
        memory[:size] = encode_block(content, size)
    return TagMemory(UID, bytes(memory), 4, 0x07, 0, blocks, locked)


def after(memory: TagMemory, plan: Write, count: int) -> TagMemory:
    content = bytearray(memory.blocks)
    for write in plan.writes[:count]:
        content[write.block * 4 : write.block * 4 + 4] = write.data
    return replace(memory, blocks=bytes(content))


@given(
    IDS,
    st.integers(1, 9),
    st.sampled_from([8, 28]),
    st.none() | IDS,
    st.sampled_from(["DK-718500", "DE-290"]),
)
def test_wherever_writing_is_cut_the_tag_is_never_another_item(
    item: str, part: int, blocks: int, before: str | None, owner: str
) -> None:
    memory = tag(None if before is None else BasicBlock(before, owner), blocks)
    wanted = Wanted(item, "DK-718500", part, 9)
    plan = judge(memory, wanted, RULES, forced=True)
    assert isinstance(plan, Write)

    for count in range(1, len(plan.writes)):
        cut = after(memory, plan, count)
        assert not isinstance(decode_tag(cut, frozenset(), RULES.bits), ItemTag), count
        mended = judge(cut, wanted, RULES, begun=wanted)
        assert isinstance(mended, Write)
        assert after(cut, mended, len(mended.writes)).blocks[: len(plan.image)] == plan.image

    whole = after(memory, plan, len(plan.writes))
    assert judge(whole, wanted, RULES) == Already()
    found = decode_tag(whole, RULES.owners, RULES.bits)
    assert isinstance(found, ItemTag)
    assert (found.item, found.part) == (item, part)


@pytest.mark.parametrize(
    ("content", "why", "with_reason"),
    [
        (BasicBlock("30000002", "DK-718500"), "other-item", True),
        (BasicBlock("30000001", "DE-290"), "foreign", True),
        (BasicBlock("P1", "DK-718500", usage=8), "patron-card", False),
    ],
)
def test_a_tag_of_somebody_else_is_left_alone(content: BasicBlock, why: str, with_reason: bool) -> None:
    said = judge(tag(content), WANTED, RULES)

    assert isinstance(said, Refused)
    assert (said.why, said.with_reason) == (why, with_reason)
    assert isinstance(judge(tag(content), WANTED, RULES, forced=True), Write if with_reason else Refused)


def test_a_damaged_tag_is_refused_unless_this_station_broke_it() -> None:
    memory = tag(BasicBlock("30000001", "DK-718500"))
    broken = replace(memory, blocks=memory.blocks[:8] + b"XXXX" + memory.blocks[12:])

    said = judge(broken, WANTED, RULES)
    assert isinstance(said, Refused)
    assert said.why == "damaged"
    assert isinstance(judge(broken, WANTED, RULES, begun=WANTED), Write)


def test_a_locked_block_is_never_written_whatever_the_reason() -> None:
    said = judge(tag(locked=frozenset({4})), WANTED, RULES, forced=True)

    assert isinstance(said, Refused)
    assert (said.why, said.with_reason) == ("locked", False)
    assert "block 4" in said.seen


def test_a_locked_block_that_need_not_change_is_no_reason_to_refuse() -> None:
    memory = tag(BasicBlock("30000001", "DK-718500"), locked=frozenset(range(9)))

    assert judge(memory, WANTED, RULES) == Already()


def test_a_tag_that_is_too_small_says_so() -> None:
    said = judge(tag(blocks=6), WANTED, RULES)

    assert isinstance(said, Refused)
    assert "24 bytes" in said.seen


def test_a_journal_remembers_over_a_break_and_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "state" / "row.jsonl"
    journal = Journal(path)
    journal.begin(UID, WANTED, b"\x11\x22")
    journal.finish(UID, WANTED)
    other = Wanted("30000002", "DK-718500", 2, 3)
    journal.begin("E004010000000002", other, b"\0")
    journal.close()
    with path.open("a") as file:
        file.write('{"what": "do')

    again = Journal(path)

    assert again.done == {("30000001", 1): UID}
    assert again.open["E004010000000002"].wanted == other
    again.close()


def test_a_journal_that_is_something_else_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "row.jsonl"
    path.write_text("hello\nworld\n")

    with pytest.raises(ConfigError, match=r"row\.jsonl:1: not a line of a tag station"):
        Journal(path)


def test_a_list_is_read_whole_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item,part,parts\n30000001,1,2\n30000001,2,2\n")
    assert from_csv(path, "DE-290") == [
        Wanted("30000001", "DE-290", 1, 2),
        Wanted("30000001", "DE-290", 2, 2),
    ]

    path.write_text("item,part\n30000001,1\n30000002,two\n")
    with pytest.raises(ConfigError, match=r"items\.csv:3: "):
        from_csv(path, "DE-290")
    path.write_text("barcode\n1\n")
    with pytest.raises(ConfigError, match="no column `item`; there are: barcode"):
        from_csv(path, "DE-290")


def test_the_rate_counts_what_is_written_and_what_was_there() -> None:
    assert Tally(written=25, already=5, refused=9, began_ms=0, now_ms=600_000).per_hour == 180


def test_a_survey_counts_kinds_and_says_the_settings() -> None:
    survey = Survey()
    for number in range(3):
        survey.take(replace(tag(BasicBlock(f"{number}", "DK-718500")), uid=f"E00401000000000{number}"))
    survey.take(
        replace(tag(BasicBlock("9", "DK-718500"), locked=frozenset({0})), uid="E004010000000009", afi=0xC2)
    )
    survey.take(replace(tag(), uid="E00401000000000A"))

    assert [(kind.content, kind.locked, count) for kind, count in survey.rows()] == [
        ("item", "none", 3), ("item", "some", 1), ("blank", "none", 1),
    ]  # fmt: skip
    assert 'owners = ["DK-718500"]' in survey.settings()
    assert "afi_secured = 0x07  # 3 tags" in survey.settings() or "afi_secured = 0x07" in survey.settings()


def test_a_shelf_is_compared_with_what_should_stand_there() -> None:
    def seen(item: str, afi: int = 0x07, owner: str = "DK-718500") -> object:
        memory = replace(tag(BasicBlock(item, owner)), uid=f"E004{int(item):012d}", afi=afi)
        return decode_tag(memory, RULES.owners, RULES.bits)

    holdings = [
        Holding("1", "A"), Holding("2", "A"), Holding("3", "B"), Holding("4", "A", on_loan=True),
        Holding("5", "A", on_loan=True), Holding("6", "A"),
    ]  # fmt: skip
    readings = [seen("1"), seen("3"), seen("4", 0xC2), seen("6", 0xC2), seen("7"), seen("8", owner="DE-290")]

    found = compare(holdings, readings, "A")  # type: ignore[arg-type]  # readings of several kinds

    assert [(line.item, line.finding) for line in found] == [
        ("1", "here"), ("2", "missing"), ("3", "misplaced"), ("4", "on-loan"), ("4", "unsecured"),
        ("6", "unsecured"), ("7", "misplaced"), ("", "foreign"),
    ]  # fmt: skip
