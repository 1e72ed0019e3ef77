"""Lamp and buzzer on the outputs of a UHF reader, and what a gate tells of such a reader's health."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from firmware_bridge.errors import DeviceLost, DeviceRefused, DeviceTimeout
from firmware_bridge.llrp import conversation as talk
from firmware_bridge.llrp.codec import Message, Parameter
from firmware_bridge.llrp.conversation import Conversation, Settings
from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import ReaderFound, UhfEvent
from firmware_bridge.rates import AntennaRates, named
from sim.devices.llrp_reader import FieldTag, SimLlrpReader

BOOK = FieldTag(bytes.fromhex("3000abcdef00000000000005"), 0x31C2, -47)


@asynccontextmanager
async def connected(
    far: SimLlrpReader, *ports: int, answer_s: float = 1.0, keep_alive_ms: int = 5000
) -> AsyncIterator[tuple[LlrpReader, list[UhfEvent]]]:
    """Yield a driver that has found its reader and is followed, and what it said."""
    settings = Settings(outputs=ports, keep_alive_ms=keep_alive_ms)
    reader = LlrpReader("127.0.0.1", far.port, settings, answer_s=answer_s, backoff_s=(0.01, 0.05))
    said: list[UhfEvent] = []

    async def follow(take: Callable[[UhfEvent], None]) -> None:
        async for event in reader.events():
            take(event)

    following = asyncio.create_task(follow(said.append))
    try:
        await until(lambda: any(isinstance(event, ReaderFound) for event in said))
        yield reader, said
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def test_the_outputs_light_for_as_long_as_was_ordered_and_tags_come_meanwhile() -> None:
    async with SimLlrpReader() as far, connected(far, 1, 3) as (reader, said):
        await until(lambda: far.gpo_log == [(1, False), (3, False)])
        far.field = {1: (BOOK,)}
        began = asyncio.get_running_loop().time()
        await reader.alarm(0.15)
        assert far.gpo == {1: True, 3: True}
        await until(lambda: far.gpo == {1: False, 3: False})
        lasted = asyncio.get_running_loop().time() - began
        seen = len(said)
        await until(lambda: len(said) > seen)

    assert lasted >= 0.15
    assert far.gpo_log[2:] == [(1, True), (3, True), (1, False), (3, False)]


async def test_a_new_alarm_makes_the_light_last_from_then_on() -> None:
    async with SimLlrpReader() as far, connected(far, 1) as (reader, _):
        await reader.alarm(0.1)
        await reader.alarm(30)
        orders = len(far.gpo_log)
        await asyncio.sleep(
            0.2
        )  # longer than the first alarm; nothing must happen, so there is nothing to await

        assert (far.gpo, len(far.gpo_log)) == ({1: True}, orders)


async def test_who_leaves_switches_the_light_off() -> None:
    async with SimLlrpReader() as far:
        async with connected(far, 1) as (reader, _):
            await reader.alarm(30)
        await until(lambda: far.gpo == {1: False})
        assert [message.type for message in far.log[-3:]] == [3, 21, 14]


async def test_a_light_that_was_on_when_the_line_was_cut_is_switched_off_by_the_next_connection() -> None:
    async with SimLlrpReader() as far, connected(far, 2) as (reader, _):
        await reader.alarm(30)
        far.drop()
        await until(lambda: reader.health.connections == 2)

        assert far.gpo == {2: False}


async def test_an_output_that_the_reader_does_not_have_is_named_and_the_gate_goes_on() -> None:
    async with SimLlrpReader() as far, connected(far, 9) as (reader, said):
        with pytest.raises(DeviceRefused, match="does not switch its outputs: M_FieldError"):
            await reader.alarm(1)
        far.field = {1: (BOOK,)}
        seen = len(said)
        await until(lambda: len(said) > seen)

    assert reader.health.losses == 0


async def test_a_reader_that_is_away_cannot_be_ordered() -> None:
    reader = LlrpReader("127.0.0.1", 1)

    with pytest.raises(DeviceLost, match="not connected"):
        await reader.alarm(1)


async def test_a_reader_that_does_not_answer_an_order_is_told_in_time() -> None:
    async with SimLlrpReader() as far, connected(far, 1, answer_s=0.2) as (reader, _):
        far.faults.silent = True
        with pytest.raises((DeviceTimeout, DeviceRefused), match=r"silent|connection was lost"):
            await reader.alarm(1)
        far.faults.silent = False
        await until(lambda: reader.health.connections == 2 and not far.gpo[1])
        await reader.alarm(1)


async def test_an_order_while_the_light_is_just_going_off_is_the_last_one() -> None:
    async with SimLlrpReader() as far, connected(far, 1) as (reader, _):
        for _ in range(20):
            await reader.alarm(0.001)
            await asyncio.sleep(0.001)
        await reader.alarm(30)

        assert far.gpo == {1: True}


def test_an_error_message_refuses_an_order_and_the_reports_go_on() -> None:
    state = Conversation(Settings(outputs=(1,)), "reporting")
    state, (order,) = talk.switch(state, True)
    assert isinstance(order, talk.Send)
    status = Parameter(287, {"status_code": 109, "error_description": "what?"})
    after, (switched,) = talk.step(state, Message(100, inner=(status,)))

    assert after.phase == "reporting"
    assert isinstance(switched, talk.Switched)
    assert "what?" in switched.refused


def test_an_order_before_the_reader_is_ready_is_refused() -> None:
    state, (switched,) = talk.switch(Conversation(Settings(outputs=(1,)), "add"), True)

    assert state.phase == "add"
    assert isinstance(switched, talk.Switched)
    assert "not ready" in switched.refused


# --- health ---------------------------------------------------------------------------------------


async def test_a_sample_tells_rates_per_antenna_and_how_old_the_last_sign_of_life_is() -> None:
    async with SimLlrpReader(rate=50) as far, connected(far, keep_alive_ms=50) as (reader, _):
        far.field = {1: (BOOK,), 2: (BOOK, BOOK)}
        await until(lambda: reader.health.by_antenna.get(2))
        assert "reads_per_s" not in reader.sample()
        before = dict(reader.health.by_antenna)
        await until(lambda: reader.health.by_antenna[2] >= before[2] + 20 and reader.health.keep_alives)
        far.antenna(2, False)
        await until(lambda: reader.health.antennas)
        sample = reader.sample()

    assert sample["reads_per_s"] == pytest.approx(
        sample["reads_per_s_antenna_1"] + sample["reads_per_s_antenna_2"]
    )
    assert sample["reads_per_s_antenna_2"] > sample["reads_per_s_antenna_1"] > 0
    assert 0 <= sample["keep_alive_age_s"] < 10
    assert (sample["antennas_lost"], sample["rssi_dbm_antenna_1"], sample["losses"]) == (1.0, -47.0, 0.0)
    assert sample["response_ms"] > 0


async def test_bytes_that_are_no_llrp_are_counted_and_the_reader_comes_back() -> None:
    async with SimLlrpReader() as far, connected(far) as (reader, _):
        assert far._client is not None
        far._client.write(b"\x04\x3f\xff\xff\xff\xff\x00\x00\x00\x01")
        await until(lambda: reader.health.connections == 2)

    assert (reader.sample()["decoding_errors"], reader.sample()["reconnections"]) == (1.0, 1.0)


def test_an_antenna_that_falls_silent_counts_nothing_and_is_still_named() -> None:
    rates = AntennaRates()
    rates.count(1, 10)
    assert rates.per_second(5.0) == {}
    rates.count(2, 6)

    assert rates.per_second(8.0) == {1: 0.0, 2: 2.0}
    assert rates.per_second(8.0) == {}
    assert named(rates.per_second(9.0)) == {
        "reads_per_s": 0.0, "reads_per_s_antenna_1": 0.0, "reads_per_s_antenna_2": 0.0,
    }  # fmt: skip
