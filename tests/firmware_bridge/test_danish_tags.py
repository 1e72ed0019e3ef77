"""ISO 28560-3 tags: published vectors, round trips, and bytes that are nothing."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import (
    BasicBlock,
    BlankTag,
    DamagedTag,
    ForeignTag,
    ItemTag,
    PatronTag,
    SecurityBits,
    UnknownTag,
    decode_block,
    decode_tag,
    encode_block,
)
from firmware_bridge.tags.crc import ccitt_false, mcrf4xx, x25
from firmware_bridge.tags.danish import Extension, NotDanish, block_crc

VECTORS = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
BLOCKS = [v for v in VECTORS if v["standard"].startswith("ISO 28560-3") and "CRC" not in v["standard"]]
OURS = frozenset({"XX-TLF"})

items = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=16)
owners = st.from_regex(r"([A-Z]{2}|[A-Z]|[A-Za-z]{3,4})-[A-Za-z0-9/:-]{1,6}", fullmatch=True)
extensions = st.lists(
    st.builds(Extension, st.integers(2, 300), st.binary(max_size=12)), max_size=2
).map(tuple)  # fmt: skip
contents = st.builds(
    BasicBlock,
    item=items,
    owner=owners,
    usage=st.integers(0, 15),
    parts=st.integers(1, 255),
    part=st.integers(1, 255),
    order=st.sampled_from(["plain", "blocks-reversed", "nibbles-swapped", "both"]),
    extensions=extensions,
)


def memory(blocks: bytes, afi: int | None = 0x07) -> TagMemory:
    return TagMemory("E004015000000001", blocks, 4, afi, 0x3E, 28)


def intact(**changes: object) -> bytes:
    return encode_block(BasicBlock(**{"item": "30000001", "owner": "XX-TLF", **changes}), 112)  # type: ignore[arg-type]  # keywords of a dataclass


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda v: v["source"][:40])
def test_published_tags_are_read_and_written_back_to_the_byte(vector: dict[str, object]) -> None:
    data = bytes.fromhex(str(vector["hex"]))
    decoded = vector["decoded"]
    assert isinstance(decoded, dict)

    found = decode_block(data)

    assert isinstance(found, BasicBlock)
    assert decoded["pii"] == found.item
    assert data == encode_block(found, len(data))


def test_the_three_checksums_give_the_published_values() -> None:
    assert ccitt_false(b"RFID tag data model") == 0x1AEE
    assert mcrf4xx(b"123456789") == 0x6F91
    assert x25(bytes.fromhex("260100")).to_bytes(2, "little").hex() == "f60a"


@given(contents)
def test_what_is_written_is_read_again(content: BasicBlock) -> None:
    if content.usage == 1:  # 11 turned round is 11
        unturned = {"nibbles-swapped": "plain", "both": "blocks-reversed"}
        content = replace(content, order=unturned.get(content.order, content.order))  # type: ignore[arg-type]  # of the literal

    written = encode_block(content, 112)
    found = decode_block(written)

    assert isinstance(found, BasicBlock)
    assert content == replace(found, rest=b"")
    assert written == encode_block(found, 112)


@given(
    st.builds(BasicBlock, item=items, owner=st.just("DE-705"), usage=st.integers(0, 15)), st.integers(35, 112)
)
def test_a_tag_of_32_bytes_and_any_larger_one_say_the_same(content: BasicBlock, size: int) -> None:
    short, full = decode_block(encode_block(content, 32)), decode_block(encode_block(content, size))

    assert isinstance(short, BasicBlock)
    assert isinstance(full, BasicBlock)
    assert (short.item, short.owner) == (full.item, full.owner) == (content.item, content.owner)


@given(contents, st.integers(0, 33), st.integers(0, 7))
def test_one_flipped_bit_of_the_basic_block_is_never_read_as_an_intact_tag(
    content: BasicBlock, byte: int, bit: int
) -> None:
    data = bytearray(encode_block(content, 112))
    data[byte] ^= 1 << bit
    if content.order in ("blocks-reversed", "both") and byte >= 32:
        return  # bytes 34 and 35 of a reversed tag lie there; they are no part of the basic block

    assert isinstance(decode_block(bytes(data)), NotDanish)


def test_a_tag_with_swapped_nibbles_is_recognised_and_rewritten_as_it_was() -> None:
    swapped = intact(usage=2, order="nibbles-swapped")

    found = decode_block(swapped)

    assert isinstance(found, BasicBlock)
    assert (found.usage, found.order) == (2, "nibbles-swapped")
    assert swapped == encode_block(found, 112)


def test_an_extension_that_is_unknown_or_torn_is_kept_to_the_byte() -> None:
    torn = b"\x09\x02\x00\xffabcde"
    tag = intact(extensions=(Extension(777, b"of a vendor"),), rest=torn)

    found = decode_block(tag)

    assert isinstance(found, BasicBlock)
    assert found.extensions == (Extension(777, b"of a vendor"),)
    assert found.rest.startswith(torn)
    assert tag == encode_block(found, 112)


def test_an_announced_long_item_id_that_is_missing_is_no_item() -> None:
    tag = bytearray(intact())
    tag[3:19] = b"\x01" + bytes(15)
    tag[19:21] = block_crc(bytes(tag)).to_bytes(2, "little")

    assert isinstance(decode_tag(memory(bytes(tag)), OURS, SecurityBits()), UnknownTag)


@pytest.mark.parametrize("spelled", ["XX-TLF", "xx-tlf", "XXTLF"])
def test_an_owner_is_ours_however_the_hyphen_and_the_case_are(spelled: str) -> None:
    assert isinstance(decode_tag(memory(intact(owner=spelled)), OURS, SecurityBits()), ItemTag)


def test_blocks_of_eight_bytes_are_turned_as_blocks_of_eight() -> None:
    tag = encode_block(BasicBlock("30000001", "XX-TLF", order="both", usage=2), 112, 8)

    found = decode_block(tag, 8)

    assert isinstance(found, BasicBlock)
    assert (found.order, found.item) == ("both", "30000001")
    assert tag == encode_block(found, 112, 8)


def test_an_item_id_over_sixteen_characters_stands_in_the_library_extension() -> None:
    long = "LONG-ITEM-NUMBER-0001"
    tag = intact(item=long, extensions=(Extension(1, b"\x01" + long.encode() + b"\0"),))

    found = decode_block(tag)

    assert isinstance(found, BasicBlock)
    assert found.item == long


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"item": "x" * 17}, "extension"),
        ({"owner": "XX-" + "y" * 20}, "longer than"),
        ({"usage": 16}, "nibbles"),
        ({"parts": 256}, "bytes"),
        ({"item": "a\nb"}, "control"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_byte_is_made(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        intact(**change)


def test_a_tag_is_what_it_is_for_the_library() -> None:
    bits = SecurityBits()
    torn = bytearray(intact())
    torn[5] ^= 0xFF

    assert isinstance(decode_tag(memory(bytes(64)), OURS, bits), BlankTag)
    assert isinstance(decode_tag(memory(bytes(torn)), OURS, bits), DamagedTag)
    assert isinstance(decode_tag(memory(b"\xd2\x01" * 32), OURS, bits), UnknownTag)
    assert isinstance(decode_tag(memory(intact(usage=8)), OURS, bits), PatronTag)
    assert isinstance(decode_tag(memory(intact(owner="DE-705")), OURS, bits), ForeignTag)
    assert isinstance(decode_tag(memory(intact(item="")), OURS, bits), BlankTag)
    assert isinstance(decode_tag(memory(b"\x11\x01"), OURS, bits), UnknownTag)


@pytest.mark.parametrize(
    ("afi", "security"), [(0x07, "secured"), (0xC2, "unsecured"), (0x00, "unknown"), (None, "unknown")]
)
def test_only_the_agreed_afi_says_unsecured(afi: int | None, security: str) -> None:
    found = decode_tag(memory(intact(), afi), OURS, SecurityBits())

    assert isinstance(found, ItemTag)
    assert security == found.security


def test_twenty_thousand_mutated_tags_never_raise() -> None:
    rng = random.Random(28560)
    base = intact(extensions=(Extension(4, b"Title"),))
    kinds = set()
    for n in range(20_000):
        data = bytearray(base[: rng.randrange(len(base) + 1)]) if n % 7 == 0 else bytearray(base)
        for _ in range(rng.randrange(1, 6)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        if n % 2 and len(data) >= 34:
            data[19:21] = block_crc(bytes(data)).to_bytes(2, "little")
        kinds.add(type(decode_tag(memory(bytes(data)), OURS, SecurityBits())).__name__)

    assert kinds >= {"ItemTag", "ForeignTag", "DamagedTag", "UnknownTag", "PatronTag"}
