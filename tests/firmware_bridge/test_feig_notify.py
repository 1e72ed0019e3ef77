"""Readers that push: records arrive once they were taken, broken ones come again, silence is told."""

import asyncio

import pytest

from firmware_bridge.errors import DeviceLost
from firmware_bridge.feig import buffer, words
from firmware_bridge.feig.frames import Frame, encode
from firmware_bridge.feig.notify import Alive, Came, Listener, Notice, Pushed, Silent, Went
from sim.devices.feig_buffer import Notifier
from sim.devices.tags import SimTag

TAG = SimTag.for_item("E004015000000001", "30000001", "XX-TLF")
HERE = "127.0.0.1"


class Heard:
    """Notices, and waiting for the next one of a kind."""

    def __init__(self) -> None:
        self.all: list[Notice] = []
        self._came = asyncio.Event()

    def __call__(self, notice: Notice) -> None:
        self.all.append(notice)
        self._came.set()

    async def until(self, kind: type[Notice]) -> Notice:
        async with asyncio.timeout(10):
            while True:
                for notice in self.all:
                    if isinstance(notice, kind):
                        return notice
                self._came.clear()
                await self._came.wait()


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_a_pushed_tag_arrives_with_its_antenna_and_time(acknowledged: bool) -> None:
    heard = Heard()
    async with Listener(HERE, 0, heard, acknowledge=acknowledged) as listener:
        async with Notifier(HERE, listener.port, acknowledged=acknowledged) as reader:
            reader.buffer.passes(TAG, antennas=(1, 3), time_ms=61_007)

            assert await reader.push()

            pushed = await heard.until(Pushed)
        await heard.until(Went)

    assert isinstance(pushed, Pushed)
    (one,) = pushed.sets
    assert (TAG.uid, (1, 3), 61_007, True) == (one.uid, one.antennas, one.time_ms, one.is_tag)
    assert [type(notice) for notice in heard.all] == [Came, Pushed, Went]
    assert reader.buffer.records == []


async def test_a_push_that_cannot_be_read_is_not_acknowledged_and_comes_again() -> None:
    heard = Heard()
    async with (
        Listener(HERE, 0, heard, acknowledge=True) as listener,
        Notifier(HERE, listener.port, acknowledged=True) as reader,
    ):
        reader.buffer.passes(TAG)
        status, data = reader.buffer.take(9)
        broken = bytearray(encode(Frame(words.READ_BUFFER, bytes((status,)) + data, 0)))
        broken[-1] ^= 1
        await reader.send(bytes(broken))
        await reader.send(encode(Frame(words.READ_BUFFER, bytes((status,)) + data[:-1], 0)))

        assert await reader.push()

    assert sum(isinstance(notice, Pushed) for notice in heard.all) == 1
    assert listener.damaged >= 2


async def test_a_keep_alive_tells_a_bad_antenna_and_silence_is_told_once() -> None:
    heard = Heard()
    async with (
        Listener(HERE, 0, heard, silent_s=0.05) as listener,
        Notifier(HERE, listener.port) as reader,
    ):
        await reader.keep_alive(b"\x08\0")
        alive = await heard.until(Alive)
        await heard.until(Silent)

    assert alive == Alive(HERE, frozenset({"impedance_above_50_ohm"}))
    assert sum(isinstance(notice, Silent) for notice in heard.all) == 1


async def test_a_port_that_is_taken_is_a_named_error() -> None:
    async with Listener(HERE, 0, Heard()) as first:
        with pytest.raises(DeviceLost, match="cannot listen"):
            async with Listener(HERE, first.port, Heard()):
                pass


def test_a_record_with_all_the_fields_that_are_described() -> None:
    first = buffer.IDD | buffer.DB | buffer.ANT | buffer.TIME | buffer.DATE | buffer.EXTENDED
    second = buffer.IN | buffer.MAC
    fields = (
        "030008E004015000000001" "00020404030201FFEEDDCC" "0A1E03E8" "1415162018" "05" "0300" "0011223344AA"
    )  # fmt: skip
    record = bytes.fromhex(fields)
    data = bytes((first, second)) + b"\0\1" + (len(record) + 2).to_bytes(2, "big") + record

    (one,) = buffer.parse_sets(data)

    assert (one.uid, one.antennas, one.inputs) == ("E004015000000001", (1, 3), 3)
    assert (one.blocks, one.time_ms) == (bytes.fromhex("01020304CCDDEEFF"), 37_801_000)
    assert (one.mac, one.date, one.rest) == ("00:11:22:33:44:aa", "1415162018", b"")


async def test_each_reader_that_pushes_is_counted_antenna_by_antenna() -> None:
    heard = Heard()
    async with Listener(HERE, 0, heard, acknowledge=True) as listener:
        assert listener.sample() == {}
        samples = []
        for _ in range(2):
            async with Notifier(HERE, listener.port, acknowledged=True) as reader:
                reader.buffer.passes(TAG, antennas=(1, 3), time_ms=61_007)
                reader.buffer.passes(TAG, antennas=(3,), time_ms=61_008)
                assert await reader.push()
            samples.append(listener.sample()[HERE])

    first, sample = samples
    assert "reads_per_s" not in first
    assert sample["reads_per_s_antenna_3"] == pytest.approx(2 * sample["reads_per_s_antenna_1"])
    assert sample["reads_per_s"] > 0
    counted = {
        name: sample[name] for name in ("pushes", "records", "tags", "overflows", "damaged", "silences")
    }
    assert counted == {"pushes": 2, "records": 4, "tags": 4, "overflows": 0, "damaged": 0, "silences": 0}
    assert sample["reconnections"] == 1
    assert 0 <= sample["heard_age_s"] < 10
