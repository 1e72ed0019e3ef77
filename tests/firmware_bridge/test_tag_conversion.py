"""One model of item tag made from another: cut anywhere, seen, mended, and nothing that it said is lost."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tag_models import ANNEX_D, ITEMS, LEGACY, tag

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import extensions, iso28560_2
from firmware_bridge.tags.convert import NoPlan, Plan, blocks_of, elements_of, plan, planned, statement_of
from firmware_bridge.tags.danish import BasicBlock, ByteOrder, Extension, encode_block
from firmware_bridge.tags.elements import Element
from firmware_bridge.tags.image import Target
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
    assert back.left_out == ("extension block 300",)
    assert iso28560_2.decode(back.image).get(Element.MEDIA_FORMAT_OTHER) == b"\x01"  # type: ignore[union-attr]  # it is part 2


@pytest.mark.parametrize("order", ["blocks-reversed", "nibbles-swapped", "both"])
def test_an_order_that_part_2_does_not_know_is_named_before_it_is_lost(order: ByteOrder) -> None:
    memory = tag(encode_block(BasicBlock("30000001", "DE-290", usage=2, order=order), 112))
    made = plan(memory, "iso28560-2")

    assert isinstance(made, Plan)
    assert made.left_out == (f"the order of its bytes ({order}), which part 2 does not know",)
    done = identify(replace(memory, blocks=made.image))
    assert isinstance(done, TagContent)
    assert (done.model, done.item) == ("iso28560-2", "30000001")


@pytest.mark.parametrize(("kind", "media"), [(1, 1), (2, 4), (4, 3), (5, 3), (6, 2), (9, 4), (0, 4)])
@pytest.mark.parametrize("target", ["iso28560-2", "iso28560-3"])
def test_what_kind_of_item_a_legacy_tag_is_on_is_kept(kind: int, media: int, target: Target) -> None:
    legacy = bytearray(LEGACY)
    legacy[3] = kind
    made = plan(tag(bytes(legacy)), target, owner="DE-290")

    assert isinstance(made, Plan)
    assert made.left_out == ()
    done = identify(tag(made.image, dsfid=made.dsfid))
    assert isinstance(done, TagContent)
    assert elements_of(done) == {Element.MEDIA_FORMAT_OTHER: bytes((media,))}


def test_numbers_of_a_legacy_tag_that_somebody_set_are_named() -> None:
    legacy = bytearray(LEGACY)
    legacy[20:28] = (7 << 20 | 12).to_bytes(4, "big") + (33).to_bytes(4, "big")
    made = plan(tag(bytes(legacy)), "iso28560-3", owner="DE-290")

    assert isinstance(made, Plan)
    assert made.left_out == ("branch", "custom")


def test_the_detail_of_a_usage_is_kept_by_part_2_and_named_before_part_3_loses_it() -> None:
    memory = tag(iso28560_2.encode({1: "30000001", 3: "DE-290", 5: b"\x13"}, size=112).memory)
    made = plan(memory, "iso28560-3")
    found = identify(memory)

    assert isinstance(made, Plan)
    assert made.left_out == ("detail of the type of usage",)
    assert isinstance(found, TagContent)
    assert statement_of(found).usage == 0x13


def test_an_image_that_would_read_as_something_else_is_refused() -> None:
    said = encode_block(BasicBlock("30000001", "DE-290", parts=0, part=0), 112)
    made = plan(tag(said), "iso28560-2")

    assert isinstance(made, NoPlan | Plan)
    if isinstance(made, Plan):
        done = identify(tag(made.image, dsfid=made.dsfid))
        assert isinstance(done, TagContent)
        assert (done.part, done.parts) == (0, 0)


def test_a_tag_that_was_read_in_part_is_not_converted() -> None:
    memory = tag(encode_block(BasicBlock("1", "DE-290"), 112))
    part = replace(memory, blocks=memory.blocks[:36])

    assert plan(part, "iso28560-2") == NoPlan("partly-read", "9 of 28 blocks were read")


@pytest.mark.parametrize("target", ["iso28560-2", "iso28560-3"])
def test_a_conversion_leaves_the_bytes_of_others_where_they_are(target: Target) -> None:
    theirs = b"SORTER 7"
    if target == "iso28560-3":
        content = iso28560_2.encode(
            {1: "30000001", 3: "DE-290", 17: "a long title of an item"}, size=112
        ).memory
    else:
        content = encode_block(BasicBlock("30000001", "DE-290", extensions=(Extension(4, b"t" * 40),)), 112)
    memory = tag(content[:-8] + theirs)
    made = plan(memory, target)

    assert isinstance(made, Plan)
    whole = after(memory, made.writes, len(made.writes)).blocks
    assert whole[-8:] == theirs
    found = identify(tag(whole, dsfid=made.dsfid))
    assert isinstance(found, TagContent)
    assert (found.model, found.item) == (target, "30000001")
    assert not any(whole[blocks_of(tag(whole, dsfid=made.dsfid)) * 4 : -8])
