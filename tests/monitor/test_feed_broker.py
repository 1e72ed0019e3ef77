"""A console on a real Mosquitto: it reads what central retains, outlives the broker, and its questions go out."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from real.broker import RealBroker, running

from broker_config.render import ports, render
from monitor.feed import apply
from monitor.fleet import Fleet
from monitor.mqtt_feed import PUBLIC, MqttFeed, Reader
from monitor.where import Where
from wire.clock import SystemClock
from wire.errors import LinkError
from wire.link import Inbound, Link, Outgoing
from wire.messages.states import AlarmState, CentralStatus, FeedEvent, FleetEntry, Operate, Operated
from wire.topics import topic

pytestmark = pytest.mark.broker
AT = datetime(2027, 5, 4, 9, 30, tzinfo=UTC)
REQUESTS = topic("request")


def station(name: str, loans: int = 0) -> Outgoing:
    said = FleetEntry(
        station=name, branch="main", kind="kiosk", glyph="ok", word="fine", since=AT, at=AT, loans_today=loans
    )
    return Outgoing(topic("fleet", branch="main", station=name), said.encode(), retain=True)


def alarm() -> Outgoing:
    said = AlarmState(
        alarm="a1", station="kiosk-1", branch="main", rule="device-lost", severity="act",
        state="unacknowledged", since=AT, at=AT, seen="s", why="w", do="d",
    )  # fmt: skip
    return Outgoing(topic("alarm", branch="main", alarm="a1"), said.encode(), retain=True)


def online() -> Outgoing:
    said = CentralStatus.model_validate({"state": "online", "boot": "c1", "at": AT, "version": "1"})
    return Outgoing(topic("central"), said.encode(), retain=True)


def news(n: int) -> Outgoing:
    said = FeedEvent(boot="c1", n=n, at=AT, station="kiosk-1", event="checkout")
    return Outgoing(topic("feed", branch="main"), said.encode())


def emptied(out: Outgoing) -> Outgoing:
    return Outgoing(out.topic, b"", retain=True)


class Watched:
    """A console without a screen: what its feed brings, folded."""

    def __init__(self, broker: RealBroker, identity: Path) -> None:
        self.feed = MqttFeed(Where("127.0.0.1", ports(broker.folder).operators, identity), SystemClock())
        self.fleet = Fleet()
        self.settled = 0

    async def until(self, wanted: Callable[["Watched"], bool], timeout: float = 30) -> None:
        async with asyncio.timeout(timeout):
            while True:
                batch = self.feed.take()
                self.settled += batch.settled
                self.fleet = apply(self.fleet, batch)
                if wanted(self):
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def console(
    broker: RealBroker, name: str = "technician", role: str = "operator"
) -> AsyncIterator[Watched]:
    home = broker.folder / "identities" / name
    watched = Watched(broker, home if home.exists() else broker.enrol(name, role))
    task = asyncio.create_task(watched.feed.run())
    try:
        yield watched
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def say(link: Link, *said: Outgoing) -> None:
    for out in said:
        await link.publish(out)


async def test_a_console_sees_what_central_retained_before_it_was_opened(real_broker: RealBroker) -> None:
    real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central):
        await say(central, online(), station("kiosk-1"), station("kiosk-2", 7), alarm())
        async with console(real_broker) as seen:
            await seen.until(lambda it: it.settled > 0)

            assert sorted(seen.fleet.stations) == [("main", "kiosk-1"), ("main", "kiosk-2")]
            assert seen.fleet.stations["main", "kiosk-2"].loans_today == 7
            assert list(seen.fleet.alarms) == [("main", "a1")]
            assert seen.fleet.central is not None
            assert seen.feed.connection.word == "connected"


async def test_five_thousand_stations_are_all_there_when_it_says_so(real_broker: RealBroker) -> None:
    real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central):
        for number in range(5000):
            while not central.post(station(f"kiosk-{number}")):
                await asyncio.sleep(0.01)
        await central.publish(online())
        async with console(real_broker) as seen:
            await seen.until(lambda it: it.settled > 0, timeout=60)

            assert len(seen.fleet.stations) == 5000


async def test_news_arrive_once_and_an_emptied_alarm_goes(real_broker: RealBroker) -> None:
    real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central):
        await say(central, online(), alarm())
        async with console(real_broker) as seen:
            await seen.until(lambda it: bool(it.fleet.alarms) and it.settled > 0)
            await say(central, news(1), news(2), emptied(alarm()))
            await seen.until(lambda it: not it.fleet.alarms and len(it.fleet.events) == 2)

            assert [event.told.n for event in seen.fleet.events] == [1, 2]
            assert seen.fleet.missed == 0


async def test_what_was_emptied_while_the_broker_was_away_is_gone_after_it_came_back(
    real_broker: RealBroker,
) -> None:
    real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with running(central) as heard, console(real_broker) as seen:
        await say(central, online(), station("kiosk-1"), station("kiosk-2"), alarm())
        await seen.until(lambda it: len(it.fleet.stations) == 2 and bool(it.fleet.alarms) and it.settled == 1)
        await real_broker.kill()
        await seen.until(lambda it: it.feed.connection.word == "away")

        assert len(seen.fleet.stations) == 2
        assert seen.feed.connection.why != ""

        for kept in real_broker.folder.rglob("mosquitto.db"):
            kept.unlink()  # a broker that lost what it retained: central says all of it again
        await real_broker.start()
        await heard.until(lambda events: [e for e in events if getattr(e, "generation", 1) > 1])
        await say(central, online(), station("kiosk-1"))
        await seen.until(lambda it: it.settled == 2 and list(it.fleet.stations) == [("main", "kiosk-1")])

        assert not seen.fleet.alarms
        assert seen.feed.connection.word == "connected"

    gc.collect()
    assert complaints == []


async def test_an_acknowledgement_goes_out_as_a_request_and_its_reply_comes_back(
    real_broker: RealBroker,
) -> None:
    real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])

    async with running(central) as heard, console(real_broker) as seen:
        asking = asyncio.create_task(seen.feed.ask("alarm-ack", {"alarm": "a1", "note": "on my way"}))
        request = await heard.next(Inbound)
        asked = Operate.decode(request.payload)
        reply = Operated(request=asked.request, outcome="done", detail="noted")
        where = topic("response", identity="technician", verb="alarm-ack")
        stranger = Operated(request="another", outcome="failed")
        await say(central, Outgoing(where, b"{"), Outgoing(where, stranger.encode()))
        await say(central, Outgoing(where, reply.encode(), correlation=request.correlation))

        assert await asking == reply
        assert request.topic == topic("request", identity="technician", verb="alarm-ack")
        assert asked.args == {"alarm": "a1", "note": "on my way"}
        assert request.correlation == asked.request.encode()
        assert asked.until > SystemClock().now()


async def test_a_viewer_who_acknowledges_is_told_that_the_broker_refused(real_broker: RealBroker) -> None:
    async with console(real_broker, "looker", "viewer") as seen:
        with pytest.raises(LinkError, match=r"(?i)not authorized|refused|denied"):
            await seen.feed.ask("alarm-ack", {"alarm": "a1"})


async def test_a_broker_of_another_installation_is_not_trusted_and_that_is_said(
    real_broker: RealBroker,
) -> None:
    foreign = RealBroker(real_broker.folder.parent / "elsewhere")
    stranger = Watched(real_broker, foreign.enrol("technician", "operator"))
    task = asyncio.create_task(stranger.feed.run())
    try:
        await stranger.until(lambda it: it.feed.connection.word == "away")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert "is not trusted" in stranger.feed.connection.why


async def test_a_console_can_be_closed_at_any_moment_of_its_connecting(real_broker: RealBroker) -> None:
    where = Where(
        "127.0.0.1", ports(real_broker.folder).operators, real_broker.enrol("technician", "operator")
    )
    for milliseconds in range(0, 60, 2):
        task = asyncio.create_task(Reader(where, SystemClock()).run())
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=10)

        assert done, f"still running when closed after {milliseconds} ms"


async def test_a_listener_whose_output_breaks_is_not_taken_for_a_lost_broker(real_broker: RealBroker) -> None:
    home = real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    reader = Reader(Where("127.0.0.1", ports(real_broker.folder).operators, home), SystemClock())

    def take(_: object) -> None:
        raise BrokenPipeError

    reader.on_message = take
    async with running(central):
        await say(central, online())
        async with asyncio.timeout(30):
            with pytest.raises(BrokenPipeError):
                await reader.run()


async def test_a_host_without_a_broker_is_said_in_words(real_broker: RealBroker) -> None:
    home = real_broker.enrol("technician", "operator")
    await real_broker.stop()
    nobody = Watched(real_broker, home)
    task = asyncio.create_task(nobody.feed.run())
    try:
        await nobody.until(lambda it: it.feed.connection.word == "away")
        with pytest.raises(LinkError, match="the broker is away: Connection refused"):
            async with asyncio.timeout(5):
                await nobody.feed.ask("parked", {})
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert nobody.feed.connection.why == "Connection refused"


async def test_somebody_who_reads_everything_hears_each_message_once(real_broker: RealBroker) -> None:
    home = real_broker.enrol("onlooker", "observer")
    render(real_broker.folder)
    real_broker.broker.reload()
    central = real_broker.link("central", subscriptions=[REQUESTS])
    clock, heard = SystemClock(), []
    reader = Reader(Where("127.0.0.1", ports(real_broker.folder).operators, home), clock, ["turnleaf/v1/#"])
    settled, enough = asyncio.Event(), asyncio.Event()

    def take(arrived: object) -> None:
        heard.append(arrived)
        if len(heard) == 4:
            enough.set()

    reader.on_message, reader.on_settled = take, settled.set
    async with running(central):
        await say(central, online())
        task = asyncio.create_task(reader.run())
        try:
            async with asyncio.timeout(30):
                await settled.wait()
                await say(central, online(), news(1), station("kiosk-1"))
                await enough.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    names = [json.loads(one.payload)["schema"] for one in heard]
    assert names == ["central-status/1", "central-status/1", "feed/1", "fleet/1"]
    assert [one.at is None for one in heard] == [True, False, False, False]


def test_the_subscriptions_are_the_rows_of_the_table_that_operators_read() -> None:
    assert {
        "turnleaf/v1/central/status",
        "turnleaf/v1/pub/+/fleet/+",
        "turnleaf/v1/pub/+/alarms/+",
        "turnleaf/v1/pub/+/occupancy",
        "turnleaf/v1/pub/+/feed",
    } == set(PUBLIC)
