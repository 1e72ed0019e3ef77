import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from link_contract import PATIENCE_S
from reference_central import ReferenceCentral
from test_link_memory import settings

from wire.clock import Stamper, SystemClock
from wire.edge import Edge
from wire.ids import new_id
from wire.link import Connected, Inbound, Outgoing, Refused
from wire.link_memory import Faults, MemoryBroker, MemoryLink
from wire.messages.base import stamped
from wire.messages.facts import Checkout
from wire.messages.states import CentralStatus
from wire.messages.stream import UPWARD, Answer, Entry, Hello
from wire.topics import topic
from wire.uplink import Uplink

DOWN = (topic("resume", station="k1"), topic("answer", station="k1"), topic("central"))


class Middle(random.Random):
    """Chance that always falls into the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Line:
    """A station's uplink, a broker in memory and a central, running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stamper = Stamper(SystemClock(), new_id())
        self.broker = MemoryBroker()
        self.central = ReferenceCentral(folder / "ledger.db")
        self.window = 0.0
        self.answers: asyncio.Queue[tuple[Answer, str]] = asyncio.Queue()
        self.mute = False
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self.edge = await Edge.open(self.folder / "edge.db", stamper=self.stamper)
        self.link = MemoryLink(self.broker, settings("k1", DOWN))
        self.central_link = MemoryLink(self.broker, settings("central", (topic("fact"),)))
        self.uplink = Uplink(
            self.edge,
            self.link,
            "k1",
            self.stamper,
            lambda answer, phase: self.answers.put_nowait((answer, phase)),
            rng=Middle(),
        )
        loops = (self.link.run(), self.central_link.run(), self.listen(), self.serve(), self.uplink.run())
        self.tasks = [asyncio.create_task(loop) for loop in loops]

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        for ended in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended
        await self.edge.close()
        self.central.db.close()

    async def listen(self) -> None:
        async for event in self.link.events():
            if not self.uplink.handle(event) and isinstance(event, Inbound):
                event.ack()

    def say_status(self) -> None:
        status = CentralStatus(
            state="online",
            boot=self.central.boot,
            at=self.stamper.clock.now(),
            version="0",
            reconnect_window_s=self.window,
        )
        self.central_link.post(Outgoing(topic("central"), status.encode(), retain=True))

    async def serve(self) -> None:
        async for event in self.central_link.events():
            if isinstance(event, Connected):
                self.say_status()
            elif isinstance(event, Inbound):
                if self.mute:
                    event.ack()
                    continue
                for reply in self.central.take("k1", UPWARD.validate_json(event.payload)):
                    name = "answer" if isinstance(reply, Answer) else "resume"
                    self.central_link.post(Outgoing(topic(name, station="k1"), reply.encode()))
                event.ack()

    async def until(self, reached) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                await asyncio.sleep(0.005)

    async def drained(self) -> None:
        await self.until(lambda: self.uplink.in_step and self.edge.held.confirmed == self.edge.held.last)

    async def request(self) -> str:
        body = Checkout(visit="v", card="c", item="i", **stamped(self.stamper.stamp()))
        request = await self.edge.request(body)
        self.uplink.kick()
        return request

    def said(self, kind: type) -> list:
        messages = [
            UPWARD.validate_json(out.payload) for out in self.broker.log if out.topic.endswith("/fact")
        ]
        return [message for message in messages if isinstance(message, kind)]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    line = Line(tmp_path)
    await line.open()
    yield line
    await line.close()


async def test_a_request_is_answered_and_the_answer_is_on_the_disk_before_it_is_told(line: Line) -> None:
    await line.drained()
    request = await line.request()
    answer, phase = await asyncio.wait_for(line.answers.get(), PATIENCE_S)

    assert (request, "granted", "writing") == (answer.request, answer.outcome, phase)
    assert line.edge.phase(request) == "writing"


async def test_not_more_than_sixteen_entries_are_in_flight(line: Line) -> None:
    await line.drained()
    line.mute = True
    for number in range(40):
        await line.edge.checkin(f"i{number}", "bin")
        line.uplink.kick()
    await line.until(lambda: len(line.said(Entry)) >= 17)
    await asyncio.sleep(0)

    assert len(line.said(Entry)) == 1 + 16  # began, and a window
    line.mute = False
    line.broker.cut("k1")
    await line.drained()
    assert line.central.one("SELECT count(*) FROM effect")[0] == 41


