"""3M frames and answers, byte for byte: the published ones, any cut of the line, and what does not fit."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_bridge.errors import (
    DeviceRefused,
    FrameError,
    RfCommError,
    TagError,
    TagGone,
    TagLocked,
    TagWriteFailed,
)
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import Frame, Parser, encode

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "rfid-vectors.json").read_text(encoding="utf-8")
)
UID, OTHER = "E004015000000000", "E004015000000001"


@pytest.mark.parametrize(
    "entry",
    [one for one in VECTORS if one["standard"] == "3M 210/810 frame"],
    ids=lambda one: str(one["hex"]),
)
def test_a_published_frame_is_read_and_made_again(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["hex"])
    [frame] = Parser().feed(raw)

    assert encode(frame) == raw


def test_the_published_inventory_is_ours_with_its_crc() -> None:
    [entry] = [one for one in VECTORS if "CRC left XX" in one["standard"]]

    assert encode(commands.inventory()).hex() == entry["hex"] + "fa40"


@given(
    st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=60), st.booleans()), max_size=4),
    st.data(),
)
def test_frames_are_found_however_the_line_cuts_them(frames: list[Frame], data: st.DataObject) -> None:
    raw = b"".join(map(encode, frames))
    parser, found, at = Parser(), [], 0
    while at < len(raw):
        size = data.draw(st.integers(1, len(raw) - at))
        found += parser.feed(raw[at : at + size])
        at += size

    assert found == frames


@given(st.binary(max_size=20), st.binary(max_size=60))
@example(rubbish=bytes.fromhex("d60050"), payload=b"a beginning that promises 80 bytes")
@example(rubbish=bytes.fromhex("d50005ffff11"), payload=b"")
def test_a_frame_behind_rubbish_is_found_when_the_line_is_quiet(rubbish: bytes, payload: bytes) -> None:
    frame, parser = Frame(0xFE, payload), Parser()
    found = parser.feed(rubbish + encode(frame))
    found += parser.salvage()

    assert frame in found


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x02, DeviceRefused),
        (0x06, TagGone),
        (0x11, TagError),
        (0x12, TagLocked),
        (0x15, RfCommError),
        (0x16, TagWriteFailed),
        (0x21, TagError),
        (0x30, DeviceRefused),
        (0x77, DeviceRefused),
    ],
)
def test_an_error_code_has_its_name(code: int, kind: type[Exception]) -> None:
    assert type(words.error_of(code, "reading a tag")) is kind


BROKEN = {
    "inventory of another AFI": lambda: commands.parse_inventory(b"\x07\x05\0"),
    "inventory cut": lambda: commands.parse_inventory(b"\0\x05\x02" + bytes(8)),
    "version": lambda: commands.parse_version(b"123"),
    "other tag": lambda: commands.parse_mine(UID, bytes.fromhex(OTHER)),
    "byte": lambda: commands.parse_byte(b""),
    "done": lambda: commands.parse_done(b"12"),
    "no tag info": lambda: commands.parse_tag_info(b""),
    "tag info": lambda: commands.parse_tag_info(b"\x0f\0\0"),
    "other blocks": lambda: commands.parse_blocks(b"\x01\x02\0abcd", 3, 1, 4),
    "fewer blocks": lambda: commands.parse_blocks(b"\x01\x02\0abcd", 2, 2, 4),
    "pass through": lambda: commands.parse_pass_through(b"\0\0\x05ab"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_answer_that_does_not_fit_its_question_is_a_frame_error(what: str) -> None:
    with pytest.raises(FrameError):
        BROKEN[what]()


def test_a_block_with_a_state_that_is_no_lock_was_not_read() -> None:
    with pytest.raises(RfCommError, match="state 15"):
        commands.parse_blocks(b"\x01\x02\x15abcd", 2, 1, 4)


def test_a_frame_that_is_too_long_is_not_made() -> None:
    with pytest.raises(ValueError, match="longer than"):
        encode(Frame(0x04, bytes(3000)))
