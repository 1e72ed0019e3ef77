"""Published ATRs and APDUs, each compared with what its source says of it; and the rules of the sequences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_bridge import apdu, atr
from firmware_bridge import apdu_transparent as c2
from firmware_bridge.errors import DeviceRefused, TagGone, TagWriteFailed
from firmware_bridge.explain import apdu as explain_apdu
from firmware_bridge.explain import atr as explain_atr

VECTORS = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())


def of(standard: str) -> list[Any]:
    return [pytest.param(v, id=v["hex"]) for v in VECTORS if v["standard"] == standard]


@pytest.mark.parametrize("vector", of("PC/SC part 3 storage-card ATR"))
def test_a_published_atr_is_explained_and_made_again(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    said = explain_atr.explain(data)
    found = atr.decode(data)

    assert said.valid
    first = vector["decoded"].split(" (")[0].split(" / ")[-1].split("/")[0].removeprefix("HID ")
    words = {"no name": "no name given"}.get(first, first)
    assert words.casefold() in str(said.fields["card_name"]).casefold()
    assert found.standard is not None
    assert found.name is not None
    assert atr.encode(found.standard, found.name) == data


TRANSPARENT: dict[str, tuple[bytes, dict[str, Any]]] = {
    "ffc20001049502022b00": (
        c2.exchange(bytes.fromhex("022b")), {"flags": "02", "command": "get_system_information"},
    ),
    "ffc2000105950342200000": (
        c2.exchange(bytes.fromhex("422000")), {"flags": "42", "command": "read_single_block", "block": 0},
    ),
    "ffc200010995070221001234567800": (
        c2.exchange(bytes.fromhex("02210012345678")),
        {"flags": "02", "command": "write_single_block", "block": 0, "data": "12345678"},
    ),
    "ffc20001105f460440420f0095070221000001020300": (
        c2.exchange(bytes.fromhex("02210000010203"), timer_us=1_000_000),
        {"flags": "02", "command": "write_single_block", "block": 0, "data": "00010203"},
    ),
    "ffc2000002820000": (c2.END, {}),
}  # fmt: skip


@pytest.mark.parametrize("vector", of("PC/SC FF C2 transparent exchange, ISO 15693"))
def test_a_published_transparent_exchange_is_made_and_explained(vector: dict[str, Any]) -> None:
    made, meaning = TRANSPARENT[vector["hex"]]
    said = explain_apdu.explain(bytes.fromhex(vector["hex"]))

    assert made.hex() == vector["hex"]
    assert said.valid
    assert said.fields.get("iso15693", {}) == meaning


def test_published_answers_of_a_transparent_session_are_taken_apart() -> None:
    responses = {v["hex"]: v["decoded"]["response"] for v in VECTORS if v["hex"].startswith("ffc2")}
    system = c2.answer(bytes.fromhex(responses["ffc20001049502022b00"]))
    block = c2.answer(bytes.fromhex(responses["ffc2000105950342200000"]))

    assert system[2:10][::-1].hex().upper() == "E00401008A5C982E"
    assert block == bytes.fromhex("000000112233")
    with pytest.raises(TagGone, match="6401"):
        c2.answer(bytes.fromhex(responses["ffc200010995070221001234567800"]))


UTRUST: dict[str, tuple[bytes, dict[str, Any]]] = {
    "fffc000002220f": (c2.utrust(0x22, b"\x0f"), {"command": "lock_block", "block": 0x0F}),
    "fffc00000b241001aaaaaaaabbbbbbbb": (
        c2.utrust(0x24, bytes.fromhex("1001aaaaaaaabbbbbbbb")),
        {"command": "write_multiple_blocks", "block": 0x10, "count": 2, "data": "AAAAAAAABBBBBBBB"},
    ),
    "fffc00000227f0": (c2.utrust(0x27, b"\xf0"), {"command": "write_afi", "afi": "F0"}),
    "fffc00000128": (c2.utrust(0x28), {"command": "lock_afi"}),
    "fffc00000229f0": (c2.utrust(0x29, b"\xf0"), {"command": "write_dsfid", "dsfid": "F0"}),
    "fffc0000032c100300": (
        c2.utrust(0x2C, b"\x10\x03") + b"\x00",
        {"command": "get_multiple_block_security_status", "block": 0x10, "count": 4},
    ),
}  # fmt: skip


@pytest.mark.parametrize("vector", of("Identiv uTrust 372xF ISO 15693 APDU"))
def test_a_published_utrust_command_is_made_and_explained(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    made, meaning = UTRUST[vector["hex"]]
    said = explain_apdu.explain(data)

    assert said.fields["iso15693"] == meaning
    assert made == data


@given(st.binary(max_size=80))
def test_any_bytes_are_explained_without_an_exception(data: bytes) -> None:
    assert explain_apdu.explain(data).kind == "apdu"
    assert explain_atr.explain(data).kind == "atr"


@example(0, 0, 3, 0x41)  # a second T=0 in the place of T=1: still T=0 alone
@given(st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(1, 18), st.integers(1, 255))
def test_one_wrong_byte_never_passes_for_an_atr_with_a_check(
    standard: int, name: int, at: int, flip: int
) -> None:
    data = bytearray(atr.encode(standard, name))
    data[at] ^= flip

    said = explain_atr.explain(bytes(data))

    # ISO/IEC 7816-3 §8.2.5: an ATR that offers T=0 alone carries no TCK, and one wrong byte can make it so.
    assert not said.valid or (said.fields["tck"] is None and set(said.fields["protocols"]) == {"T=0"})


def capped(memory: bytes, cap: int, *, says: bool) -> Callable[[bytes], bytes]:
    """Return a reader that gives `cap` bytes at most, and tells so, or just refuses."""

    def transmit(command: bytes) -> bytes:
        if command[4] > cap:
            return bytes((0x6C, cap)) if says else b"\x67\x00"
        start = int.from_bytes(command[2:4], "big") * 4
        return memory[start : start + command[4]] + b"\x90\x00"

    return transmit


@given(st.binary(min_size=64, max_size=64), st.integers(1, 64), st.integers(1, 16), st.booleans())
def test_what_is_read_does_not_depend_on_what_a_reader_gives_at_once(
    memory: bytes, length: int, blocks: int, says: bool
) -> None:
    assert apdu.read_data(capped(memory, blocks * 4, says=says), length) == memory[:length]


def test_a_write_that_is_refused_but_done_is_done() -> None:
    memory = bytearray(16)

    def transmit(command: bytes) -> bytes:
        at = command[3] * 4
        if command[1] == 0xD6:
            memory[at : at + 4] = command[5:]
            return b"\x64\x01"
        return bytes(memory[at : at + 4]) + b"\x90\x00"

    apdu.run(apdu.write_steps(1, b"abcdefgh"), transmit)

    assert memory[4:12] == b"abcdefgh"


def test_a_write_that_is_confirmed_but_not_done_is_told() -> None:
    with pytest.raises(TagWriteFailed, match="block 1"):
        apdu.run(
            apdu.write_steps(1, b"abcd"),
            lambda command: b"\x90\x00" if command[1] == 0xD6 else bytes(4) + b"\x90\x00",
        )


def test_a_key_that_does_not_open_is_told_in_words() -> None:
    with pytest.raises(DeviceRefused, match="wants a key"):
        apdu.run(
            apdu.authenticate_steps(4, bytes(6)),
            lambda command: b"\x90\x00" if command[1] == 0x82 else b"\x69\x82",
        )
