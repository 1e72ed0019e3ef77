"""Changing the security of an item's tags: what counts is what was read back."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import AfiResult, DeviceInfo, EasResult, TagMemory
from kiosk.secure import Outcome, Written, together, write_security
from wire.clock import SystemClock

OUTCOMES = st.sampled_from(["verified", "failed", "gone", "unknown"])


class ScriptedPad:
    """A pad whose writes come out as told, the last one again and again."""

    def __init__(self, *results: AfiResult | DeviceLost) -> None:
        self.results = list(results)
        self.writes = 0

    async def inventory(self) -> frozenset[str]:
        return frozenset()

    async def read_tag(self, uid: str) -> TagMemory:
        raise NotImplementedError

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
        pad, uids, 7, present=lambda _: present, within_s=within_s, clock=SystemClock()
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
        pad, ["E1"], 7, present=lambda _: next(left), within_s=5, clock=SystemClock()
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

    def __init__(self, *said: EasResult) -> None:
        super().__init__(GOOD)
        self.said = list(said)
        self.asked: list[bool] = []

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        self.asked.append(on)
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


async def both(pad: ScriptedPad, *, eas: bool | None = True, within_s: float = 0.2) -> Written:
    return await write_security(
        pad, ["E1"], 7, present=lambda _: True, within_s=within_s, clock=SystemClock(), eas=eas
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
