"""What a small pad makes of a tag by each way of PC/SC, without a reader; odd readers included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import apdu, iso15693
from firmware_bridge import pcsc_pad_steps as steps
from firmware_bridge.apdu import Steps, T
from firmware_bridge.apdu_transparent import exchange
from firmware_bridge.errors import DeviceLost, DeviceRefused, TagGone, TagLocked, TagWriteFailed
from firmware_bridge.pcsc_pad_ways import WayName, way_of
from firmware_bridge.ports import AfiResult, EasResult
from sim.devices.tags import SimTag
from sim.devices.vpcd_tag import Oddities, TagOnReader

UID = "E004015000000001"
BOTH: tuple[WayName, ...] = ("transparent", "utrust")
ALL: tuple[WayName, ...] = (*BOTH, "storage")


def on_reader(way: WayName, odd: Oddities | None = None) -> TagOnReader:
    return TagOnReader(SimTag.for_item(UID, "31234", "DK-718500"), way, odd)


def run(reader: TagOnReader, found: Steps[T]) -> T:
    return apdu.run(found, reader.respond)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("ACS ACR1552 1S CL Reader PICC 00 00", "transparent"),
        ("Identiv uTrust 3720 Contactless Reader 00 00", "utrust"),
        ("ACS ACR122U PICC Interface 00 00", "storage"),
    ],
)
def test_the_way_is_chosen_by_the_readers_name_and_can_be_told(name: str, way: WayName) -> None:
    assert way_of(name).name == way
    assert way_of(name, "utrust").name == "utrust"


@pytest.mark.parametrize("lsb_first", [True, False])
@pytest.mark.parametrize("way", ALL)
def test_a_tag_is_read_by_each_way_and_in_either_byte_order(way: WayName, lsb_first: bool) -> None:
    reader = on_reader(way, Oddities(lsb_first=lsb_first))

    assert run(reader, steps.who()) == UID
    assert run(reader, steps.read(way_of("", way), UID)).blocks == bytes(reader.tag.memory[:64])
    assert not reader.session


@pytest.mark.parametrize("way", BOTH)
def test_all_of_a_tag_is_read_with_its_locks(way: WayName) -> None:
    reader = on_reader(way)
    reader.tag.locked = {0, 5}

    memory = run(reader, steps.read(way_of("", way), UID, most_bytes=None, locks=True))

    assert (memory.blocks, memory.locked) == (bytes(reader.tag.memory), frozenset({0, 5}))
    assert (memory.afi, memory.dsfid, memory.block_count) == (0x07, 0x3E, 28)


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("way", BOTH)
def test_an_afi_is_verified_by_reading_it_back_even_when_the_reader_says_silent(
    way: WayName, deaf: bool
) -> None:
    reader = on_reader(way, Oddities(deaf_writes=deaf))

    assert run(reader, steps.write_afi(way_of("", way), UID, 0xC2)) == AfiResult("verified", 0xC2)
    assert reader.tag.afi_log == [0xC2]
    assert not reader.session


def test_an_afi_over_a_reader_of_storage_cards_is_refused_and_nothing_is_sent() -> None:
    reader = on_reader("storage")

    with pytest.raises(DeviceRefused, match="write AFI"):
        run(reader, steps.write_afi(way_of("", "storage"), UID, 0xC2))
    assert reader.commands == []


@pytest.mark.parametrize("way", BOTH)
def test_a_locked_afi_is_failed_and_never_verified(way: WayName) -> None:
    reader = on_reader(way)
    reader.tag.afi_locked = True

    result = run(reader, steps.write_afi(way_of("", way), UID, 0xC2))

    assert (result.outcome, result.afi, reader.tag.afi) == ("failed", 0x07, 0x07)


@pytest.mark.parametrize("leaves", ["before", "after"])
@pytest.mark.parametrize("way", BOTH)
def test_a_tag_that_goes_while_it_is_written_is_unknown(way: WayName, leaves: str) -> None:
    reader = on_reader(way)
    reader.tag.leaves = "before" if leaves == "before" else "after"

    result = run(reader, steps.write_afi(way_of("", way), UID, 0xC2))

    assert (result.outcome, result.afi) == ("unknown", None)


@given(at=st.integers(0, 40), way=st.sampled_from(BOTH))
def test_a_reader_lost_at_any_command_never_makes_an_afi_verified_that_is_not(at: int, way: WayName) -> None:
    reader, sent = on_reader(way), 0

    def transmit(command: bytes) -> bytes:
        nonlocal sent
        sent += 1
        if sent > at:
            raise DeviceLost("the cable")
        return reader.respond(command)

    try:
        result = apdu.run(steps.write_afi(way_of("", way), UID, 0xC2), transmit)
    except DeviceLost:
        assert reader.tag.afi_log == []
    else:
        assert result.outcome in ("verified", "unknown")
        assert result.outcome == "unknown" or reader.tag.afi == 0xC2


@pytest.mark.parametrize("way", ALL)
def test_another_tag_is_neither_read_nor_written(way: WayName) -> None:
    reader = on_reader(way)
    before = bytes(reader.tag.memory)

    with pytest.raises(TagGone):
        run(reader, steps.read(way_of("", way), "E0040150000000FF"))
    with pytest.raises(TagGone):
        run(reader, steps.write_blocks(way_of("", way), "E0040150000000FF", 0, b"abcd", 4))
    assert bytes(reader.tag.memory) == before


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("way", ALL)
def test_blocks_are_written_and_read_back_whatever_the_reader_says(way: WayName, deaf: bool) -> None:
    reader = on_reader(way, Oddities(deaf_writes=deaf))

    run(reader, steps.write_blocks(way_of("", way), UID, 2, b"abcdefgh", 4))

    assert bytes(reader.tag.memory[8:16]) == b"abcdefgh"


@pytest.mark.parametrize(
    ("way", "error"), [("transparent", TagLocked), ("utrust", TagWriteFailed), ("storage", TagWriteFailed)]
)
def test_a_locked_block_is_an_error_by_name(way: WayName, error: type[Exception]) -> None:
    reader = on_reader(way)
    reader.tag.locked = {3}

    with pytest.raises(error):
        run(reader, steps.write_blocks(way_of("", way), UID, 2, b"abcdefgh", 4))
    assert not reader.session


@pytest.mark.parametrize("way", BOTH)
def test_blocks_are_locked_and_the_locks_read_back(way: WayName) -> None:
    reader = on_reader(way)

    run(reader, steps.lock_blocks(way_of("", way), UID, 1, 2))

    assert reader.tag.locked == {1, 2}


@pytest.mark.parametrize("on", [True, False])
def test_eas_is_set_and_heard_through_a_transparent_session(on: bool) -> None:
    reader, way = on_reader("transparent"), way_of("", "transparent")
    reader.tag.eas = not on

    assert run(reader, steps.set_eas(way, UID, on)) == EasResult(on)
    assert run(reader, steps.eas(way, UID)) == EasResult(on)
    assert reader.tag.eas is on


def test_a_tag_that_is_gone_is_not_a_tag_without_eas() -> None:
    reader = on_reader("transparent")
    reader.tag.gone = True

    assert run(reader, steps.eas(way_of("", "transparent"), UID)).on is None


@pytest.mark.parametrize("way", ["utrust", "storage"])
def test_a_reader_that_cannot_ask_for_eas_says_not_known(way: WayName) -> None:
    reader = on_reader(way)

    assert run(reader, steps.eas(way_of("", way), UID)).on is None
    assert run(reader, steps.set_eas(way_of("", way), UID, True)).on is None


def test_flags_before_an_answer_are_taken_off() -> None:
    reader = on_reader("utrust")

    def flags_first(command: bytes) -> bytes:
        answer = reader.respond(command)
        return b"\0" + answer if command[1] == 0xFC else answer

    memory = apdu.run(steps.read(way_of("", "utrust"), UID), flags_first)

    assert memory.blocks == bytes(reader.tag.memory[:64])


def test_a_reader_that_caps_its_answers_is_read_in_pieces() -> None:
    for odd in (Oddities(most=4), Oddities(most=8, tells_cap=True)):
        reader = on_reader("storage", odd)

        assert run(reader, apdu.read_steps(30)) == bytes(reader.tag.memory[:30])


def test_a_write_without_a_timer_is_said_to_be_silent_by_the_simulated_reader() -> None:
    reader = on_reader("transparent")
    request = iso15693.encode_request(iso15693.addressed(iso15693.WRITE_AFI, UID, b"\xc2"))
    reader.respond(bytes.fromhex("FFC2000002810000"))

    assert b"\x64\x01" in reader.respond(exchange(request))
    assert reader.tag.afi == 0xC2
