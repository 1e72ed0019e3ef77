"""A reader that answers oddly, refuses, or answers for another tag: an error with a name, never a guess."""

from collections.abc import Callable

import pytest

from firmware_bridge.errors import DeviceLost, DeviceRefused, FrameError, TagWriteFailed
from firmware_bridge.fakes import FakeTransport
from firmware_bridge.feig import control, words
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.feig.frames import Frame, Parser, encode
from firmware_bridge.ports import DeviceInfo

UID, OTHER = "E004015000000001", "E004015000000002"
VERSION = bytes.fromhex("020A00004D0008")


def reader(answer: Callable[[Frame], bytes], **options: tuple[int, ...]) -> tuple[FeigPad, FakeTransport]:
    """Return a pad on a reader whose answers (status and data) are made by `answer`."""

    def far(written: bytes) -> bytes:
        return b"".join(
            encode(Frame(frame.command, b"\0" + VERSION if frame.command == 0x65 else answer(frame), 0))
            for frame in Parser().feed(written)
        )

    transport = FakeTransport(far)

    async def connect() -> FakeTransport:
        return transport

    return FeigPad(connect, timeout_s=0.05, attempts=2, **options), transport


def system(uid: str) -> bytes:
    return b"\0\x3e" + bytes.fromhex(uid) + bytes.fromhex("07031B01")


async def test_a_reader_without_a_device_id_has_no_serial_number() -> None:
    pad, _ = reader(lambda _: b"\x80")

    assert await pad.info() == DeviceInfo("FEIG", "ID ISC.MR102", "2.10", "")


async def test_a_reader_of_a_type_unknown_to_us_is_named_by_its_number() -> None:
    found = control.parse_software_version(bytes.fromhex("01000000F00008"))

    assert found.model == "OBID reader type 240"


async def test_the_state_of_another_tag_is_never_taken_for_the_one_that_was_asked() -> None:
    pad, _ = reader(lambda _: system(OTHER))

    with pytest.raises(FrameError, match="another tag"):
        await pad.read_tag(UID)
    result = await pad.write_afi(UID, 0x07)

    assert (result.outcome, result.afi) == ("unknown", None)


async def test_blocks_that_were_not_asked_for_are_not_taken() -> None:
    def answer(frame: Frame) -> bytes:
        if frame.payload[0] == words.SYSTEM_INFORMATION:
            return system(UID)
        return bytes.fromhex("00010400") + bytes(4)

    pad, _ = reader(answer)

    with pytest.raises(FrameError, match="other blocks"):
        await pad.read_tag(UID)


async def test_a_write_that_the_tag_took_and_does_not_show_is_failed() -> None:
    def answer(frame: Frame) -> bytes:
        if frame.payload[0] == words.READ_BLOCKS:
            return bytes.fromhex("00010400") + bytes(4)
        return b"\0"

    pad, _ = reader(answer)

    with pytest.raises(TagWriteFailed, match="other bytes"):
        await pad.write_blocks(UID, 0, b"abcd", 4)


async def test_inputs_are_one_byte() -> None:
    pad, _ = reader(lambda _: b"\0\1\2")

    with pytest.raises(FrameError, match="one byte of inputs"):
        await pad.inputs()


async def test_a_refused_inventory_is_the_readers_error() -> None:
    pad, _ = reader(lambda _: b"\x82")

    with pytest.raises(DeviceRefused, match="ISO host mode") as refused:
        await pad.inventory()
    assert "status 82" in refused.value.seen


async def test_a_gate_without_a_lamp_orders_nothing() -> None:
    pad, transport = reader(lambda _: b"\0", outputs=(0,))

    await pad.alarm(2.0)

    assert transport.written == []


async def test_a_cable_that_is_cut_in_a_write_of_blocks_is_lost() -> None:
    pad, transport = reader(lambda _: b"\0")
    await pad.reset_field()

    def cut(_: bytes) -> bytes:
        transport.lose()
        return b""

    transport.answer = cut

    with pytest.raises(DeviceLost):
        await pad.write_blocks(UID, 0, b"abcd", 4)
