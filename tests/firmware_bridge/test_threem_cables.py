"""The 3M driver over cables that chop, lose, repeat, delay, flip and cut: right, or an error with a name.

Also cancelled at every wait: whatever was under way, the next question gets its own answer.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from firmware_bridge.tags import ItemTag, SecurityBits, decode_tag
from firmware_bridge.threem.driver import ThreeMPad
from sim.cables import Cable, Fault
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad as SimPad
from wire.errors import DeviceError

OURS = frozenset({"XX-TLF"})
UIDS = [f"E0040150000000{n:02X}" for n in range(6)]
TURNS = 10
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


async def one_turn(pad: ThreeMPad, tag: SimTag, number: int, turn: int) -> str:
    """Read a tag, write its AFI, EAS and a block; return what came of it, or "wrong", which must never be."""
    wanted, on, data = (0xC2 if turn % 2 else 0x07), bool(turn % 2), f"{turn:04d}".encode()
    try:
        found = decode_tag(await pad.read_tag(tag.uid), OURS, SecurityBits())
        inventory = await pad.inventory()
        result = await pad.write_afi(tag.uid, wanted)
    except DeviceError as error:
        return type(error).__name__
    if not isinstance(found, ItemTag) or found.item != f"item-{number}" or not inventory <= set(UIDS):
        return "wrong"
    if result.outcome != "unknown" and (result.outcome == "verified") != (tag.afi == wanted):
        return "wrong"
    try:
        heard = (await pad.set_eas(tag.uid, on)).on
        if heard is not None and heard is not tag.eas:
            return "wrong"
        await pad.write_blocks(tag.uid, 20, data, 4)
    except DeviceError as error:
        return type(error).__name__
    return result.outcome if tag.memory[80:84] == data else "wrong"


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("name", CABLES)
async def test_over_a_bad_cable_a_value_is_right_or_the_error_has_a_name(name: str, seed: int) -> None:
    sim = SimPad()
    await sim.start()
    tags = [SimTag.for_item(uid, f"item-{n}", "XX-TLF") for n, uid in enumerate(UIDS)]
    for tag in tags:
        sim.place(tag)
    came: Counter[str] = Counter()
    async with Cable("127.0.0.1", sim.port, CABLES[name], seed=seed) as cable, asyncio.timeout(60):
        pad = ThreeMPad.tcp("127.0.0.1", cable.port, timeout_s=0.1, connect_timeout_s=1.0, write_tries=3)
        for turn in range(TURNS):
            number = turn % len(tags)
            came[await one_turn(pad, tags[number], number, turn)] += 1
        await pad.close()
    await sim.stop()

    assert came["wrong"] == 0
    assert came.total() == TURNS
    assert came["verified"] >= (TURNS if name in MUST_WORK else 1), came


WORK: dict[str, Callable[[ThreeMPad], Awaitable[object]]] = {
    "inventory": lambda pad: pad.inventory(),
    "read": lambda pad: pad.read_all(UIDS[0]),
    "write": lambda pad: pad.write_blocks(UIDS[0], 20, bytes(range(32)), 4),
    "afi": lambda pad: pad.write_afi(UIDS[0], 0xC2),
    "eas": lambda pad: pad.set_eas(UIDS[0], True),
    "lock": lambda pad: pad.lock_blocks(UIDS[0], 25, 2),
}


async def cancelled_at(pad: ThreeMPad, work: Callable[[ThreeMPad], Awaitable[object]], at: int) -> bool:
    """Cancel the work at its wait number `at`; return whether it had come that far."""
    task = asyncio.ensure_future(work(pad))
    for _ in range(at):
        if task.done():
            break
        await asyncio.sleep(0)
    reached = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return reached


@pytest.mark.parametrize("name", WORK)
async def test_cancelled_at_any_wait_it_leaves_the_line_sane(name: str) -> None:
    sim = SimPad()
    await sim.start()
    tags = [SimTag.for_item(uid, f"item-{n}", "XX-TLF") for n, uid in enumerate(UIDS[:2])]
    for tag in tags:
        sim.place(tag)
    pad = ThreeMPad.tcp("127.0.0.1", sim.port, timeout_s=0.5)
    at, reached = 0, True
    while reached:
        reached = await cancelled_at(pad, WORK[name], at)
        other = await pad.read_all(UIDS[1])
        assert (other.uid, other.blocks) == (UIDS[1], bytes(tags[1].memory))
        at += 1
    await pad.close()
    await sim.stop()

    assert at > 3
