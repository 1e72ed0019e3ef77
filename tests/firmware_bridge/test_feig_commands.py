"""Answers of FEIG readers as recorded from real ones, and answers that do not fit."""

import json
from pathlib import Path

import pytest

from firmware_bridge.errors import FrameError
from firmware_bridge.feig import commands, control
from firmware_bridge.feig.frames import encode

VECTORS = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
UID = "E0040100413A6D4B"


def recorded(command: str) -> tuple[bytes, dict[str, object]]:
    (vector,) = (
        v for v in VECTORS
        if v["standard"] == "FEIG OBID answer data" and v["decoded"]["command"] == command
    )  # fmt: skip
    return bytes.fromhex(vector["hex"]), vector["decoded"]


def test_a_recorded_system_information_says_size_before_count() -> None:
    data, said = recorded("B0 2B")

    found = commands.parse_system_information(data)

    assert (said["uid"], said["block_size"], said["blocks"]) == (found.uid, found.block_size, found.blocks)
    assert (found.dsfid, found.afi) == (0x3E, 0x01)


def test_a_recorded_software_version_names_the_reader() -> None:
    data, said = recorded("65")

    found = control.parse_software_version(data)

    assert ("FEIG", said["model"], "3.03") == (found.make, found.model, found.firmware)


def test_a_recorded_write_of_eleven_blocks_is_made_again() -> None:
    (raw,) = (v["hex"] for v in VECTORS if v["decoded"] == "ISO host 24 Write 11 blocks at 0")
    wire = bytes.fromhex(raw)
    blocks = wire[18:-2]
    tag = b"".join(blocks[at : at + 4][::-1] for at in range(0, len(blocks), 4))

    assert raw == encode(commands.write_blocks(UID, 0, tag, 4)).hex()
    assert tag.startswith(b"1234")


def test_a_bank_card_among_the_items_is_passed_over() -> None:
    item = bytes.fromhex("033E" + UID)
    for card in (bytes.fromhex("040000") + bytes(7), bytes.fromhex("040000") + bytes(10)):
        assert commands.parse_inventory(b"\x03" + item + card + item) == (UID, UID)


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("02033E" + UID),
        bytes.fromhex("01093E" + UID),
        bytes.fromhex("01033E" + UID + "00"),
        bytes.fromhex("01033E" + UID[:-2]),
    ],
)
def test_an_inventory_that_does_not_fit_its_own_count_is_no_inventory(data: bytes) -> None:
    with pytest.raises(FrameError, match="does not fit"):
        commands.parse_inventory(data)


def test_outputs_are_switched_by_a_record_each_in_tenths_of_a_second() -> None:
    assert control.set_outputs((1, 2), 4.0).payload.hex() == "01020101002802010028"
    assert control.set_outputs((1,), 0.0).payload.hex() == "010101010001"


@pytest.mark.parametrize("data", [b"", b"abc"])
def test_half_a_block_is_not_written(data: bytes) -> None:
    with pytest.raises(ValueError, match="whole blocks"):
        commands.write_blocks(UID, 0, data, 4)


def test_bytes_behind_the_status_of_a_write_belong_to_another_question() -> None:
    with pytest.raises(FrameError):
        commands.parse_nothing(b"\x00")
    for parse in (control.parse_device_id, control.parse_software_version):
        with pytest.raises(FrameError, match="too short"):
            parse(b"\x00")
