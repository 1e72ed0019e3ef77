"""FEIG frames: recorded ones, one byte at a time, and after rubbish."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import iso15693
from firmware_bridge.errors import (
    DeviceRefused,
    FrameError,
    RfCommError,
    TagError,
    TagGone,
    TagLocked,
    TagWriteFailed,
)
from firmware_bridge.feig import commands, words
from firmware_bridge.feig.frames import Frame, Parser, encode, encode_standard

VECTORS = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
FRAMES = [bytes.fromhex(v["hex"]) for v in VECTORS if v["standard"] == "FEIG OBID frame"]

frames = st.builds(Frame, st.integers(0, 255), st.binary(max_size=200), st.integers(0, 255))


@pytest.mark.parametrize("raw", FRAMES, ids=bytes.hex)
def test_recorded_frames_are_read_and_made_again(raw: bytes) -> None:
    (frame,) = Parser().feed(raw)

    again = encode(frame) if raw[0] == 0x02 else encode_standard(frame)

    assert raw == again


@given(st.lists(frames, max_size=5), st.data())
def test_frames_survive_any_cutting_into_pieces(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(map(encode, sent))
    parser, got = Parser(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += parser.feed(stream[:size])
        stream = stream[size:]

    assert sent == got


@given(st.binary(max_size=40), frames)
def test_after_rubbish_the_parser_is_in_step_again_at_the_latest_after_a_pause(
    junk: bytes, sent: Frame
) -> None:
    parser = Parser()
    parser.feed(junk)
    parser.reset()

    assert [sent] == parser.feed(encode(sent))


@given(st.binary(max_size=30), frames)
def test_behind_any_rubbish_a_frame_is_found_when_the_line_is_quiet(junk: bytes, sent: Frame) -> None:
    parser = Parser()

    got = parser.feed(junk + encode(sent))
    while more := parser.salvage():
        got += more

    assert sent in got
    assert parser.skipped + len(encode(sent)) <= len(junk) + len(encode(sent))


def test_a_quiet_line_with_half_a_frame_keeps_the_half() -> None:
    whole = encode(Frame(0x65, b"abcdefgh"))
    parser = Parser()
    parser.feed(whole[:9])

    assert parser.salvage() == []
    assert parser.pending
    assert parser.feed(whole[9:]) == [Frame(0x65, b"abcdefgh")]


@pytest.mark.parametrize(("make", "size"), [(encode, 5000), (encode_standard, 251)])
def test_a_frame_that_is_too_long_is_not_made(make: Callable[[Frame], bytes], size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        make(Frame(0xB0, bytes(size)))


def test_a_frame_with_a_broken_byte_is_counted_and_the_next_one_is_found() -> None:
    broken = bytearray(encode(Frame(0x65, b"abc")))
    broken[6] ^= 0x10
    parser = Parser()

    got = parser.feed(bytes(broken) + encode(Frame(0x66, b"ok")) + bytes(300))

    assert Frame(0x66, b"ok") in got
    assert parser.crc_errors >= 1


def test_block_bytes_are_turned_round_on_the_wire() -> None:
    sent = commands.write_blocks("E004010809B9CB12", 1, b"8765", 4)

    assert encode(sent).hex() == "020018ffb02401e004010809b9cb12010104353637383c82"


def test_system_information_is_asked_as_recorded() -> None:
    assert (
        encode(commands.system_information("E004010809B9CB12")).hex() == "020011ffb02b01e004010809b9cb120b65"
    )


@pytest.mark.parametrize(
    ("status", "payload", "kind"),
    [
        (words.NO_TAG, b"", TagGone),
        (0x83, b"", RfCommError),
        (0x02, b"", RfCommError),
        (0x03, b"", TagWriteFailed),
        (words.ISO_ERROR, b"\x13", TagWriteFailed),
        (0x80, b"", DeviceRefused),
        (0xEE, b"", DeviceRefused),
        (words.ISO_ERROR, b"\x12", TagLocked),
        (words.ISO_ERROR, b"\xa5", TagError),
        (words.ISO_ERROR, b"", TagError),
    ],
)
def test_every_status_is_a_named_error_with_a_sentence(
    status: int, payload: bytes, kind: type[Exception]
) -> None:
    error = words.error_of(status, payload, "reading a tag")

    assert isinstance(error, kind)
    assert error.seen.startswith("reading a tag: ")
    assert error.do


@pytest.mark.parametrize("code", range(256))
def test_a_tags_own_error_is_named_alike_through_a_reader_and_alone(code: int) -> None:
    through = words.error_of(words.ISO_ERROR, bytes((code,)), "locking a tag")
    alone = iso15693.error_of(code, "locking a tag")

    assert (type(through), str(through)) == (type(alone), str(alone))


def test_a_block_that_was_not_locked_properly_is_a_write_that_failed() -> None:
    assert isinstance(words.error_of(words.ISO_ERROR, b"\x14", "locking a tag"), TagWriteFailed)


@given(st.binary(max_size=60))
def test_an_answer_of_any_bytes_is_a_value_or_a_frame_error(data: bytes) -> None:
    for parse in (commands.parse_inventory, commands.parse_blocks, commands.parse_system_information):
        try:
            parse(data)
        except FrameError:
            continue
