"""LLRP bytes: recordings of real readers and clients, round trips, streams in pieces."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.llrp import codec, reports
from firmware_bridge.llrp.codec import Framer, MalformedError, Message, Parameter
from firmware_bridge.llrp.tables import MESSAGES

VECTORS: list[dict[str, Any]] = [
    entry
    for entry in json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
    if entry["standard"].startswith("LLRP")
]
BODIES = [entry for entry in VECTORS if "BODY" in entry["standard"]]
WHOLE = [entry for entry in VECTORS if "BODY" not in entry["standard"]]
TYPES = {
    "RO_ACCESS_REPORT (61)": 61,
    "CloseConnectionResponse": 4,
    "GetROSpecsResponse": 36,
    "GetReaderConfigResponse": 12,
    "GetReaderCapabilitiesResponse": 11,
}


def message_of(entry: dict[str, Any]) -> Message:
    data = bytes.fromhex(entry["hex"])
    if "BODY" not in entry["standard"]:
        return codec.decode(data)
    number = TYPES[entry["decoded"]["body_of"]]
    fields, inner, raw = codec.body(number, data)
    return Message(number, 0, fields, inner, raw=raw)


def one(message: Message, number: int, name: str) -> object:
    return next(codec.walk(message.inner, number)).fields[name]


@pytest.mark.parametrize("entry", VECTORS, ids=lambda entry: entry["hex"][:24])
def test_a_recording_is_read_whole_and_written_again(entry: dict[str, Any]) -> None:
    data = bytes.fromhex(entry["hex"])
    message = message_of(entry)

    written = codec.encode(message)
    assert data == (written[codec.HEADER :] if entry in BODIES else written)
    assert not any(parameter.raw for parameter in codec.walk(message.inner, *range(1024)))


@pytest.mark.parametrize(
    "entry", [entry for entry in VECTORS if isinstance(entry["decoded"], dict)], ids=lambda e: e["hex"][:24]
)
def test_a_recording_says_what_was_published_with_it(entry: dict[str, Any]) -> None:
    message = message_of(entry)
    said = {**entry["decoded"], **entry["decoded"].get("ReaderEventNotificationData", {})}
    places = {
        "EPC96": (13, "epc"),
        "EPC": (241, "epc"),
        "AntennaID": (1, "antenna_id"),
        "PeakRSSI": (6, "peak_rssi"),
        "FirstSeenUTC_us": (2, "microseconds"),
        "TagSeenCount": (8, "tag_count"),
        "UTC_us": (128, "microseconds"),
        "ConnectionAttemptEvent": (256, "status"),
    }
    compared = 0
    for name in said.keys() & places.keys():
        expected = said[name]
        if name.startswith("EPC"):
            expected = bytes.fromhex(expected)
        elif isinstance(expected, str):
            expected = int(expected.split()[0])
        assert expected == one(message, *places[name])
        compared += 1
    if "type" in said:
        assert (said["ver"], said["type"], int(str(said["id"]), 16)) == (
            message.version,
            message.type,
            message.id,
        )
    assert compared or "see same-named" in str(entry["decoded"])


@pytest.mark.parametrize(
    "entry", [e for e in WHOLE if isinstance(e["decoded"], str)], ids=lambda e: e["decoded"]
)
def test_a_request_of_a_foreign_client_has_its_name(entry: dict[str, Any]) -> None:
    assert entry["decoded"].startswith(message_of(entry).name)


def test_the_capabilities_of_a_real_reader_are_its_own() -> None:
    (entry,) = [e for e in BODIES if e["decoded"]["body_of"] == "GetReaderCapabilitiesResponse"]
    message = message_of(entry)

    assert one(message, 137, "manufacturer") == 25882
    assert one(message, 137, "firmware") == "5.14.0.240"
    assert one(message, 137, "max_antennas") == 4
    assert len(list(codec.walk(message.inner, 145))) > 20


@pytest.mark.parametrize(
    "entry", [entry for entry in VECTORS if "PeakRSSI" in str(entry["decoded"])], ids=lambda e: e["hex"][:24]
)
def test_the_fast_reader_of_reports_agrees_with_the_codec(entry: dict[str, Any]) -> None:
    message = message_of(entry)

    (tag,) = reports.tags(codec.encode(message))
    assert one(message, 6, "peak_rssi") == tag.rssi
    assert one(message, 1, "antenna_id") == tag.antenna
    assert tag.epc in (p.fields["epc"] for p in codec.walk(message.inner, 13, 241))


@given(
    st.lists(
        st.tuples(st.binary(min_size=2, max_size=62), st.integers(0, 65535), st.integers(-128, 127)),
        max_size=5,
    )
)
def test_reports_of_any_tags_come_back(wanted: list[tuple[bytes, int, int]]) -> None:
    inner = tuple(
        Parameter(
            240,
            inner=(
                Parameter(241, {"epc": epc}),
                Parameter(12, {"pc_bits": pc}),
                Parameter(6, {"peak_rssi": rssi}),
                Parameter(1023, {"vendor_id": 25882, "subtype": 56, "data": b"\x01"}),
            ),
        )
        for epc, pc, rssi in wanted
    )
    data = codec.encode(Message(61, 7, inner=inner))

    assert wanted == [(tag.epc, tag.pc, tag.rssi) for tag in reports.tags(data)]
    assert inner == codec.decode(data).inner


@given(st.lists(st.sampled_from(WHOLE), max_size=6), st.integers(1, 40))
def test_a_stream_in_pieces_gives_the_same_messages(entries: list[dict[str, Any]], size: int) -> None:
    sent = [bytes.fromhex(entry["hex"]) for entry in entries]
    stream = b"".join(sent)
    framer = Framer()

    got = [m for at in range(0, len(stream), size) for m in framer.feed(stream[at : at + size])]
    assert sent == got


@given(st.binary(max_size=80), st.sampled_from(sorted(MESSAGES)))
def test_any_bytes_are_a_message_or_wrong_at_a_place(data: bytes, number: int) -> None:
    for read in (codec.decode, reports.tags, lambda d: codec.body(number, d)):
        try:
            read(data)
            offset = 0
        except MalformedError as error:
            offset = error.offset
        assert 0 <= offset <= max(len(data), codec.HEADER)


def test_an_unknown_message_and_parameter_keep_their_bytes() -> None:
    data = codec.encode(Message(777, 5, raw=b"abc"))
    event = codec.encode(Message(63, 6, inner=(Parameter(900, raw=b"xyz"),)))

    assert codec.decode(data).raw == b"abc"
    assert codec.decode(event).inner[0].raw == b"xyz"
    assert codec.decode(event).inner[0].name == "unknown-900"


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit in 16 bits"):
        codec.encode_parameter(Parameter(1, {"antenna_id": 65536}))
