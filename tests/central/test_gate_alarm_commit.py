"""A gate's alarm stands in the commit of its passage: no death of central comes between the two."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from central_kit import KEY, Peer, Script, central_on, peer, seed, station
from sqlalchemy import select

from central import watch
from central.authority import OwnLedger
from central.desk import Desk
from central.ledger import alarms
from central.ledger.alarms import AlarmRow
from central.ledger.ledger import Ledger
from central.ledger.schema import passage
from central.results import FromStation
from circulation.policy import Policy
from wire.clock import FakeClock, SystemClock
from wire.ids import new_id
from wire.link_memory import MemoryBroker
from wire.messages.facts import Passage, PassedItem
from wire.messages.states import AlarmState, FeedEvent
from wire.messages.stream import Entry
from wire.topics import ROOT, topic

PUB = f"{ROOT}/pub/#"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TURN_S", 0.02)


def entry(boot: str, stream: str, seq: int, prev: str, clock: FakeClock | SystemClock) -> Entry:
    body = Passage(
        at=clock.now(), clock="synced", boot="b", mono=clock.mono(), direction="out", verdict="alarm",
        items=(PassedItem(item="ITEM-0001", secured=True, verdict="alarm"),),
    )  # fmt: skip
    plain = body.model_dump(mode="json", by_alias=True)
    return Entry(stream=stream, link="l", to=boot, seq=seq, id=new_id(), prev_id=prev, body=plain)


class At:
    """A desk on a ledger file, whose effects nobody takes."""

    def __init__(self, folder: Path, clock: FakeClock | SystemClock) -> None:
        self.clock = clock
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}", clock=clock)
        self.desk = Desk(self.ledger, OwnLedger(Policy()), Policy(), clock, KEY)
        self.running = asyncio.create_task(self.desk.run())
        self.stream, self.seq, self.prev = new_id(), 0, ""

    async def sound(self) -> None:
        said = entry(self.ledger.boot, self.stream, self.seq + 1, self.prev, self.clock)
        self.seq, self.prev = said.seq, said.id
        await self.desk.submit(FromStation("gate-1", said))

    async def rows(self) -> list[AlarmRow]:
        return await self.ledger.read(alarms.load_all)

    async def close(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        self.ledger.close()


async def test_central_dies_right_after_the_commit_and_the_next_one_raises_the_alarm(tmp_path: Path) -> None:
    seed(tmp_path)
    died = At(tmp_path, SystemClock())
    await died.sound()
    await died.close()
    broker = MemoryBroker()
    async with peer(broker, "vera", PUB) as vera, central_on(broker, tmp_path):
        (alarm,) = await vera.until(lambda: vera.on(topic("alarm"), AlarmState))

    assert (alarm.rule, alarm.station, alarm.state) == ("gate-alarm", "gate-1", "unacknowledged")
    assert "Main door" in alarm.seen


async def _sounds(gate: Script, vera: Peer) -> list[AlarmState]:
    await gate.tell(
        Passage(**gate.stamp(), direction="out", verdict="alarm",
                items=(PassedItem(item="ITEM-0001", secured=True, verdict="alarm"),))
    )  # fmt: skip
    return await vera.until(lambda: vera.on(topic("alarm"), AlarmState))  # type: ignore[no-any-return]  # a list


async def test_while_central_lives_it_is_one_alarm_and_told_once(tmp_path: Path) -> None:
    seed(tmp_path)
    broker = MemoryBroker()
    async with (
        peer(broker, "vera", PUB) as vera,
        central_on(broker, tmp_path) as service,
        station(broker, "gate-1") as gate,
    ):
        await _sounds(gate, vera)
        feed = topic("feed")
        await vera.until(lambda: [one for one in vera.on(feed, FeedEvent) if one.event == "alarm-raised"])
        await _sounds(gate, vera)
        await service.watch.turn()
        stored = await service.ledger.read(alarms.load_all)
        told = [one for one in vera.on(feed, FeedEvent) if one.event == "alarm-raised"]

    assert len(told) == 1
    assert [row.rule for row in stored] == ["gate-alarm"]
    assert {one.alarm for one in vera.on(topic("alarm"), AlarmState)} == {stored[0].alarm}


async def test_an_alarm_that_was_over_and_not_seen_stands_again_in_the_commit(tmp_path: Path) -> None:
    seed(tmp_path)
    clock = FakeClock(SystemClock().now())
    at = At(tmp_path, clock)
    await at.sound()
    (first,) = await at.rows()
    over = {"standing": False, "state": "returned-unacknowledged", "returned_at": first.at + 30_000}
    was = AlarmRow(**{**{name: getattr(first, name) for name in first.__dataclass_fields__}, **over})
    await at.desk.write(lambda hot: alarms.save(hot, [was]))
    clock.advance(60)
    await at.sound()
    (again,) = await at.rows()
    closing = AlarmRow(
        **{**{name: getattr(was, name) for name in was.__dataclass_fields__}, "closed": first.at + 1}
    )
    await at.desk.write(lambda hot: alarms.save(hot, [closing]))
    (kept,) = await at.rows()
    await at.close()

    assert (again.alarm, again.standing, again.state, again.times) == (first.alarm, True, "unacknowledged", 2)
    assert kept == again


async def test_the_passage_and_its_alarm_are_one_commit(tmp_path: Path) -> None:
    """A commit that fails leaves neither."""
    seed(tmp_path)
    at = At(tmp_path, SystemClock())
    await at.desk.upkeep()

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    at.ledger.hot.commit = full  # type: ignore[method-assign]  # the disk fails
    sounding = asyncio.ensure_future(at.sound())
    await asyncio.wait([sounding])
    passages = await at.ledger.read(lambda db: db.execute(select(passage)).all())
    rows = await at.rows()
    await at.close()

    assert sounding.cancelled()
    assert (rows, passages) == ([], [])
