"""ISO 28560-2: the published tags, any content round and round, and one element changed among locked ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_bridge.explain import iso15962 as explained_bare
from firmware_bridge.explain import iso28560_2 as explained
from firmware_bridge.tags import isil
from firmware_bridge.tags.datasets import DataSet, DataSetError, encode_length, scan
from firmware_bridge.tags.elements import (
    Element,
    SetInformation,
    read_content,
    read_set,
    usage_words,
    write_content,
    write_set,
)
from firmware_bridge.tags.iso15962 import Compaction, CompactionError, choose
from firmware_bridge.tags.iso15962 import decode as expand
from firmware_bridge.tags.iso15962 import encode as compact
from firmware_bridge.tags.iso28560_2 import NotPart2, Part2, decode, encode

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
BARE = [one for one in VECTORS if one["standard"].startswith("ISO/IEC 15962")]
ISILS = [one for one in VECTORS if one["standard"] == "ISO 28560-2 ISIL compaction"]
ANNEX_D = bytes.fromhex("9100051cbe991a140201d0140204b34607441cb6e2e335d6830207acc09ebaa06f6b0000")
WITH_TITLE = bytes.fromhex(
    "9100051cbe991a140202d002140204b3c60207441cb6e2e335d600000307acc09ebaa06f6b7f020474657374"
)
PII, CP, ISIL, SET, USAGE, SHELF, TITLE = (
    Element.PRIMARY_ITEM_IDENTIFIER, Element.CONTENT_PARAMETER, Element.OWNER_INSTITUTION,
    Element.SET_INFORMATION, Element.TYPE_OF_USAGE, Element.SHELF_LOCATION, Element.TITLE,
)  # fmt: skip
FULL: dict[int, str | bytes] = {PII: "123456789012", ISIL: "US-InU-Mu", SET: "1203", SHELF: "QA268.L55"}

TEXT = st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable())
ISIL_TEXT = st.text("ABCXYZabcxyz0189-/:", min_size=1, max_size=16)
FREE = [
    one for one in Element
    if one not in (0, PII, CP, ISIL, SET, USAGE, Element.MEDIA_FORMAT_OTHER, Element.SUPPLY_CHAIN_STAGE)
]  # fmt: skip


@st.composite
def contents(draw: st.DrawFn) -> dict[int, str | bytes]:
    values: dict[int, str | bytes] = {PII: draw(TEXT)}
    values |= draw(st.dictionaries(st.sampled_from(FREE), TEXT, max_size=4))
    if draw(st.booleans()):
        values[ISIL] = draw(ISIL_TEXT)
    if draw(st.booleans()):
        values[USAGE] = bytes((draw(st.integers(0, 255)),))
    if draw(st.booleans()):
        values[SET] = write_set(SetInformation(draw(st.integers(1, 999)), draw(st.integers(1, 999))))
    return values


@pytest.mark.parametrize("vector", BARE, ids=lambda one: f"{one['standard'][-2]}-{one['decoded']}")
def test_each_published_text_is_compacted_and_expanded(vector: dict[str, Any]) -> None:
    code = Compaction(int(vector["standard"][-2]))

    assert expand(bytes.fromhex(vector["hex"]), code) == vector["decoded"]
    assert compact(vector["decoded"], code).hex() == vector["hex"]


@pytest.mark.parametrize("vector", ISILS, ids=lambda one: str(one["decoded"]))
def test_each_published_isil_is_compacted_and_expanded(vector: dict[str, Any]) -> None:
    assert isil.decode(bytes.fromhex(vector["hex"])) == vector["decoded"]
    assert isil.encode(vector["decoded"]).hex() == vector["hex"]


def test_the_example_of_annex_d_is_read_and_made() -> None:
    found = decode(ANNEX_D, 4, frozenset({0, 1, 6, 7, 8}))

    assert isinstance(found, Part2)
    assert (found.item, found.owner, found.set, found.text(SHELF)) == (
        "123456789012", "US-InU-Mu", SetInformation(12, 3), "QA268.L55",
    )  # fmt: skip
    assert [(one.oid, one.locked) for one in found.elements] == [
        (1, True), (2, False), (4, False), (6, False), (3, True),
    ]  # fmt: skip
    made = encode(FULL, size=36, lock=frozenset({PII, ISIL}))
    assert (made.memory, made.locked) == (ANNEX_D, {0, 1, 6, 7, 8})


def test_a_tag_with_an_element_above_14_is_read_and_made() -> None:
    found = decode(WITH_TITLE)

    assert isinstance(found, Part2)
    assert (found.text(TITLE), found.problems) == ("test", ())
    made = encode(
        FULL | {TITLE: "test"}, size=44, lock=frozenset({PII, ISIL, TITLE}), codes={TITLE: Compaction.UTF8}
    )
    assert (made.memory, made.locked) == (WITH_TITLE, {0, 1, 7, 8, 9, 10})


def test_a_tag_with_the_item_alone_has_no_content_parameter() -> None:
    made = encode({PII: "123456789012"}, size=8, lock=frozenset({PII}))

    assert made.memory.hex() == "9100051cbe991a14"


@given(st.text(max_size=80))
def test_any_text_comes_back_from_the_scheme_that_is_chosen_for_it(text: str) -> None:
    assume(not any(0xD800 <= ord(letter) < 0xE000 for letter in text))

    assert expand(compact(text), choose(text)) == text


@given(
    st.text("0123456789", min_size=1, max_size=30) | st.text(" !09AZ_@", max_size=20),
    st.sampled_from(list(Compaction)[1:]),
)
def test_a_scheme_gives_a_text_back_or_refuses_it(text: str, code: Compaction) -> None:
    try:
        data = compact(text, code)
    except ValueError:
        return
    assert expand(data, code) == text


@pytest.mark.parametrize("text", ["K825.6", "0123-4567", "A0B1"])
def test_digits_survive_six_bits(text: str) -> None:
    assert choose(text) is Compaction.SIX_BIT
    assert expand(compact(text), Compaction.SIX_BIT) == text


def test_what_no_writer_makes_is_told_with_its_offset() -> None:
    with pytest.raises(CompactionError) as numeric:
        expand(bytes.fromhex("12a4"), Compaction.NUMERIC)
    with pytest.raises(CompactionError) as utf8:
        expand(b"abc\xff", Compaction.UTF8)

    assert (numeric.value.offset, utf8.value.offset) == (1, 3)


@given(ISIL_TEXT)
def test_any_isil_comes_back(text: str) -> None:
    assert isil.decode(isil.encode(text)) == text


@given(st.binary(max_size=20))
def test_any_bytes_are_some_isil(data: bytes) -> None:
    assert isil.LETTERS.issuperset(isil.decode(data))


@given(contents(), st.sampled_from([1, 2, 4, 8]), st.data())
def test_any_content_comes_back_and_locks_are_whole_blocks(
    values: dict[int, str | bytes], block_size: int, data: st.DataObject
) -> None:
    lock = frozenset(data.draw(st.sets(st.sampled_from(sorted(values)))))
    made = encode(values, size=2048, block_size=block_size, lock=lock)

    found = decode(made.memory, block_size, made.locked)

    assert isinstance(found, Part2)
    assert found.problems == ()
    assert {one.oid: one.value for one in found.elements if one.oid != CP} == values
    assert {one.oid for one in found.elements if one.locked} == lock
    assert read_content(bytes(found.get(CP) or b"")) == tuple(sorted(oid for oid in values if oid >= 3))  # type: ignore[arg-type]  # a content parameter is bytes


def test_an_integer_of_any_length_is_read_or_refused() -> None:
    with pytest.raises(CompactionError) as long:
        expand(b"\xff" * 2000, Compaction.INTEGER)

    assert long.value.offset == 32
    assert not explained_bare.explain(b"\xff", compaction=9).valid


@pytest.mark.parametrize(
    ("memory", "reason", "offset"),
    [
        ("00" * 32, "blank", 0),
        ("1105", "structure", 1),
        ("110a0102", "structure", 1),
        ("10", "structure", 0),
        ("0001", "structure", 0),
        ("9100", "structure", 2),
    ],
)
def test_memory_that_is_no_part_2_says_why_and_where(memory: str, reason: str, offset: int) -> None:
    found = decode(bytes.fromhex(memory))

    assert isinstance(found, NotPart2)
    assert (found.reason, found.offset) == (reason, offset)


def test_a_tag_that_breaks_off_behind_its_item_still_gives_the_item() -> None:
    found = decode(ANNEX_D[:20])

    assert isinstance(found, Part2)
    assert found.item == "123456789012"
    assert [at for _, at in found.problems] == [16, 8]


@pytest.mark.parametrize("code", [0, 6])
def test_type_of_usage_is_read_in_both_codes_of_the_field(code: int) -> None:
    found = decode(bytes.fromhex("1105" + "1cbe991a14") + bytes((code << 4 | 5, 1, 0x81)))

    assert isinstance(found, Part2)
    assert found.usage == 0x81
    assert usage_words(0x81) == "patron card, adult"


def test_an_element_that_is_not_assigned_is_kept() -> None:
    unknown = DataSet(29, Compaction.OCTET, b"x").encode()
    found = decode(bytes.fromhex("9100051cbe991a14") + unknown)

    assert isinstance(found, Part2)
    assert [(one.name, one.value) for one in found.elements][-1] == ("not_assigned_29", "x")


@pytest.mark.parametrize("oid", [1, 14, 15, 17, 26, 270])
@pytest.mark.parametrize("length", [0, 1, 127, 128, 200, 1000])
@pytest.mark.parametrize("pads", [None, 0, 3])
def test_any_data_set_comes_back(oid: int, length: int, pads: int | None) -> None:
    one = DataSet(oid, Compaction.FIVE_BIT, bytes(length), pads)

    assert [placed.set for placed in scan(one.encode())] == [one]


def test_a_data_set_that_is_longer_than_any_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="16384 bytes"):
        encode_length(16_384)
    with pytest.raises(DataSetError, match="more than 16383"):
        list(scan(bytes.fromhex("11ffff01")))


@given(st.sets(st.integers(3, 26)))
def test_a_content_parameter_comes_back(oids: set[int]) -> None:
    assert read_content(write_content(frozenset(oids))) == tuple(sorted(oids))


@given(st.integers(0, 999), st.integers(0, 999))
def test_set_information_comes_back(parts: int, part: int) -> None:
    assert read_set(write_set(SetInformation(parts, part))) == SetInformation(parts, part)


def test_too_much_for_a_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit on a tag of 8"):
        encode(FULL, size=8)
    with pytest.raises(ValueError, match="set information"):
        encode({PII: "1", SET: "123"}, size=112)
    with pytest.raises(ValueError, match="one octet"):
        encode({PII: "1", USAGE: b"\x01\x02"}, size=112)


def test_a_tag_is_explained_element_by_element() -> None:
    said = explained.explain(WITH_TITLE)

    assert said.valid
    assert list(said.fields)[:6] == [
        "primary_item_identifier", "content_parameter", "set_information", "shelf_location",
        "owner_institution", "title",
    ]  # fmt: skip
    assert said.fields["content_parameter"] == [
        "owner_institution",
        "set_information",
        "shelf_location",
        "title",
    ]
    broken = explained.explain(ANNEX_D[:3] + b"\x00\x00\x00")
    assert [problem.offset for problem in broken.problems] == [2]
