"""A thread for calls that block: in order, outcomes told, and never in the way of the process's end."""

import asyncio
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from firmware_bridge.worker import Worker


async def test_calls_are_made_in_order_and_their_outcomes_told() -> None:
    worker, made = Worker("w"), list[int]()

    def call(number: int) -> int:
        made.append(number)
        if number == 2:
            raise ValueError("two")
        return number

    found = await asyncio.gather(*(worker.run(lambda n=n: call(n)) for n in range(4)), return_exceptions=True)  # type: ignore[misc]  # bound now
    worker.close(lambda: made.append(9))

    async with asyncio.timeout(5):
        while made[-1] != 9:
            await asyncio.sleep(0.001)
    assert made == [0, 1, 2, 3, 9]
    assert [found[0], found[1], found[3]] == [0, 1, 3]
    assert isinstance(found[2], ValueError)


async def test_who_stops_waiting_leaves_the_call_to_its_end_and_the_next_waits_its_turn() -> None:
    worker, go = Worker("w"), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await worker.run(go.wait)
    later = asyncio.create_task(worker.run(lambda: "done"))
    await asyncio.sleep(0.01)
    waited = not later.done()
    go.set()

    assert waited
    assert await later == "done"
    worker.close(lambda: None)


def test_a_worker_that_was_never_used_does_its_last_call_at_once() -> None:
    made: list[int] = []

    Worker("w").close(lambda: made.append(1))

    assert made == [1]


HUNG = """
import asyncio, sys
from contextlib import aclosing, suppress
from firmware_bridge import pcsc
from firmware_bridge.pcsc_pad import PcscPad, PcscPadSettings
from wire.errors import DeviceError

async def listen():
    async with aclosing(pcsc.PcscCardReader().events()) as events:
        async for _ in events:
            pass

async def main():
    pcsc.END_S = 0.1
    pad = PcscPad(PcscPadSettings(timeout_s=0.2))
    with suppress(DeviceError):
        await pad.inventory()
    task = asyncio.create_task(listen())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await pad.close()
    print("ended", flush=True)

asyncio.run(main())
"""


@pytest.mark.pcscd
async def test_a_daemon_that_takes_connections_and_never_answers_holds_up_nobodys_end(tmp_path: Path) -> None:
    path = tmp_path / "pcscd.comm"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HUNG,
            env=os.environ | {"PCSCLITE_CSOCK_NAME": str(path)}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(20):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert (out, process.returncode) == (b"ended\n", 0)
