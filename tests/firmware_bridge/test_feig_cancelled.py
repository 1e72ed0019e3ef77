"""A command that is cancelled, wherever it waits, leaves the line so that the next one gets its own answer."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from firmware_bridge.feig.driver import FeigPad
from sim.cables import Cable, Fault
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag
from wire.errors import DeviceError

UID, OTHER = "E004015000000001", "E004015000000002"


class CancelAt:
    """Runs a coroutine and cancels its task at the n-th time that it waits."""

    def __init__(self, inner: Awaitable[Any], at: int) -> None:
        self._inner, self._at, self.waits = inner, at, 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Any = self._inner.__await__()
        thrown: BaseException | None = None
        while True:
            try:
                waits_for = next(steps) if thrown is None else steps.throw(thrown)
            except StopIteration as done:
                return done.value
            if self.waits == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            self.waits += 1
            thrown = None
            try:
                yield waits_for
            except BaseException as error:
                thrown = error


async def cancelled_at(pad: FeigPad, work: Callable[[FeigPad], Awaitable[Any]], at: int) -> bool:
    """Run `work`, cancelled at its wait number `at`; whether there was one."""

    async def run() -> None:
        await CancelAt(work(pad), at)

    task = asyncio.create_task(run())
    try:
        await task
    except asyncio.CancelledError:
        return True
    except DeviceError:
        return False
    return False


async def in_a_row(times: int, work: Callable[[], Awaitable[Any]]) -> None:
    """Do the same again, so that there is more than one place to be cancelled at."""
    for _ in range(times):
        await work()


WORK: dict[str, Callable[[FeigPad], Awaitable[Any]]] = {
    "read": lambda pad: in_a_row(2, lambda: pad.read_all(UID)),
    "afi": lambda pad: in_a_row(2, lambda: pad.write_afi(UID, 0xC2)),
    "eas": lambda pad: pad.set_eas(UID, True),
    "inventory": lambda pad: in_a_row(3, pad.inventory),
}
CABLES = {
    "good": Fault(),
    "chopped": Fault(chop=True),
    "slow": Fault(delay_s=0.002),
    "twice": Fault(repeat=0.3),
}


@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("cable", CABLES)
async def test_after_a_cancellation_anywhere_the_next_question_gets_its_own_answer(
    name: str, cable: str
) -> None:
    sim = SimPad()
    await sim.start()
    sim.place(SimTag.for_item(UID, "item-1", "XX-TLF"))
    other = SimTag(OTHER, memory=bytearray(os.urandom(112)))
    sim.place(other)
    at, answered = 0, 0
    async with Cable("127.0.0.1", sim.port, CABLES[cable], seed=7) as line, asyncio.timeout(60):
        pad = FeigPad.tcp("127.0.0.1", line.port, timeout_s=0.5)
        while at < 120 and await cancelled_at(pad, WORK[name], at):
            try:
                found = await pad.read_all(OTHER)
            except DeviceError:
                continue
            finally:
                at += 1
            assert bytes(other.memory) == found.blocks
            answered += 1
        await pad.close()
    await sim.stop()

    assert at >= 3
    assert answered >= at * 0.9
