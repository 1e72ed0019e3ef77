"""Changing the security of an item's tags: what counts is what was read back."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost, TagGone
from firmware_bridge.feig.driver import FeigPad as Driver
from firmware_bridge.ports import AfiResult, DeviceInfo, EasResult, Pad, TagMemory
from firmware_bridge.tags.security import Writing
from kiosk.secure import Outcome, Written, together, write_security
from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag
from wire.clock import SystemClock

UID = "E004015000000001"
OUTCOMES = st.sampled_from(["verified", "failed", "gone", "unknown"])


class ScriptedPad:
    """A pad whose writes come out as told, the last one again and again."""

    def __init__(self, *results: AfiResult | DeviceLost) -> None:
        self.results = list(results)
        self.writes = 0

    async def inventory(self) -> frozenset[str]:
        return frozenset()

    async def read_tag(self, uid: str) -> TagMemory:
        raise TagGone("it is not asked for more than its marks")

    async def info(self) -> DeviceInfo:
        return DeviceInfo()

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        self.writes += 1
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, DeviceLost):
            raise result
        return result


async def write(
    pad: ScriptedPad, uids: Sequence[str] = ("E1",), *, present: bool = True, within_s: float = 0.4
) -> Written:
    return await write_security(
        pad, uids, Writing(7, None), present=lambda _: present, within_s=within_s, clock=SystemClock()
    )


FAILED = AfiResult("failed", 0xC2, "error 13")
GOOD = AfiResult("verified", 7)


async def test_a_write_that_fails_is_tried_again_while_the_tag_is_there() -> None:
    pad = ScriptedPad(FAILED, DeviceLost("cable"), AfiResult("unknown"), GOOD)

    assert await write(pad, within_s=5) == Written("verified", 7)
    assert pad.writes == 4


async def test_time_ends_the_tries_and_the_last_word_counts() -> None:
    assert await write(ScriptedPad(FAILED)) == Written("failed", 0xC2, "error 13")


async def test_a_pad_that_is_lost_leaves_the_tag_unknown() -> None:
    assert (await write(ScriptedPad(DeviceLost("cable")))).outcome == "unknown"


async def test_a_tag_that_is_not_there_is_gone_and_not_touched() -> None:
    pad = ScriptedPad(GOOD)

    assert (await write(pad, present=False)).outcome == "gone"
    assert pad.writes == 0


async def test_a_tag_that_goes_after_a_failed_write_keeps_what_was_read_back() -> None:
    pad = ScriptedPad(FAILED)
    left = itertools.chain([True], itertools.repeat(False))
    written = await write_security(
        pad, ["E1"], Writing(7, None), present=lambda _: next(left), within_s=5, clock=SystemClock()
    )

    assert written.outcome == "failed"


async def test_a_cancelled_write_ends_at_once() -> None:
    task = asyncio.create_task(write(ScriptedPad(FAILED), within_s=60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@given(st.lists(OUTCOMES, min_size=1, max_size=4))
def test_an_item_of_several_tags_is_only_what_all_of_them_are(outcomes: list[Outcome]) -> None:
    said = together([Written(one) for one in outcomes]).outcome

    assert said == (outcomes[0] if len(set(outcomes)) == 1 else "unknown")


class EasPad(ScriptedPad):
    """A pad that switches the EAS bit, too; each try answers what is told."""

    def __init__(self, *said: EasResult, afi: AfiResult = GOOD) -> None:
        super().__init__(afi)
        self.said = list(said)
        self.asked: list[bool] = []

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        self.asked.append(on)
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


async def both(
    pad: ScriptedPad, *, afi: int | None = 7, eas: bool | None = True, within_s: float = 0.2
) -> Written:
    return await write_security(
        pad, ["E1"], Writing(afi, eas), present=lambda _: True, within_s=within_s, clock=SystemClock()
    )


async def test_where_eas_is_used_both_marks_must_be_read_back() -> None:
    silent, stuck, right = EasResult(None, "no answer"), EasResult(False), EasResult(True)

    assert await both(EasPad(right)) == Written("verified", 7)
    assert await both(EasPad(silent, stuck, right), within_s=5) == Written("verified", 7)
    assert await both(EasPad(stuck)) == Written("unknown", 7, "the EAS bit did not change")
    assert await both(EasPad(silent)) == Written("unknown", 7, "no answer")


async def test_where_eas_is_not_used_it_is_left_alone() -> None:
    pad = EasPad(EasResult(True))

    assert await both(pad, eas=None) == Written("verified", 7)
    assert pad.asked == []


async def test_a_reader_that_cannot_switch_eas_is_told_never_believed() -> None:
    assert await both(ScriptedPad(GOOD)) == Written("unknown", 7, "this reader cannot switch the EAS bit")


@pytest.mark.parametrize("afi", [FAILED, AfiResult("unknown", None, "no answer")])
async def test_an_afi_that_was_not_read_back_as_wanted_leaves_the_eas_bit_alone(afi: AfiResult) -> None:
    pad = EasPad(EasResult(True), afi=afi)

    assert await both(pad, within_s=0) == Written(afi.outcome, afi.afi, afi.reason)
    assert pad.asked == []


@pytest.mark.parametrize(
    ("said", "came"),
    [
        (EasResult(True), Written("verified")),
        (EasResult(False), Written("failed", None, "the EAS bit did not change")),
        (EasResult(None, "no answer"), Written("unknown", None, "no answer")),
    ],
)
async def test_where_eas_alone_secures_it_is_the_whole_answer_and_the_afi_is_left_alone(
    said: EasResult, came: Written
) -> None:
    pad = EasPad(said)

    assert await both(pad, afi=None, within_s=0) == came
    assert pad.writes == 0


async def test_a_reader_without_eas_never_secures_where_eas_alone_does() -> None:
    assert (await both(ScriptedPad(GOOD), afi=None, within_s=0)).outcome == "unknown"


@asynccontextmanager
async def laid(tag: SimTag) -> AsyncIterator[tuple[FeigPad, Pad]]:
    """Lay a tag on a simulated pad, and give the production driver before it."""
    pad = FeigPad()
    await pad.start()
    driver = Driver.tcp("127.0.0.1", pad.port, timeout_s=0.3)
    try:
        pad.place(tag)
        yield pad, driver
    finally:
        await driver.close()
        await pad.stop()


@pytest.mark.parametrize("on", [True, False])
async def test_eas_alone_is_switched_on_a_real_line_and_the_afi_that_stands_there_is_named(on: bool) -> None:
    tag = SimTag.for_item(UID, "30001", "DE-290", afi=0x42)
    tag.eas = not on
    async with laid(tag) as (_, driver):
        written = await write_security(
            driver, [UID], Writing(None, on), present=lambda _: True, within_s=2, clock=SystemClock()
        )

    assert written == Written("verified", 0x42)
    assert (tag.eas, tag.afi, tag.afi_log) == (on, 0x42, [])


async def test_an_eas_bit_that_is_locked_reads_as_before_and_has_failed() -> None:
    tag = SimTag.for_item(UID, "30001", "DE-290", afi=0x42)
    tag.eas_locked = True
    async with laid(tag) as (_, driver):
        written = await write_security(
            driver, [UID], Writing(None, True), present=lambda _: True, within_s=0, clock=SystemClock()
        )

    assert (written.outcome, tag.eas) == ("failed", False)
