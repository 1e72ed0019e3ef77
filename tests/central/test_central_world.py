"""Central as a whole, part two: alarms, operators, counts, and what is said to the world."""

import asyncio
from pathlib import Path

import pytest
from central_kit import Script, central_on, peer, seed, station

from central import watch
from wire.link_memory import MemoryBroker
from wire.messages.facts import Count, Passage, PassedItem
from wire.messages.states import (
    AlarmState,
    Command,
    CommandReply,
    FleetEntry,
    Occupancy,
    Part,
    Parts,
    Sample,
    Work,
)
from wire.topics import ROOT, topic

PUB = f"{ROOT}/pub/#"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TURN_S", 0.02)


@pytest.fixture
async def broker(tmp_path: Path) -> MemoryBroker:
    seed(tmp_path)
    return MemoryBroker()


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


def _plain(kiosk: Script) -> dict[str, object]:
    stamp = kiosk.stamp()
    return {**stamp, "at": stamp["at"].isoformat()}


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
            while service.writer.tally.stored < 1 or len(service.watch.alarms.book.alarms) < 2:
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
