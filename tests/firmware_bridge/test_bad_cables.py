"""The FEIG driver over cables that chop, lose, repeat, delay, flip and cut: right, or an error with a name."""

import asyncio
from collections import Counter

import pytest

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.tags import ItemTag, SecurityBits, decode_tag
from sim.cables import Cable, Fault
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag
from wire.errors import DeviceError

OURS = frozenset({"XX-TLF"})
UIDS = [f"E0040150000000{n:02X}" for n in range(6)]
TURNS = 16
CABLES = {
    "one byte at a time": Fault(chop=True),
    "a fifth is lost": Fault(lose=0.2),
    "slow": Fault(delay_s=0.02),
    "now and then slower than the patience": Fault(delay_s=0.07),
    "everything twice now and then": Fault(repeat=0.3),
    "cut in mid-frame": Fault(cut=0.08),
    "bits flip": Fault(garbage=0.15),
    "all of it": Fault(chop=True, lose=0.05, delay_s=0.02, repeat=0.1, cut=0.02, garbage=0.05),
}
MUST_WORK = {"one byte at a time", "slow"}


async def one_turn(pad: FeigPad, tag: SimTag, number: int, wanted: int) -> str:
    """Read a tag and write its AFI; return what came of it, or "wrong", which must never be."""
    try:
        found = decode_tag(await pad.read_tag(tag.uid), OURS, SecurityBits())
        inventory = await pad.inventory()
        result = await pad.write_afi(tag.uid, wanted)
    except DeviceError as error:
        return type(error).__name__
    if not isinstance(found, ItemTag) or found.item != f"item-{number}" or not inventory <= set(UIDS):
        return "wrong"
    if result.outcome == "verified" and tag.afi != wanted:
        return "wrong"
    if result.outcome == "failed" and tag.afi == wanted:
        return "wrong"
    return result.outcome


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CABLES)
async def test_over_a_bad_cable_a_value_is_right_or_the_error_has_a_name(name: str, seed: int) -> None:
    sim = SimPad()
    await sim.start()
    tags = [SimTag.for_item(uid, f"item-{n}", "XX-TLF") for n, uid in enumerate(UIDS)]
    for tag in tags:
        sim.place(tag)
    came: Counter[str] = Counter()
    async with Cable("127.0.0.1", sim.port, CABLES[name], seed=seed) as cable, asyncio.timeout(60):
        pad = FeigPad.tcp("127.0.0.1", cable.port, timeout_s=0.1, connect_timeout_s=1.0)
        for turn in range(TURNS):
            number = turn % len(tags)
            came[await one_turn(pad, tags[number], number, 0xC2 if turn % 2 else 0x07)] += 1
        await pad.close()
    await sim.stop()

    assert came["wrong"] == 0
    assert came.total() == TURNS
    assert came["verified"] >= (TURNS if name in MUST_WORK else 1), came


async def test_a_line_that_was_bad_works_again_when_it_is_good() -> None:
    sim = SimPad()
    await sim.start()
    sim.place(SimTag.for_item(UIDS[0], "item-0", "XX-TLF"))
    pads: list[object] = []
    for fault in (Fault(lose=1.0), Fault()):
        async with Cable("127.0.0.1", sim.port, fault) as cable:
            pad = FeigPad.tcp("127.0.0.1", cable.port, timeout_s=0.05)
            try:
                pads.append(await pad.inventory())
            except DeviceError as error:
                pads.append(type(error).__name__)
            await pad.close()
    await sim.stop()

    assert pads == ["DeviceTimeout", {UIDS[0]}]
