"""LLRP from a capture, in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.explain import llrp, llrp_body

VECTORS: list[dict[str, Any]] = [
    entry
    for entry in json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
    if entry["standard"].startswith("LLRP")
]
GREETING = bytes.fromhex("043f000000200ab288c900f600160080000c0004f8535baadaff010000060000")


@pytest.mark.parametrize("entry", VECTORS, ids=lambda entry: entry["hex"][:24])
def test_each_recording_is_explained_without_a_problem(entry: dict[str, Any]) -> None:
    explain = llrp_body.explain if "BODY" in entry["standard"] else llrp.explain
    found = explain(bytes.fromhex(entry["hex"]))

    assert found.problems == ()
    text = json.dumps(found.fields)
    said = entry["decoded"] if isinstance(entry["decoded"], dict) else {}
    for name in said.keys() & {"EPC96", "EPC", "PeakRSSI", "FirstSeenUTC_us", "UTC_us"}:
        assert str(said[name]).upper() in text.upper()


def test_several_messages_in_a_row_are_told_one_by_one() -> None:
    found = llrp.explain(GREETING * 3)
    assert found.valid
    assert len(found.fields["more"]) == 2


def test_the_first_wrong_byte_is_named() -> None:
    wrong = GREETING[:13] + b"\xff" + GREETING[14:]
    found = llrp.explain(GREETING + wrong)

    assert [problem.offset for problem in found.problems] == [32 + 12]
    assert found.fields["message"] == "READER_EVENT_NOTIFICATION"


def test_a_body_is_read_as_what_one_says_it_is() -> None:
    found = llrp_body.explain(bytes.fromhex("0000007b"), message_type=24)
    assert (found.fields["message"], found.fields["rospec_id"]) == ("ENABLE_ROSPEC", 123)
