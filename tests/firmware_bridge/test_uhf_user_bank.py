"""The user bank of a UHF tag: written as the standard's example, and read as it was written."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.tags.elements import ISILS, OCTETS, Element, read_content
from firmware_bridge.tags.iso28560_2 import DSFID, NotPart2, Part2, Value
from firmware_bridge.tags.iso28560_4 import decode_user, encode_user

VECTORS = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
TEXTS = [
    oid
    for oid in range(Element.OWNER_INSTITUTION, Element.LOCAL_DATA_C + 1)
    if oid not in OCTETS | ISILS | {Element.SET_INFORMATION}
]


@st.composite
def elements(draw: st.DrawFn) -> dict[int, Value]:
    letters = st.text("abcXYZ 0123-.:\x07\xe9\u0142\u4e66\U0001f4d6", min_size=1, max_size=60)
    plain = st.text("ABCXYZ0123 -.:", min_size=1, max_size=24).map(lambda text: text.strip() or "0")
    found: dict[int, Value] = dict(draw(st.dictionaries(st.sampled_from(TEXTS), letters | plain, max_size=4)))
    found |= draw(st.dictionaries(st.sampled_from(sorted(OCTETS)), st.binary(min_size=1, max_size=1)))
    isils = st.text("ABCabc0123-:/", min_size=1, max_size=16)
    found |= draw(st.dictionaries(st.sampled_from(sorted(ISILS)), isils, max_size=2))
    if draw(st.booleans()):
        found[Element.SET_INFORMATION] = draw(st.sampled_from(["11", "0312", "021001"]))
    return found


@given(elements(), st.integers(0, 40))
def test_what_was_written_is_read(values: dict[int, Value], spare: int) -> None:
    short = encode_user(values)
    for bank in (short, encode_user(values, size=len(short) + 2 * spare)):
        found = decode_user(bank)

        if not values:
            assert isinstance(found, NotPart2)
            assert found.reason == "blank"
            continue
        assert isinstance(found, Part2)
        assert not found.problems
        read = {one.oid: one.value for one in found.elements}
        content = read.pop(Element.CONTENT_PARAMETER)
        assert isinstance(content, bytes)
        assert read == values
        assert set(read_content(content)) == set(values)
    assert len(short) % 2 == 0


def test_the_published_bank_is_written_to_the_byte() -> None:
    (vector,) = [one for one in VECTORS if "MB11 user bank" in one["standard"]]
    data = bytes.fromhex(vector["hex"])
    found = decode_user(data)
    assert isinstance(found, Part2)

    values = {one.oid: one.value for one in found.elements if one.oid != Element.CONTENT_PARAMETER}
    codes = {one.oid: one.compaction for one in found.elements if one.oid != Element.CONTENT_PARAMETER}
    assert encode_user(values, codes=codes) == data
    assert data[0] == DSFID


@pytest.mark.parametrize("oid", [Element.UNIQUE_ITEM_IDENTIFIER, Element.PRIMARY_ITEM_IDENTIFIER])
def test_the_item_stands_elsewhere(oid: int) -> None:
    with pytest.raises(ValueError, match="EPC bank"):
        encode_user({oid: "30000001", Element.SHELF_LOCATION: "QA76"})


def test_what_does_not_fit_says_how_long_it_is() -> None:
    with pytest.raises(ValueError, match="22 bytes do not fit in a user bank of 16"):
        encode_user({Element.TITLE: "lower case text"}, size=16)
