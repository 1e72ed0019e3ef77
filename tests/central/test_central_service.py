"""Central as a whole, on a broker in memory with a real ledger: what stations, gates and operators get."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from central_kit import KEY, Peer, Script, central_on, down, peer, seed, station

from central import watch
from central.items import unpack
from wire.errors import TurnleafError
from wire.ids import item_hash
from wire.link_memory import MemoryBroker
from wire.messages.asks import (
    Account,
    AskAccount,
    AskChanges,
    AskItem,
    AskSnapshot,
    AskVerdict,
    ItemChanges,
    ItemSeen,
    ItemsPage,
    VerdictSaid,
)
from wire.messages.states import (
    AlarmState,
    CentralStatus,
    FeedEvent,
    FleetEntry,
)
from wire.messages.stream import Resume
from wire.topics import ROOT, topic

PUB = f"{ROOT}/pub/#"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TURN_S", 0.02)


@pytest.fixture
async def broker(tmp_path: Path) -> MemoryBroker:
    seed(tmp_path)
    return MemoryBroker()


async def test_a_book_is_lent_and_returned_and_everybody_hears_of_it(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with (
        central_on(broker, tmp_path),
        peer(broker, "vera", PUB) as vera,
        station(broker, "kiosk-1") as kiosk,
    ):
        answer = await kiosk.checkout("ITEM-0001")
        await kiosk.checkin("ITEM-0001")
        changes = await kiosk.peer.until(
            lambda: [one for one in kiosk.peer.on(topic("changes"), ItemChanges) if one.n >= 2]
        )
        fleet = await vera.until(
            lambda: [
                one
                for one in vera.on(topic("fleet"), FleetEntry)
                if (one.loans_today, one.returns_today) == (1, 1)
            ]
        )

    assert (answer.outcome, answer.title) == ("granted", "The Title 1")
    assert changes[-1].changes[-1].h == f"{item_hash(KEY, 'ITEM-0001'):016x}"
    assert (fleet[-1].glyph, fleet[-1].kind) == ("ok", "kiosk")
    feed = [one for one in vera.on(topic("feed"), FeedEvent) if one.station == "kiosk-1"]
    assert [one.event for one in feed if one.event in ("checkout", "checkin")] == ["checkout", "checkin"]
    assert [one.n for one in vera.on(topic("feed"), FeedEvent)] == list(range(1, len(feed) + 1))


async def test_an_entry_is_acknowledged_after_its_commit_alone(broker: MemoryBroker, tmp_path: Path) -> None:
    async with central_on(broker, tmp_path) as service, station(broker, "kiosk-1") as kiosk:
        order: list[str] = []
        acknowledge, commit = broker.acknowledge, service.ledger.hot.commit
        broker.acknowledge = lambda client, serial: (  # type: ignore[method-assign]
            order.append(f"ack {client}"), acknowledge(client, serial))[1]  # fmt: skip
        service.ledger.hot.commit = lambda: (order.append("commit"), commit())[1]  # type: ignore[method-assign]
        await kiosk.checkin("ITEM-0002")

    assert order.index("commit") < order.index("ack central")


async def test_a_disk_that_fails_ends_central_and_nothing_uncommitted_is_said(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def fail(who: Peer, script: Script) -> None:
        async with central_on(broker, tmp_path) as service:
            await script.hello()
            service.ledger.hot.commit = full  # type: ignore[method-assign]
            script.append({"schema": "checkin/1", **_plain(script), "item": "ITEM-0001"})
            await script.send(1)
            said = topic("central")
            await who.until(lambda: [one for one in who.on(said, CentralStatus) if one.state == "lost"])

    async with peer(broker, "kiosk-1", *down("kiosk-1"), topic("central")) as who:
        script = Script(who)
        with pytest.raises(ExceptionGroup):
            await fail(who, script)
        before = len(who.heard)
        async with central_on(broker, tmp_path):
            await who.until(lambda: len(who.heard) > before)
            resume = await script.hello()

    assert [one.upto for one in who.on(topic("resume"), Resume) if one.central != resume.central] == [0]


async def test_a_full_disk_is_told_in_words_to_whoever_must_make_room(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async def fill(script: Script) -> None:
        async with central_on(broker, tmp_path) as service:
            await script.hello()
            run = service.ledger.hot.connection.execute
            run(
                f"PRAGMA max_page_count={run('PRAGMA page_count').fetchone()[0]}"
            )  # SQLite's own word for full
            for number in range(1, 400):
                script.append({"schema": "checkin/1", **_plain(script), "item": "ITEM-0001"})
                await script.send(number)
                await asyncio.sleep(0)
            await asyncio.sleep(10)

    async with peer(broker, "kiosk-1", *down("kiosk-1"), topic("central")) as who:
        with pytest.raises(ExceptionGroup) as raised:
            await fill(Script(who))

    told = raised.value.subgroup(TurnleafError)
    assert told is not None
    while isinstance(told, ExceptionGroup):
        told = told.exceptions[0]
    assert "the disk of the ledger" in str(told)
    assert "Make room there" in str(told)


async def test_many_facts_of_many_stations_are_in_flight_at_once(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with central_on(broker, tmp_path) as service:
        async with station(broker, "kiosk-1") as one, station(broker, "kiosk-2") as two:

            async def many(kiosk: Script) -> None:
                for number in range(1, 201):
                    kiosk.append(
                        {"schema": "checkin/1", **_plain(kiosk), "item": f"ITEM-{number % 20 + 1:04d}"}
                    )
                for number in range(1, 201):
                    await kiosk.send(number)
                await kiosk.resume(lambda resume: resume.upto == 200)

            await asyncio.gather(many(one), many(two))

        assert service.facts.taken >= 400


def _plain(kiosk: Script) -> dict[str, object]:
    stamp = kiosk.stamp()
    return {**stamp, "at": stamp["at"].isoformat()}


async def test_a_restarted_central_is_another_boot_and_goes_on_where_it_was(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with peer(broker, "vera", topic("central"), PUB) as vera:
        async with central_on(broker, tmp_path) as first, station(broker, "kiosk-1") as kiosk:
            await kiosk.checkout("ITEM-0001")
            before = first.ledger.boot
        async with central_on(broker, tmp_path) as second, station(broker, "kiosk-1") as again:
            again.stream, again.rows = kiosk.stream, kiosk.rows
            resume = await again.hello()
            entry = await vera.until(
                lambda: [one for one in vera.on(topic("fleet"), FleetEntry) if one.loans_today][-1:]
            )

            assert (resume.central, resume.upto) == (second.ledger.boot, 1)
        said = [(one.state, one.boot) for one in vera.on(topic("central"), CentralStatus)]

    assert entry[0].loans_today == 1
    assert said[0] == ("online", before)
    assert ("left", before) in said
    assert said[-1] == ("left", resume.central)


async def test_an_unknown_station_is_not_taken_and_an_alarm_tells_of_it(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with central_on(broker, tmp_path) as service, peer(broker, "vera", PUB) as vera:
        async with peer(broker, "stranger-1") as stranger:
            await Script(stranger).status()
            await stranger.say(topic("fact", station="stranger-1"), b'{"kind":"hello"}')
            (alarm,) = await vera.until(lambda: vera.on(topic("alarm"), AlarmState))

        assert (alarm.rule, alarm.station, alarm.branch) == ("unknown-station", "stranger-1", "all")
        assert service.facts.taken == 0


async def test_bytes_that_mean_nothing_stop_nothing(broker: MemoryBroker, tmp_path: Path) -> None:
    async with (
        central_on(broker, tmp_path),
        station(broker, "kiosk-1") as kiosk,
        peer(broker, "vera", PUB) as vera,
    ):
        for row in ("fact", "ask", "reply", "status", "parts", "work"):
            for payload in (b"", b"\xff\x00", b"[]", b'{"kind":"entry","seq":"x"}'):
                await kiosk.peer.say(topic(row, station="kiosk-1"), payload)
        await kiosk.peer.say(topic("sample", station="kiosk-1", part="Pad!"), b'{"values":{}}', qos=0)
        (alarm,) = await vera.until(lambda: vera.on(topic("alarm"), AlarmState))
        await kiosk.checkin("ITEM-0003")

    assert alarm.rule == "unreadable"


async def test_asks_are_answered_to_the_asker_alone(broker: MemoryBroker, tmp_path: Path) -> None:
    async with central_on(broker, tmp_path), station(broker, "kiosk-1") as kiosk:
        where = topic("ask", station="kiosk-1")
        await kiosk.checkout("ITEM-0001")
        await kiosk.peer.say(where, AskAccount(ask="a1", card="CARD4711", pin="8642"))
        await kiosk.peer.say(where, AskItem(ask="a2", item="ITEM-0001"))
        await kiosk.peer.say(where, AskVerdict(ask="a3", item="ITEM-0002"))
        answers = topic("answer", station="kiosk-1")
        (account,) = await kiosk.peer.until(lambda: kiosk.peer.on(answers, Account))
        (item,) = await kiosk.peer.until(lambda: kiosk.peer.on(answers, ItemSeen))
        (verdict,) = await kiosk.peer.until(lambda: kiosk.peer.on(answers, VerdictSaid))

    assert (account.greeting, account.loans) == ("Wilhelmina", 1)
    assert (item.title, item.on_loan) == ("The Title 1", True)
    assert verdict.on_loan is False


async def test_a_gate_gets_its_snapshot_its_changes_and_the_word_that_nothing_is_newer(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with central_on(broker, tmp_path), station(broker, "gate-1") as gate:
        where, items = topic("ask", station="gate-1"), topic("items", station="gate-1")
        async with station(broker, "kiosk-1") as kiosk:
            await kiosk.checkout("ITEM-0001")
        await gate.peer.say(where, AskSnapshot(ask="s1"))
        (page,) = await gate.peer.until(lambda: gate.peer.on(items, ItemsPage))
        await gate.peer.say(where, AskChanges(ask="c1", after=0))
        (some,) = await gate.peer.until(lambda: gate.peer.on(items, ItemChanges))
        await gate.peer.say(where, AskChanges(ask="c2", after=page.n))
        (_, none) = await gate.peer.until(
            lambda: gate.peer.on(items, ItemChanges)[1:] and gate.peer.on(items, ItemChanges)
        )
        await gate.peer.say(where, AskChanges(ask="c3", after=page.n + 5))
        (*_, anew) = await gate.peer.until(
            lambda: gate.peer.on(items, ItemChanges)[2:] and gate.peer.on(items, ItemChanges)
        )

    states = {h: state for h, _, state in unpack(page)}
    assert len(states) == 20
    assert states[item_hash(KEY, "ITEM-0001")] == 1
    assert some.n == page.n
    assert (none.first, none.n, none.changes) == (page.n + 1, page.n, ())
    assert (anew.n, anew.central == none.central) == (0, False)
