"""What was read back counts: AFI, EAS bit and DSFID of a tag whose every write and look may fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost, RfCommError, TagGone, TagLocked, TagWriteFailed
from firmware_bridge.ports import EasResult
from firmware_bridge.read_back import LISTENS, NO_EAS, ReadBack
from wire.errors import DeviceError

UID = "E004015000000001"
FAULTS = (None, TagWriteFailed("not written"), RfCommError("garbled"), TagLocked("locked"))
puts = st.tuples(st.sampled_from(FAULTS), st.booleans())
"""What a write answers, and whether it was done."""


class Scripted(ReadBack):
    """A tag whose writes and looks go as told, and then well."""

    def __init__(
        self, puts: list[tuple[DeviceError | None, bool]], looks: list[bool], tries: int = 3
    ) -> None:
        super().__init__(self, tries=tries)
        self.puts, self.looks = list(puts), list(looks)
        self.afi, self.dsfid, self.on = 0xC2, 0, False
        self.written = 0
        self.heard = 0
        self.there = True

    async def ready(self) -> None:
        if not self.there:
            raise DeviceLost("the reader is gone")

    def _do(self, change: str, value: int) -> DeviceError | None:
        self.written += 1
        fault, done = self.puts.pop(0) if self.puts else (None, True)
        if done and not isinstance(fault, TagLocked):
            setattr(self, change, value)
        return fault

    def _seen(self) -> None:
        if self.looks and not self.looks.pop(0):
            raise TagGone("no tag answered")

    async def _put_afi(self, uid: str, afi: int) -> DeviceError | None:
        return self._do("afi", afi)

    async def _put_dsfid(self, uid: str, dsfid: int) -> DeviceError | None:
        return self._do("dsfid", dsfid)

    async def _put_eas(self, uid: str, on: bool) -> DeviceError | None:
        return self._do("on", on)

    async def _afi_now(self, uid: str) -> int:
        self._seen()
        return self.afi

    async def _dsfid_now(self, uid: str) -> int:
        self._seen()
        return self.dsfid

    async def _sounds(self, uid: str) -> bool:
        self.heard += 1
        return self.on


@given(st.lists(puts, max_size=4), st.lists(st.booleans(), max_size=4), st.integers(1, 4))
async def test_whatever_a_write_answers_the_afi_that_stands_there_is_what_is_told(
    told: list[tuple[DeviceError | None, bool]], looks: list[bool], tries: int
) -> None:
    tag = Scripted(told, looks, tries)

    said = await tag.write_afi(UID, 0x07)

    assert said.afi in (None, tag.afi)
    assert (said.outcome == "verified") == (said.afi == 0x07)
    assert (said.outcome == "unknown") == (said.afi is None)
    assert 1 <= tag.written <= tries


async def test_a_locked_afi_is_not_tried_again() -> None:
    tag = Scripted([(TagLocked("locked"), False)] * 3, [])

    said = await tag.write_afi(UID, 0x07)

    assert (said.outcome, said.afi, said.reason, tag.written) == ("failed", 0xC2, "locked", 1)


@given(st.lists(puts, max_size=4), st.lists(st.booleans(), max_size=8), st.booleans())
async def test_an_eas_bit_is_on_or_off_only_as_it_is(
    told: list[tuple[DeviceError | None, bool]], looks: list[bool], on: bool
) -> None:
    tag = Scripted(told, looks)
    tag.on = not on

    said = await tag.set_eas(UID, on)

    assert said.on in (None, tag.on)
    assert said.on is on or said.reason or tag.written == 3


async def test_off_is_silence_three_times_with_an_answer_after_each() -> None:
    tag = Scripted([], [])
    assert (await tag.eas(UID), tag.heard) == (EasResult(False), LISTENS)

    gone = Scripted([], [True, True, False])
    assert (await gone.eas(UID)).on is None


async def test_another_makers_tag_is_neither_asked_nor_written() -> None:
    tag = Scripted([], [])

    assert await tag.eas("E007000000000001") == await tag.set_eas("E007000000000001", True) == NO_EAS
    assert (tag.written, tag.heard) == (0, 0)


async def test_a_reader_that_is_away_raises_before_anything_was_written() -> None:
    tag = Scripted([], [])
    tag.there = False

    with pytest.raises(DeviceLost):
        await tag.write_afi(UID, 0x07)
    with pytest.raises(DeviceLost):
        await tag.set_eas(UID, True)
    assert tag.written == 0


async def test_a_dsfid_that_stands_there_is_written_and_another_one_is_not() -> None:
    await Scripted([(RfCommError("garbled"), True)], []).write_dsfid(UID, 6)

    with pytest.raises(TagWriteFailed, match="another DSFID"):
        await Scripted([(None, False)], []).write_dsfid(UID, 6)
    with pytest.raises(RfCommError):
        await Scripted([(RfCommError("garbled"), False)], []).write_dsfid(UID, 6)