async def test_nothing_is_sent_twice_when_nothing_goes_wrong(line: Line) -> None:
    await line.drained()
    for number in range(100):
        await line.edge.checkin(f"i{number}", "bin")
        line.uplink.kick()
    await line.drained()

    assert len(line.said(Entry)) == 101


async def test_a_new_central_is_greeted(line: Line) -> None:
    await line.drained()
    first = line.uplink.central
    line.central = line.central.restart()
    line.say_status()
    await line.until(lambda: line.uplink.central not in (None, first))

    assert line.central.boot == line.uplink.central


async def test_after_an_outage_the_hello_waits_for_its_moment_in_the_window(line: Line) -> None:
    await line.drained()
    line.window = 0.6
    line.say_status()
    await line.until(lambda: line.uplink.window == 0.6)
    hellos = len(line.said(Hello))
    began = asyncio.get_running_loop().time()
    line.broker.cut("k1")
    await line.until(lambda: line.uplink.central is None)
    await line.drained()

    assert hellos + 1 == len(line.said(Hello))
    assert asyncio.get_running_loop().time() - began >= 0.3


async def test_a_denied_fact_stops_the_stream_where_everybody_can_see_it(line: Line) -> None:
    await line.drained()
    assert line.uplink.handle(Refused(topic("fact", station="k1"), "Not authorized"))
    assert not line.uplink.handle(Refused(topic("status", station="k1"), "Not authorized"))
    await line.edge.checkin("i", "bin")
    line.uplink.kick()

    assert line.uplink.denied == "Not authorized"
    assert line.uplink.central is None
    assert not line.uplink.in_step
    line.broker.cut("k1")
    await line.drained()
    assert line.uplink.denied is None


async def test_a_lost_answer_is_asked_for_again(line: Line) -> None:
    await line.drained()
    lost: list[str] = []

    def lose_first_answer(client: str, out: Outgoing) -> tuple[float, ...]:
        if out.topic == topic("answer", station="k1") and not lost:
            lost.append(client)
            return ()
        return (0.0,)

    line.broker.faults = lose_first_answer
    request = await line.request()
    answer, _ = await asyncio.wait_for(line.answers.get(), PATIENCE_S)

    assert (["k1"], request) == (lost, answer.request)


async def test_a_parked_stream_is_not_in_step_and_goes_on_when_released(line: Line) -> None:
    await line.drained()
    line.central.db.execute("UPDATE stream SET parked_id = 'x'")
    await line.edge.checkin("i", "bin")
    line.uplink.kick()
    await line.until(lambda: line.uplink.parked)
    assert not line.uplink.in_step

    line.central.retry()
    line.broker.cut("k1")
    await line.drained()
    assert not line.uplink.parked


async def test_messages_that_are_not_understood_do_not_stop_the_uplink(line: Line) -> None:
    await line.drained()
    for name in ("resume", "answer"):
        line.central_link.post(Outgoing(topic(name, station="k1"), b'{"schema": "answer/1"}'))
    line.central_link.post(Outgoing(topic("central"), b"{}"))
    await line.edge.checkin("i", "bin")
    line.uplink.kick()
    await line.drained()


async def test_replies_to_asks_are_left_to_the_station(line: Line) -> None:
    reply = Inbound(topic("answer", station="k1"), b'{"schema": "account/1", "ask": "a", "known": false}')

    assert not line.uplink.handle(reply)


def rough(seed: int) -> Faults:
    rng = random.Random(seed)
    return lambda client, out: rng.choice([(), (0.0,), (0.0,), (0.0, 0.0), (0.003,), (0.02,)])


@pytest.mark.parametrize("seed", range(3))
async def test_a_rough_network_loses_doubles_and_turns_round_nothing(line: Line, seed: int) -> None:
    await line.drained()
    line.broker.faults = rough(seed)
    ids = []
    for number in range(60):
        ids.append(await line.edge.checkin(f"i{number}", "bin"))
        line.uplink.kick()
        if number % 20 == 10:
            line.broker.cut("k1")
            await asyncio.sleep(0.02)
    line.broker.faults = None
    line.broker.cut("k1")
    await line.drained()
    effects = [row[0] for row in line.central.db.execute("SELECT fact_id FROM effect ORDER BY n")]

    assert ids == effects[1:]
