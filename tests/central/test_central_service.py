"""Central as a whole, on a broker in memory with a real ledger: what stations, gates and operators get."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from central_kit import KEY, Peer, Script, central_on, down, peer, seed, station

from central import watch
from central.items import unpack
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
from wire.messages.facts import Count, Passage, PassedItem
from wire.messages.states import (
    AlarmState,
    CentralStatus,
    Command,
    CommandReply,
    FeedEvent,
    FleetEntry,
    Occupancy,
    Part,
    Parts,
    Sample,
    Work,
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


async def test_a_device_that_is_lost_is_an_alarm_until_somebody_has_seen_it(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    limits = {"alarms": {"device_lost_for_s": 0}}
    async with (
        central_on(broker, tmp_path, **limits),
        peer(broker, "alice", PUB, topic("response", identity="alice")) as alice,
        station(broker, "kiosk-1") as kiosk,
    ):
        await kiosk.peer.say(topic("parts", station="kiosk-1"), _parts(kiosk, "lost"), retain=True)
        (raised, *_) = await alice.until(lambda: alice.on(topic("alarm"), AlarmState))
        done = await alice.operate("alarm-ack", alarm=raised.alarm, note="on my way")
        seen = await alice.until(
            lambda: [one for one in alice.on(topic("alarm"), AlarmState) if one.state == "acknowledged"]
        )
        await kiosk.peer.say(topic("parts", station="kiosk-1"), _parts(kiosk, "ok"), retain=True)
        where = topic("alarm", branch="main", alarm=raised.alarm)
        await alice.until(lambda: alice.latest(where).get(where) == b"")
        again = await alice.operate("alarm-ack", alarm=raised.alarm)

    assert (raised.rule, raised.part, raised.state) == ("device-lost", "pad", "unacknowledged")
    assert all((raised.seen, raised.why, raised.do))
    assert (done.outcome, seen[-1].by, seen[-1].note) == ("done", "alice", "on my way")
    assert again.outcome == "refused"
    assert where not in broker.retained


def _parts(kiosk: Script, state: str) -> Parts:
    now = kiosk.stamper.clock.now()
    return Parts(boot=kiosk.stamper.boot, at=now, parts=(Part(part="pad", state=state, since=now),))  # type: ignore[arg-type]


async def test_an_alarm_stands_over_a_restart_and_a_lost_word_is_said_again(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    limits = {"alarms": {"device_lost_for_s": 0}}
    async with peer(broker, "vera", PUB) as vera:
        async with station_and_central(broker, tmp_path, limits) as kiosk:
            await kiosk.peer.say(topic("parts", station="kiosk-1"), _parts(kiosk, "lost"), retain=True)
            (raised, *_) = await vera.until(lambda: vera.on(topic("alarm"), AlarmState))
        broker.retained.clear()
        async with central_on(broker, tmp_path, **limits):
            again = await vera.until(
                lambda: [one for one in vera.on(topic("alarm"), AlarmState)][1:]  # noqa: C416 - a copy
            )

    assert {one.alarm for one in again} == {raised.alarm}


async def test_what_was_acknowledged_stays_so_over_a_restart(broker: MemoryBroker, tmp_path: Path) -> None:
    limits = {"alarms": {"device_lost_for_s": 0}}
    mine = topic("response", identity="alice")
    async with peer(broker, "alice", PUB, mine) as alice, peer(broker, "kiosk-1") as kiosk:
        script = Script(kiosk)
        await script.status()
        await kiosk.say(topic("parts", station="kiosk-1"), _parts(script, "lost"), retain=True)
        async with central_on(broker, tmp_path, **limits):
            (raised, *_) = await alice.until(lambda: alice.on(topic("alarm"), AlarmState))
            await alice.operate("alarm-ack", alarm=raised.alarm)
        alice.heard.clear()
        async with central_on(broker, tmp_path, **limits) as again:
            await alice.until(
                lambda: alice.on(topic("fleet"), FleetEntry)[-1:] and alice.on(topic("alarm"), AlarmState)
            )
            await alice.until(lambda: again.watch.views["kiosk-1"].parts)
            for _ in range(5):
                await again.watch.turn()
        said = {(one.alarm, one.state) for one in alice.on(topic("alarm"), AlarmState)}

    assert said == {(raised.alarm, "acknowledged")}


def station_and_central(broker: MemoryBroker, folder: Path, limits: dict[str, object]):  # type: ignore[no-untyped-def]
    import contextlib

    @contextlib.asynccontextmanager
    async def both():  # type: ignore[no-untyped-def]
        async with central_on(broker, folder, **limits), station(broker, "kiosk-1") as kiosk:
            yield kiosk

    return both()


async def test_what_central_cannot_apply_parks_the_stream_until_an_operator_skips_it(
    broker: MemoryBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central import desk_batch

    async with (
        central_on(broker, tmp_path),
        peer(broker, "alice", PUB, topic("response", identity="alice")) as alice,
        station(broker, "kiosk-1") as kiosk,
    ):
        assert hasattr(desk_batch, "consume")
        monkeypatch.setattr(desk_batch, "consume", _broken)
        kiosk.append({"schema": "checkin/1", **_plain(kiosk), "item": "ITEM-0004"})
        await kiosk.send(1)
        await kiosk.resume(lambda resume: resume.parked)
        (alarm, *_) = await alice.until(lambda: alice.on(topic("alarm"), AlarmState))
        monkeypatch.undo()
        listed = await alice.operate("parked")
        skipped = await alice.operate("stream-skip", station="kiosk-1")
        nothing = await alice.operate("stream-retry", station="kiosk-1")
        await kiosk.checkin("ITEM-0005")
        cases = await alice.operate("cases")

    assert alarm.rule == "stream-parked"
    assert [row["station"] for row in listed.rows] == ["kiosk-1"]
    assert (skipped.outcome, nothing.outcome) == ("done", "failed")
    assert len(cases.rows) >= 1


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("a bug")


async def test_rights_of_operators_are_those_of_the_settings(broker: MemoryBroker, tmp_path: Path) -> None:
    async with central_on(broker, tmp_path), station(broker, "kiosk-1") as kiosk:
        await kiosk.peer.say(
            topic("sample", station="kiosk-1", part="pad"),
            Sample(**kiosk.stamp(), n=1, values={"response_ms": 12.0}), qos=0,
        )  # fmt: skip
        outcomes = {}
        for name in ("alice", "vera", "mallory"):
            async with peer(broker, name, topic("response", identity=name)) as who:
                outcomes[name] = [
                    (await who.operate(verb, **args)).outcome
                    for verb, args in (
                        ("stations", {}),
                        ("alarm-ack", {"alarm": "none"}),
                        ("alarm-shelve", {"alarm": "none", "minutes": float("inf")}),
                        (
                            "history",
                            {"station": "kiosk-1", "part": "pad", "name": "response_ms", "points": 5},
                        ),
                        ("no-such-verb", {}),
                    )
                ]

    assert outcomes["alice"] == ["done", "refused", "refused", "done", "refused"]
    assert outcomes["vera"] == ["done", "refused", "refused", "done", "refused"]
    assert outcomes["mallory"] == ["refused"] * 5


async def test_a_command_reaches_its_station_and_its_word_comes_back(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with (
        central_on(broker, tmp_path),
        station(broker, "kiosk-1") as kiosk,
        peer(broker, "alice", topic("response", identity="alice")) as alice,
    ):
        asking = asyncio.create_task(
            alice.operate("station-command", station="kiosk-1", verb="close", text="inventory")
        )
        where = topic("command", station="kiosk-1")
        (command,) = await kiosk.peer.until(lambda: kiosk.peer.on(where, Command))
        reply = CommandReply(command=command.command, outcome="done", detail="closed")
        await kiosk.peer.say(topic("reply", station="kiosk-1"), reply)
        done = await asking
        unknown = await alice.operate("station-command", station="kiosk-9", verb="close")

    assert (command.verb, command.text) == ("close", "inventory")
    assert (done.outcome, done.detail, unknown.outcome) == ("done", "closed", "refused")


async def test_people_are_counted_for_the_branch_and_over_a_restart(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    async with peer(broker, "vera", PUB) as vera:
        where = topic("occupancy")
        async with central_on(broker, tmp_path), station(broker, "gate-1") as gate:
            await gate.tell(Count(**gate.stamp(), since=gate.stamper.clock.now(), entered=5, left=2))
            await vera.until(lambda: [one for one in vera.on(where, Occupancy) if one.inside == 3])
        vera.heard.clear()
        async with central_on(broker, tmp_path):
            (*_, said) = await vera.until(lambda: vera.on(where, Occupancy))

    assert (said.entered, said.left, said.inside) == (5, 2, 3)


async def test_nothing_personal_stands_on_public_topics_or_in_telemetry_after_a_day(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    secrets = [b"CARD4711", b"patron-77", b"Wilhelmina", b"8642", b"The Title", b"ITEM-", b"visit-"]
    limits = {"alarms": {"device_lost_for_s": 0}}
    async with (
        central_on(broker, tmp_path, **limits) as service,
        station(broker, "kiosk-1") as kiosk,
        station(broker, "gate-1") as gate,
    ):
        for number in range(1, 6):
            await kiosk.checkout(f"ITEM-{number:04d}")
        await kiosk.checkout("ITEM-0001", card="NOBODY")
        await kiosk.checkin("ITEM-0001")
        out = PassedItem(item="ITEM-0009", secured=True, verdict="alarm")
        await gate.tell(Passage(**gate.stamp(), direction="out", verdict="alarm", items=(out,)))
        await kiosk.peer.say(
            topic("sample", station="kiosk-1", part="pad"),
            Sample(**kiosk.stamp(), n=1, values={"response_ms": 12.0}), qos=0,
        )  # fmt: skip
        now = kiosk.stamper.clock.now()
        await kiosk.peer.say(
            topic("work", station="kiosk-1"),
            Work(boot=kiosk.stamper.boot, at=now, service="open", outbox_open=0, outbox_fill=0),
            retain=True,
        )
        await kiosk.peer.say(topic("parts", station="kiosk-1"), _parts(kiosk, "lost"), retain=True)
        async with asyncio.timeout(20):
            while service.writer.tally.stored < 1 or len(service.watch.book.alarms) < 2:
                await asyncio.sleep(0.01)
        published = [out for out in broker.log if out.topic.startswith(f"{ROOT}/pub/")]
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("telemetry.db*"))

    found = {
        secret
        for secret in secrets
        for out in published
        if secret in out.payload or secret in out.topic.encode()
    }
    assert {out.topic.split("/")[4] for out in published} >= {"fleet", "feed", "alarms", "occupancy"}
    assert found == set()
    assert [secret for secret in secrets if secret in stored] == []
