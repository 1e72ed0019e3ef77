"""A station's life: presence, parts, work, samples, commands, asks, and broker or central away."""

import asyncio
import itertools
from pathlib import Path

from edge_world import central_of, memory_link, running, settings_of, until
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config_station import StationSettings
from kiosk.station import Station
from kiosk.station_presence import Announce, CloneFound, Presence, status_seen
from kiosk.station_talk import Notice
from wire.clock import new_stamper
from wire.edge import Edge
from wire.ids import new_id
from wire.link import LinkSettings, Outgoing
from wire.link_memory import MemoryBroker, MemoryLink
from wire.messages.asks import Account, AskAccount
from wire.messages.states import Command, Status
from wire.topics import topic

NAME = "bin-1"


def settings(tmp_path: Path, **more: object) -> StationSettings:
    return settings_of(StationSettings, tmp_path, NAME, **more)


def status(boot: str, state: str = "online") -> Status:
    return Status.model_validate(
        {"state": state, "boot": boot, "at": "2026-05-04T10:00:00Z", "kind": "bin", "version": "1"}
    )


async def test_a_station_says_its_birth_parts_and_work_on_every_connect(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station:
        station.set_part("pad", "ok")
        async with running(station.run(), central.run()):
            await central.until(lambda: central.state(NAME, "status"))
            await central.until(lambda: central.state(NAME, "parts"))
            births = len(central.states[f"{NAME}/status"])
            broker.cut(NAME)
            await central.until(lambda: len(central.states[f"{NAME}/parts"]) > 1)
            await central.until(lambda: len(central.states[f"{NAME}/status"]) > births)

            assert central.state(NAME, "status")["state"] == "online"
            assert central.state(NAME, "status")["boot"] == station.stamper.boot
            assert [one["part"] for one in central.state(NAME, "parts")["parts"]] == ["pad"]
            assert central.state(NAME, "work")["service"] == "open"
        left = Status.decode(broker.retained[topic("status", station=NAME)].payload)

    assert left.state == "left"


async def test_a_heartbeat_comes_by_itself(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with (
        Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station,
        running(station.run(), central.run()),
    ):
        await central.until(lambda: len(central.states.get(f"{NAME}/status", [])) >= 3)


async def test_a_station_lends_only_while_central_is_there_and_in_step(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with (
        Station.open(mine, "kiosk", link=memory_link(broker, mine, "kiosk")) as station,
        running(station.run()),
    ):
        await until(lambda: station.connected)
        alone = station.lending
        async with running(central.run()):
            await until(lambda: station.lending)
            central.say_status("left")
            await until(lambda: not station.lending)
            central.restart()
            await until(lambda: station.lending)
            broker.stop()
            await until(lambda: not station.lending)
            broker.start()
            await until(lambda: station.lending)

    assert not alone


async def test_a_return_while_the_broker_is_away_is_taken_and_delivered_once(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with (
        Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station,
        running(station.run(), central.run()),
    ):
        await until(lambda: station.uplink.in_step)
        broker.stop()
        await until(lambda: not station.connected)
        checkin = await station.commit(station.edge.checkin("30001", "bin"))
        await station.commit(station.edge.secured(checkin, "30001", "verified", 7))
        broker.start()
        await central.until(lambda: central.bodies("secured/1"))
        await until(lambda: station.edge.depth().open == 0)

    assert [one["item"] for one in central.bodies("checkin/1")] == ["30001"]
    assert central.bodies("secured/1")[0]["checkin"] == checkin


async def test_an_ask_gets_its_reply_and_none_when_central_is_away(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with (
        Station.open(mine, "kiosk", link=memory_link(broker, mine, "kiosk")) as station,
        running(station.run()),
    ):
        unconnected = await station.ask(AskAccount(ask=new_id(), card="1"), 0.05)
        await until(lambda: station.connected)
        unanswered = await station.ask(AskAccount(ask=new_id(), card="1"), 0.05)
        async with running(central.run()):
            await until(lambda: station.lending)
            ask = AskAccount(ask=new_id(), card="1")
            said = await station.ask(ask)

    assert unconnected is None
    assert unanswered is None
    assert isinstance(said, Account)
    assert said.ask == ask.ask


async def test_close_outlives_a_restart_and_open_ends_it(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with running(central.run()):
        async with (
            Station.open(mine, "kiosk", link=memory_link(broker, mine, "kiosk")) as station,
            running(station.run()),
        ):
            await until(lambda: station.lending)
            central.command(NAME, "close", "painting")
            await central.until(lambda: central.state(NAME, "work").get("reason") == "painting")
            closed = station.lending
        async with (
            Station.open(mine, "kiosk", link=memory_link(broker, mine, "kiosk")) as station,
            running(station.run()),
        ):
            await central.until(lambda: central.state(NAME, "work").get("boot") == station.stamper.boot)
            after_restart = central.state(NAME, "work")["service"]
            central.command(NAME, "open")
            await until(lambda: station.lending)

    assert not closed
    assert after_restart == "closed"


async def test_a_command_is_carried_out_once_and_answered_each_time(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    runs: list[str] = []

    async def selftest(command: Command) -> tuple[str, str]:
        runs.append(command.command)
        return "done", "fine"

    async with Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station:
        station.on_command(selftest)  # type: ignore[arg-type]  # a plain string for the literal
        async with running(station.run(), central.run()):
            await until(lambda: station.connected)
            central.command(NAME, "selftest")
            await central.until(lambda: central.replies)
            again = next(out for out in broker.log if out.topic == topic("command", station=NAME))
            central.link.post(Outgoing(again.topic, again.payload))
            await central.until(lambda: len(central.replies) == 2)
            central.command(NAME, "selftest", seconds=-5)
            await central.until(lambda: len(central.replies) == 3)

    assert len(runs) == 1
    assert [one["outcome"] for one in central.replies] == ["done", "done", "expired"]


async def test_samples_are_numbered_and_tell_the_daemons_memory(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    async with (
        Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station,
        running(station.run(), central.run()),
    ):
        await central.until(lambda: len(central.samples.get(f"{NAME}/station", [])) >= 2)
    first, second = central.samples[f"{NAME}/station"][:2]

    assert second["n"] == first["n"] + 1
    assert second["values"]["rss_mb"] > 5
    assert "loop_lag_ms" in second["values"]


async def test_a_second_daemon_of_the_same_name_is_found_and_told(tmp_path: Path) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    other = MemoryLink(broker, LinkSettings("", 0, NAME, "", "", "", client_id="clone"))
    async with (
        Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station,
        running(station.run(), central.run(), other.run()),
    ):
        await until(lambda: station.lending)
        told = len(central.states[f"{NAME}/status"])
        await until(
            lambda: other.post(Outgoing(topic("status", station=NAME), status("f1").encode(), retain=True))
        )
        await central.until(
            lambda: any(
                one["boot"] == station.stamper.boot for one in central.states[f"{NAME}/status"][told + 1 :]
            )
        )
        other.post(Outgoing(topic("status", station=NAME), status("f1").encode(), retain=True))
        await central.until(lambda: central.bodies("incident/1"))
        parts = await central.until(lambda: central.state(NAME, "parts").get("parts"))

    assert central.bodies("incident/1")[0]["what"] == "foreign-boot"
    assert [(one["part"], one["state"]) for one in parts] == [("station", "degraded")]


async def test_the_old_boots_late_will_is_answered_with_a_birth(tmp_path: Path) -> None:
    presence, _ = status_seen(Presence("me"), status("me"), 0)
    _, effects = status_seen(presence, status("before", "lost"), 10)

    assert effects == (Announce(),)


def test_what_a_former_life_left_behind_is_no_clone() -> None:
    presence = Presence("me")
    for _ in range(5):
        presence, effects = status_seen(presence, status("before"), 0)

        assert effects == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["me", "other"]),
            st.sampled_from(["online", "lost", "left"]),
            st.integers(0, 5000),
        )
    )
)
def test_a_clone_is_told_once_and_nobody_shouts_in_a_circle(seen: list[tuple[str, str, int]]) -> None:
    presence, now, announced, clones = Presence("me", echoed=True), 0, [], 0
    for boot, state, wait in seen:
        now += wait
        presence, effects = status_seen(presence, status(boot, state), now)
        announced += [now for one in effects if isinstance(one, Announce)]
        clones += sum(isinstance(one, CloneFound) for one in effects)

    assert clones <= 1
    assert all(b - a >= 2000 for a, b in itertools.pairwise(announced))


async def test_a_return_without_its_outcome_becomes_unknown_at_the_next_start_and_only_once(
    tmp_path: Path,
) -> None:
    broker = MemoryBroker()
    central = central_of(broker)
    mine = settings(tmp_path)
    mine.state_dir.mkdir(parents=True)
    edge = await Edge.open(mine.edge_db, stamper=new_stamper())
    await edge.secured(await edge.checkin("30001", "bin"), "30001", "verified", 7)
    await edge.checkin("30002", "bin")
    await edge.close()
    for _ in range(2):
        async with (
            Station.open(mine, "bin", link=memory_link(broker, mine, "bin")) as station,
            running(station.run(), central.run()),
        ):
            await central.until(lambda: len(central.bodies("secured/1")) == 2)
            await until(lambda: station.edge.depth().open == 0)

    assert [(one["item"], one["outcome"]) for one in central.bodies("secured/1")] == [
        ("30001", "verified"),
        ("30002", "unknown"),
    ]


async def test_a_full_outbox_stops_lending_first_and_closes_last(tmp_path: Path) -> None:
    mine = settings(tmp_path, outbox={"rows": 100})
    broker = MemoryBroker()
    async with Station.open(mine, "kiosk", link=memory_link(broker, mine, "kiosk")) as station:
        words = [station.opening]
        while station.edge.depth().fill < 0.8:
            await station.edge.checkin("30001", "kiosk")
        words.append(station.opening)
        while station.edge.depth().fill < 1:
            await station.edge.checkin("30001", "kiosk")
        words.append(station.opening)

    assert [one.service for one in words] == ["open", "returns-only", "closed"]
    assert words[2].reason == "outbox full"


async def test_a_notice_between_two_waits_is_not_lost() -> None:
    notice = Notice()
    seen = notice.version
    notice.notify()

    assert await asyncio.wait_for(notice.wait(seen), 1) == seen + 1
