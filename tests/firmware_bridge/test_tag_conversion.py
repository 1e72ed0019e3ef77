"""One model of item tag made from another: cut anywhere, seen, mended, and nothing that it said is lost."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tag_models import ANNEX_D, ITEMS, LEGACY, tag

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import extensions, iso28560_2
from firmware_bridge.tags.convert import NoPlan, Plan, Target, elements_of, plan, planned
from firmware_bridge.tags.danish import BasicBlock, Extension, encode_block
from firmware_bridge.tags.elements import Element
from firmware_bridge.tags.reading import NoContent, TagContent, identify


def after(memory: TagMemory, writes: Any, count: int) -> TagMemory:
    content = bytearray(memory.blocks)
    for write in writes[:count]:
        content[write.block * 4 : write.block * 4 + 4] = write.data
    return replace(memory, blocks=bytes(content))


@st.composite
def convertible(draw: st.DrawFn) -> tuple[TagMemory, Target]:
    item, owner = draw(ITEMS), draw(st.sampled_from(["DK-718500", "DE-290", "US-InU-Mu"]))
    title = draw(st.text("abc XYZ", max_size=12).map(str.strip))
    kind = draw(st.sampled_from(["2", "3", "legacy"]))
    if kind == "2":
        values: dict[int, str | bytes] = {
            Element.PRIMARY_ITEM_IDENTIFIER: item, Element.OWNER_INSTITUTION: owner,
            Element.TYPE_OF_USAGE: b"\x10",
        }  # fmt: skip
        values |= {Element.TITLE: title} if title else {}
        return tag(iso28560_2.encode(values, size=112).memory), "iso28560-3"
    if kind == "3":
        blocks = (extensions.write(4, {"title": title}),) if title else ()
        return tag(encode_block(BasicBlock(item, owner, extensions=blocks), 112)), "iso28560-2"
    memory = bytearray(LEGACY)
    memory[4:20] = item.encode().ljust(16, b"\0")
    return tag(bytes(memory)), draw(st.sampled_from(["iso28560-2", "iso28560-3"]))


@given(convertible())
def test_a_conversion_that_is_cut_anywhere_is_seen_and_mended(case: tuple[TagMemory, Target]) -> None:
    memory, target = case
    before = identify(memory)
    made = plan(memory, target, owner="DE-290")
    assert isinstance(made, Plan), made
    assert isinstance(before, TagContent)

    for count in range(1, len(made.writes)):
        cut = after(memory, made.writes, count)
        assert isinstance(identify(cut), NoContent), count
        mend = planned(cut, made.image, target)
        assert isinstance(mend, Plan)
        assert after(cut, mend.writes, len(mend.writes)).blocks[: len(made.image)] == made.image

    done = identify(after(memory, made.writes, len(made.writes)))
    assert isinstance(done, TagContent)
    assert (done.model, done.item, done.part, done.parts, done.usage) == (
        target, before.item, before.part, before.parts, before.usage,
    )  # fmt: skip
    assert done.owner == ("DE-290" if before.model == "3m501" else before.owner)


@given(convertible())
def test_what_a_tag_says_beside_its_item_is_kept(case: tuple[TagMemory, Target]) -> None:
    memory, target = case
    made = plan(memory, target, owner="DE-290")
    assert isinstance(made, Plan)
    other: Target = "iso28560-2" if target == "iso28560-3" else "iso28560-3"
    back = plan(after(memory, made.writes, len(made.writes)), other)
    assert isinstance(back, Plan)

    assert b"XYZ" not in memory.blocks or b"XYZ" in made.image or target == "iso28560-2"
    first, last = identify(memory), identify(replace(memory, blocks=back.image.ljust(112, b"\0")))
    assert isinstance(first, TagContent)
    assert isinstance(last, TagContent)
    if first.model == other:
        assert dict(elements_of(last)) == dict(elements_of(first))


@pytest.mark.parametrize(
    ("memory", "why"),
    [
        (tag(bytes(112)), "nothing-to-convert"),
        (tag(encode_block(BasicBlock("1", "DK-1"), 112)), "already"),
        (tag(LEGACY, locked=frozenset({0})), "locked"),
        (tag(ANNEX_D[:8] + bytes(20), size=28), "does-not-fit"),
    ],
)
def test_a_tag_that_cannot_be_converted_is_left_with_a_reason(memory: TagMemory, why: str) -> None:
    found = plan(memory, "iso28560-3")

    assert isinstance(found, NoPlan)
    assert found.why == why
    assert found.seen


def test_what_the_other_model_has_no_place_for_is_named() -> None:
    local = iso28560_2.encode({1: "30000001", 3: "DE-290", 15: "ours", 17: "A title"}, size=112)
    blocks = (
        extensions.write(1, {"media_format": 1}), extensions.write(4, {"title": "A title"}), Extension(300, b"x"),
    )  # fmt: skip
    made = plan(tag(local.memory), "iso28560-3")
    back = plan(tag(encode_block(BasicBlock("1", "DE-290", extensions=blocks), 112)), "iso28560-2")

    assert isinstance(made, Plan)
    assert made.left_out == ("local_data_a",)
    assert isinstance(back, Plan)
    assert back.left_out == ("media_format", "extension block 300")


def test_a_tag_that_was_read_in_part_is_not_converted() -> None:
    memory = tag(encode_block(BasicBlock("1", "DE-290"), 112))
    part = replace(memory, blocks=memory.blocks[:36])

    assert plan(part, "iso28560-2") == NoPlan("partly-read", "9 of 28 blocks were read")
