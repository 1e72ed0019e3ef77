"""3M frames in words: the published ones, each command both ways, and where wrong bytes are wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge import iso15693
from firmware_bridge.explain.threem import explain
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import Frame, encode
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad as SimPad

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "rfid-vectors.json").read_text(encoding="utf-8")
)
UID = "E004015000000001"
EXPECTED: dict[str, dict[str, Any]] = {
    "d600090300020000000312e6": {"length": 9, "command": "03", "crc": "12e6"},
    "d500050400118c66": {"form": "older", "direction": "request", "command_name": "reader version"},
    "d500090400110a0500027250": {"form": "older", "direction": "answer", "firmware": "5.0.2", "vendor": "3M"},
    "d60005fe0005fa40": {"direction": "request", "command_name": "read block UID", "afi": "00"},
}
"""Published frame -> what must be said of it."""


def test_every_published_frame_is_expected_here() -> None:
    published = {one["hex"] for one in VECTORS if one["standard"] == "3M 210/810 frame"}
    unfinished = {one["hex"] + "fa40" for one in VECTORS if "CRC left XX" in one["standard"]}

    assert published | unfinished == set(EXPECTED)


@pytest.mark.parametrize("raw", EXPECTED)
def test_a_published_frame_is_explained(raw: str) -> None:
    told = explain(bytes.fromhex(raw))

    assert {name: told.fields.get(name) for name in EXPECTED[raw]} == EXPECTED[raw]
    assert told.valid


def test_a_command_of_no_specification_is_shown_as_it_is() -> None:
    told = explain(encode(Frame(0x13, b"\x04\x01")), direction="request")

    assert told.valid
    assert (told.fields["command_name"], told.fields["payload"]) == ("unknown", "0401")


ASKED: dict[str, tuple[Frame, dict[str, Any], dict[str, Any]]] = {
    "inventory": (commands.inventory(), {"response_options": "05"}, {"tags": 1, "uids": [UID]}),
    "inventory with DSFIDs": (Frame(words.INVENTORY, b"\0\x03"), {}, {"tags": 1}),
    "version": (commands.version(), {}, {"vendor": "3M", "firmware": "5.0.2"}),
    "read": (
        commands.read_blocks(UID, 2, 3),
        {"uid": UID, "first_block": 2, "blocks": 3},
        {"uid": UID, "first_block": 2, "blocks": 3, "locked": [3], "error_name": "ok"},
    ),
    "write": (
        commands.write_blocks(UID, 5, b"abcdefgh"),
        {"first_block": 5, "blocks": 2, "data": b"abcdefgh".hex()},
        {"block": 7},
    ),
    "write one": (commands.to_tag(words.WRITE_BLOCK, UID, b"\x06abcd"), {"block": 6}, {"uid": UID}),
    "lock": (commands.to_tag(words.LOCK_BLOCK, UID, b"\x09"), {"block": 9}, {"error": "00"}),
    "get AFI": (commands.to_tag(words.GET_AFI, UID), {"uid": UID}, {"afi": "07"}),
    "write AFI": (commands.to_tag(words.WRITE_AFI, UID, b"\xc2"), {"afi": "c2"}, {"uid": UID}),
    "get DSFID": (commands.to_tag(words.GET_DSFID, UID), {}, {"dsfid": "3e"}),
    "check EAS": (commands.to_tag(words.CHECK_EAS, UID), {}, {"eas": True}),
    "EAS control": (commands.to_tag(words.EAS_CONTROL, UID, b"\1"), {"eas": True}, {}),
    "tag info": (
        commands.to_tag(words.TAG_INFO, UID, b"\x0f"),
        {"info_bits": "0f"},
        {"block_size": 4, "blocks": 28, "dsfid": "3e", "afi": "07"},
    ),
    "no such tag": (
        commands.to_tag(words.GET_AFI, UID[:-1] + "F"),
        {},
        {"error": "06", "error_name": "no tag answered"},
    ),
    "pass through": (
        commands.pass_through(iso15693.encode_request(iso15693.nxp(iso15693.EAS_ALARM, UID)), 33),
        {},
        {"iso15693": {"direction": "answer", "flags": "00", "eas_sequence": iso15693.EAS_SEQUENCE.hex()}},
    ),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_question_and_its_answer_are_explained(what: str) -> None:
    request, asked, answered = ASKED[what]
    sim = SimPad()
    sim.place(SimTag.for_item(UID, "item-1", "XX-TLF"))
    sim.tags[UID].eas, sim.tags[UID].locked = True, {3}
    if what == "inventory with DSFIDs":  # the simulated pad tells UIDs alone
        answer = Frame(words.INVENTORY, b"\0\0\x03\x01\x3e" + bytes.fromhex(UID))
    else:
        answer = sim.answer(request)

    for frame, direction, wanted in ((request, "request", asked), (answer, "answer", answered)):
        told = explain(encode(frame), direction=direction)
        assert told.problems == ()
        assert {name: told.fields.get(name) for name in wanted} == wanted
        json.dumps(dict(told.fields))
        if what != "lock":  # an empty answer to it may be anything
            assert explain(encode(frame)).valid


def test_a_pass_through_shows_its_request() -> None:
    told = explain(encode(ASKED["pass through"][0]))

    assert told.fields["iso15693"]["command_name"] == "EAS alarm"


@pytest.mark.parametrize(
    ("raw", "offset", "seen"),
    [
        ("", 0, "begins with D6"),
        ("aa00", 0, "begins with D6"),
        ("d600", 2, "no frame"),
        ("d60001fe0005fa40", 1, "the length says 1"),
        ("d60006fe0005fa40", 8, "ends after 8"),
        ("d60005fe0005fa41", 6, "should be fa40"),
        ("d60005fe0005fa40ff", 8, "stand behind"),
        ("d500050500118c66", 6, "should be"),
    ],
)
def test_a_wrong_frame_tells_where_it_is_wrong(raw: str, offset: int, seen: str) -> None:
    told = explain(bytes.fromhex(raw))

    assert (told.valid, told.problems[0].offset) == (False, offset)
    assert seen in told.problems[0].text


@pytest.mark.parametrize(
    ("frame", "direction"),
    [
        (Frame(words.GET_AFI, b"123"), "request"),
        (Frame(words.GET_AFI, b"\0" + bytes.fromhex(UID)), "answer"),
        (Frame(words.TAG_INFO, b"\0" + bytes.fromhex(UID) + b"\x0f\0"), "answer"),
        (Frame(words.READ_BLOCKS, b"\0" + bytes.fromhex(UID) + b"\x05ab"), "answer"),
        (Frame(words.INVENTORY, b"\0\0\x05\x02"), "answer"),
        (Frame(words.PASS_THROUGH, b"\0\0\5\0"), "answer"),
    ],
)
def test_a_payload_that_does_not_fit_its_command_is_a_problem(frame: Frame, direction: str) -> None:
    told = explain(encode(frame), direction=direction)

    assert [problem.offset for problem in told.problems] == [4]
    assert told.fields["payload"] == frame.payload.hex()


def test_blocks_with_one_first_number_are_read_too() -> None:
    answer = Frame(words.READ_BLOCKS, b"\0" + bytes.fromhex(UID) + b"\x04\x03\0abcd\1efgh\0ijkl")
    told = explain(encode(answer), direction="answer")

    wanted = {"first_block": 4, "blocks": 3, "data": b"abcdefghijkl".hex(), "locked": [5]}
    assert {name: told.fields[name] for name in wanted} == wanted
    assert told.valid
