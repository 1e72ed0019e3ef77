"""FEIG frames in words: the recorded ones, each with what its source says; broken ones with their offset."""

import json
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.explain.feig import explain
from firmware_bridge.feig import control
from firmware_bridge.feig.frames import Frame, encode, encode_standard
from firmware_bridge.tags.crc import mcrf4xx

ROOT = Path(__file__).parents[1]
VECTORS = json.loads((ROOT / "data/rfid-vectors.json").read_text())
sys.path.insert(0, str(ROOT / "fuzz"))
import fuzz_feig  # noqa: E402 - its seeds are found beside it

FRAMES = {v["hex"]: v["decoded"] for v in VECTORS if v["standard"] == "FEIG OBID frame"}
SAID = {
    "05ff65e5cb": {"form": "standard", "command_name": "get software version", "address": "FF"},
    "020007ff656e61": {"form": "advanced", "command_name": "get software version", "direction": "request"},
    "0d00650003030044530d303309": {"status_name": "ok", "firmware": "3.03", "model": "ID CPR40.xx"},
    "02000f00650003030044530d307469": {"form": "advanced", "firmware": "3.03", "reader_type": 83},
    "020008ff6a01a1aa": {"command_name": "RF output on/off", "on": True},
    "020008ff6a0028bb": {"command_name": "RF output on/off", "on": False},
    "020011ffb02b01e004010809b9cb120b65": {
        "iso_command_name": "get system information", "addressing": "addressed", "uid": "E004010809B9CB12",
    },
    "020018ffb02401e004010809b9cb12010104353637383c82": {"first_block": 1, "blocks": 1, "data": b"8765".hex()},
    "020020ffb02401e004010809b9cb12020304333130300000003636000000207d": {
        "first_block": 2, "blocks": 3, "block_size": 4, "data": "303031333600000000000036",
    },
    "020018ffb02409e0040100413a6d4b01010466666666b378": {"mode": "09", "data": "66666666"},
}  # fmt: skip


@pytest.mark.parametrize("raw", FRAMES)
def test_every_recorded_frame_is_valid_and_says_what_its_source_says(raw: str) -> None:
    found = explain(bytes.fromhex(raw))

    assert found.valid, found.problems
    for name, value in SAID.get(raw, {"blocks": 11, "block_size": 4, "first_block": 0}).items():
        assert value == found.fields[name]
    json.dumps(dict(found.fields))


def test_the_recorded_answers_are_explained_in_their_frames() -> None:
    for vector in VECTORS:
        if vector["standard"] != "FEIG OBID answer data":
            continue
        said = vector["decoded"]
        command = bytes.fromhex(said["command"].split()[0])[0]
        raw = encode(Frame(command, b"\0" + bytes.fromhex(vector["hex"]), 0))

        found = explain(raw)

        assert found.valid
        for name in said.keys() & {"dsfid", "uid", "afi", "block_size", "blocks", "firmware", "model"}:
            assert said[name] == found.fields[name]


def test_the_check_value_of_the_crc() -> None:
    (vector,) = (v for v in VECTORS if v["standard"] == "FEIG CRC check value")

    assert vector["decoded"]["crc"] == f"{mcrf4xx(bytes.fromhex(vector['hex'])):04x}"


@pytest.mark.parametrize(
    ("raw", "offset"),
    [
        ("", 0),
        ("05ff65", 3),
        ("05ff65e5cc", 3),
        ("04ff65e5cb", 0),
        ("020004ff656e61", 1),
        ("0200f0ff656e61", 7),
        ("020007ff656e61aa", 7),
        ("05ff65e5cb00", 5),
    ],
)
def test_a_broken_frame_names_its_first_wrong_byte(raw: str, offset: int) -> None:
    found = explain(bytes.fromhex(raw))

    assert not found.valid
    assert found.problems[0].offset == offset


def test_a_payload_that_does_not_fit_is_a_problem_at_its_place() -> None:
    empty = explain(encode(Frame(0xB0, bytes.fromhex("2401E004010809B9CB12010104"))))
    short = explain(encode(Frame(0xB0, b"\x23\x01\xe0\x04")))
    odd = explain(encode(Frame(0xB0, b"\x00\x07\x01\x02", 0)))

    assert [one.problems[0].offset for one in (empty, short, odd)] == [5, 9, 6]


def test_a_password_is_not_shown() -> None:
    found = explain(encode(control.login(b"abcd")))

    assert found.valid
    assert b"abcd".hex() not in json.dumps(dict(found.fields))


@given(st.integers(0, 255), st.binary(max_size=200), st.sampled_from([0, 255]), st.booleans())
def test_any_payload_of_any_command_is_explained(
    command: int, payload: bytes, address: int, standard: bool
) -> None:
    raw = (encode_standard if standard else encode)(Frame(command, payload, address))

    found = explain(raw)

    assert f"{command:02X}" == found.fields["command"]
    json.dumps(dict(found.fields))


def test_broken_seeds_never_raise() -> None:
    rng = random.Random(5)
    for _ in range(3000):
        data = bytearray(rng.choice(fuzz_feig.SEEDS))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        fuzz_feig.decode(bytes(data))
        fuzz_feig.decode(fuzz_feig.fix(bytes(data[: rng.randrange(len(data) + 1)])))
