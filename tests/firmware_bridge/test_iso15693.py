"""ISO 15693 requests and responses: the published examples, every round trip, every explanation."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import iso15693 as iso
from firmware_bridge.errors import FrameError, TagError, TagLocked, TagWriteFailed
from firmware_bridge.explain.iso15693 import explain

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "rfid-vectors.json").read_text(encoding="utf-8")
)
UID = "E00401008A5C982E"
uids = st.binary(min_size=7, max_size=7).map(lambda rest: "E0" + rest.hex().upper())


def vector(standard: str) -> dict[str, Any]:
    found = [one for one in VECTORS if one["standard"] == standard]
    assert len(found) == 1
    return found[0]


def test_the_published_inventory_has_its_crc() -> None:
    entry = vector("ISO 15693 CRC-16 (X-25)")
    plain, crc = entry["hex"], entry["decoded"]["crc_lsb_first"]

    assert iso.encode_request(iso.inventory()).hex() == plain
    assert iso.encode_request(iso.inventory(), crc=True).hex() == plain + crc
    told = explain(bytes.fromhex(plain + crc))
    assert told.valid
    assert told.fields["command_name"] == "inventory"
    assert told.fields["flag_names"] == ["high data rate", "inventory", "one slot"]
    assert (told.fields["mask_length"], told.fields["crc"]) == (0, crc)
    assert "crc" not in explain(bytes.fromhex(plain)).fields


def test_a_recorded_response_of_a_reader_is_unwrapped() -> None:
    entry = vector("ISO 15693 response (CR95HF)")
    told = explain(bytes.fromhex(entry["hex"]))

    assert told.valid
    assert (told.fields["uid"], told.fields["dsfid"], told.fields["crc"]) == (
        "E00401586DE02802",
        "00",
        "d060",
    )
    body = iso.encode_response(iso.Response(b"\0" + iso.uid_bytes("E00401586DE02802")), crc=True)
    assert body.hex() in entry["hex"]


def test_a_recorded_system_information_without_flags_is_read_and_made_again() -> None:
    entry = vector("ISO 15693 system info + AFI secured")
    data = bytes.fromhex(entry["hex"])
    found = iso.decode_system_information(data)

    assert found == iso.SystemInformation(entry["decoded"]["uid"], dsfid=0, afi=0x07)
    assert iso.encode_system_information(found) == data
    told = explain(data)
    assert told.valid
    assert (told.fields["uid"], told.fields["afi"], told.fields["dsfid"]) == (found.uid, "07", "00")


def test_the_system_information_of_a_real_icode_is_read() -> None:
    data = bytes.fromhex("000f2e985c8a000104e000001b0301")
    found = iso.decode_system_information(iso.decode_response(data).data)

    assert found == iso.SystemInformation(UID, 0, 0, 28, 4, 1)
    assert iso.encode_response(iso.Response(iso.encode_system_information(found))) == data
    told = explain(data)
    assert told.valid
    assert (told.fields["blocks"], told.fields["block_size"], told.fields["ic_reference"]) == (28, 4, "01")


def test_the_eas_sequence_is_the_published_one() -> None:
    entry = vector("NXP ICODE SLIX EAS ALARM response (256 bit)")

    assert iso.EAS_SEQUENCE.hex() == entry["hex"]
    for form in (iso.EAS_SEQUENCE, iso.encode_response(iso.Response(iso.EAS_SEQUENCE), crc=True)):
        told = explain(form)
        assert told.valid
        assert told.fields["eas_sequence"] == entry["hex"]


requests = st.one_of(
    st.builds(
        iso.addressed,
        st.sampled_from(sorted(set(iso.COMMANDS) - {iso.INVENTORY})),
        uids,
        st.binary(max_size=40),
        option=st.booleans(),
    ),
    st.builds(iso.nxp, st.sampled_from(sorted(iso.NXP_COMMANDS)), uids, st.binary(max_size=8)),
    st.builds(iso.inventory, afi=st.none() | st.integers(0, 255), one_slot=st.booleans()),
    st.builds(
        lambda mask, spare: iso.inventory(mask=mask, bits=len(mask) * 8 - spare),
        st.binary(min_size=1, max_size=8),
        st.integers(0, 7),
    ),
)


@given(requests)
def test_a_request_comes_back_as_it_was_made(request: iso.Request) -> None:
    frame = iso.encode_request(request, crc=True)
    body, right = iso.split_crc(frame)

    assert right
    assert iso.decode_request(body) == request
    told = explain(frame, direction="request")
    assert told.fields["command_name"] == request.name
    assert told.fields["crc"] == frame[-2:].hex()


@given(
    st.builds(iso.Response, st.binary(max_size=40))
    | st.builds(iso.Response, error=st.integers(0, 255), flags=st.just(1))
)
def test_a_response_comes_back_as_it_was_made(response: iso.Response) -> None:
    body, right = iso.split_crc(iso.encode_response(response, crc=True))

    assert right
    assert iso.decode_response(body) == response


@given(
    uids,
    st.none() | st.integers(0, 255),
    st.none() | st.integers(0, 255),
    st.none() | st.tuples(st.integers(1, 256), st.integers(1, 32)),
    st.none() | st.integers(0, 255),
)
def test_a_system_information_comes_back_with_what_it_does_not_tell(
    uid: str, dsfid: int | None, afi: int | None, memory: tuple[int, int] | None, ic: int | None
) -> None:
    blocks, size = memory or (None, None)
    found = iso.SystemInformation(uid, dsfid, afi, blocks, size, ic)

    assert iso.decode_system_information(iso.encode_system_information(found)) == found


@given(st.binary(min_size=3, max_size=40), st.integers(0, 7), st.data())
def test_a_flipped_bit_is_no_right_crc(frame: bytes, bit: int, data: st.DataObject) -> None:
    good = iso.with_crc(frame)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes((good[at] ^ 1 << bit,)) + good[at + 1 :]

    assert iso.split_crc(bad) == (bad, False)


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=2, max_size=2))
def test_a_covered_password_is_uncovered_by_the_same_random_number(password: bytes, random: bytes) -> None:
    covered = iso.cover_password(password, random)

    assert iso.cover_password(covered, random) == password
    assert (covered == password) == (random == b"\0\0")


def test_a_password_of_another_length_is_no_password() -> None:
    with pytest.raises(ValueError, match="zip"):
        iso.cover_password(b"123", b"12")
    with pytest.raises(ValueError, match="16 hex digits"):
        iso.uid_bytes("E004")
    with pytest.raises(ValueError, match="mask of 9 bits"):
        iso.inventory(bits=9, mask=b"1")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(0x01, TagError), (0x11, TagLocked), (0x12, TagLocked), (0x13, TagWriteFailed), (0xA5, TagError)],
)
def test_an_error_code_has_its_name(code: int, kind: type[TagError]) -> None:
    error = iso.error_of(code, "writing a tag")

    assert type(error) is kind
    assert f"{code:02X}" in error.seen
    told = explain(iso.encode_response(iso.Response(error=code)))
    assert (told.valid, told.fields["error_code"]) == (True, f"{code:02x}")


@pytest.mark.parametrize("read", [iso.decode_request, iso.decode_response, iso.decode_inventory])
def test_too_few_bytes_are_no_frame(read: Any) -> None:
    with pytest.raises(FrameError):
        read(b"")


@pytest.mark.parametrize(
    ("frame", "offset", "seen"),
    [
        ("2220", 2, "ends after 2 bytes"),
        ("2655", 1, "not assigned"),
        ("022000ff", 3, "1 bytes of parameters, and 2 came"),
        ("2222010203040506071100", 9, "a UID ends with E0"),
        ("260109ff", 2, "a mask of 9 bits"),
        ("022403", 3, "ends before its data"),
    ],
)
def test_a_wrong_request_tells_where_it_is_wrong(frame: str, offset: int, seen: str) -> None:
    told = explain(bytes.fromhex(frame), direction="request")

    assert (told.valid, told.problems[0].offset) == (False, offset)
    assert seen in told.problems[0].text


@pytest.mark.parametrize(
    ("frame", "fields"),
    [
        (iso.addressed(iso.WRITE_BLOCKS, UID, b"\x02\x01abcdefgh"), {"first_block": 2, "blocks": 2}),
        (iso.addressed(iso.WRITE_BLOCK, UID, b"\x02abcd"), {"block": 2, "data": b"abcd".hex()}),
        (iso.addressed(iso.WRITE_AFI, UID, b"\xc2"), {"afi": "c2"}),
        (iso.nxp(iso.PROTECT, UID, b"\x01"), {"maker": "04", "data": "01"}),
        (iso.inventory(afi=0x07, mask=b"\x12", bits=8), {"afi": "07", "mask": "12", "mask_length": 8}),
    ],
)
def test_the_parameters_of_a_request_are_named(frame: iso.Request, fields: dict[str, Any]) -> None:
    told = explain(iso.encode_request(frame, crc=True))

    assert told.valid
    assert {name: told.fields.get(name) for name in fields} == fields


@pytest.mark.parametrize(("frame", "offset"), [("", 0), ("010203", 1), ("80", 0)])
def test_a_wrong_response_tells_where_it_is_wrong(frame: str, offset: int) -> None:
    told = explain(bytes.fromhex(frame), direction="answer")

    assert (told.valid, told.problems[0].offset) == (False, offset)


def test_a_password_is_not_shown() -> None:
    frame = iso.encode_request(iso.nxp(iso.SET_PASSWORD, UID, b"\x10\xde\xad\xbe\xef"))

    assert "deadbeef" not in json.dumps(dict(explain(frame).fields))
