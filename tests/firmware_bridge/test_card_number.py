"""The patron card's number, from whatever a library wrote on its cards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.card_number import CardFile, CardRefused, Encoding, number

UID = "04A1B210250180"
ENCODINGS: tuple[Encoding, ...] = ("ascii", "bcd", "hex", "le-decimal", "be-decimal")


def test_a_card_without_any_settings_is_known_by_its_uid() -> None:
    assert number(CardFile(), b"", UID) == UID


@pytest.mark.parametrize(
    ("file", "data", "wanted"),
    [
        (CardFile("blocks", encoding="ascii"), b"P0012345\0\0\0\0", "P0012345"),
        (CardFile("blocks", offset=4, size=8, encoding="ascii"), b"LIB:00123456", "00123456"),
        (CardFile("blocks", encoding="ascii", strip="0"), b"0012345\xff", "12345"),
        (CardFile("blocks", encoding="bcd"), bytes.fromhex("0012345F"), "0012345"),
        (CardFile("blocks", encoding="hex"), bytes.fromhex("00ab"), "00AB"),
        (CardFile("blocks", encoding="le-decimal", digits=6), bytes.fromhex("39300000"), "012345"),
        (CardFile("blocks", encoding="be-decimal"), bytes.fromhex("00003039"), "12345"),
        (CardFile("uid", size=4, encoding="le-decimal"), b"", str(0x10B2A104)),
    ],
)
def test_a_number_is_read_as_the_library_wrote_it(file: CardFile, data: bytes, wanted: str) -> None:
    assert number(file, data, UID) == wanted


@pytest.mark.parametrize(
    ("file", "data", "reason"),
    [
        (CardFile("blocks", size=8, encoding="ascii"), b"P001", "not there"),
        (CardFile("blocks", encoding="ascii"), bytes(8), "blank"),
        (CardFile("blocks", encoding="le-decimal"), b"\xff\xff\xff\xff", "blank"),
        (CardFile("blocks", encoding="ascii"), b"P\x01", "not text"),
        (CardFile("blocks", encoding="bcd"), b"\x1a\x23", "not packed digits"),
        (CardFile("blocks", encoding="ascii", strip="0"), b"0000", "blank"),
    ],
)
def test_a_card_that_does_not_hold_its_number_says_why(file: CardFile, data: bytes, reason: str) -> None:
    found = number(file, data, UID)

    assert isinstance(found, CardRefused)
    assert reason in found.reason


@given(st.binary(max_size=40), st.sampled_from(ENCODINGS), st.integers(0, 20), st.integers(0, 20))
def test_no_card_breaks_the_reading_and_a_number_is_never_empty(
    data: bytes, encoding: Encoding, offset: int, size: int
) -> None:
    found = number(CardFile("blocks", offset=offset, size=size, encoding=encoding), data, UID)

    assert isinstance(found, CardRefused) or found


@given(st.integers(1, 2**63))
def test_a_whole_number_is_read_back_in_either_byte_order(value: int) -> None:
    big = CardFile("blocks", encoding="be-decimal", offset=0, size=0)
    little = CardFile("blocks", encoding="le-decimal", offset=0, size=0)
    bcd = CardFile("blocks", encoding="bcd")
    packed = bytes.fromhex(str(value) + "F" * (len(str(value)) % 2))

    if {*value.to_bytes(8, "big")} - {0, 255}:
        assert number(big, value.to_bytes(8, "big"), UID) == str(value)
        assert number(little, value.to_bytes(8, "little"), UID) == str(value)
    assert number(bcd, packed, UID) == str(value)
