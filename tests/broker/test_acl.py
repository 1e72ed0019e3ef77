"""The access list is the table of topics, said in Mosquitto's words."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from real.broker import RealBroker, running

from broker_config.acl import acl
from broker_config.registry import Identity
from wire.link import Inbound, Outgoing, PublishDenied
from wire.topics import TABLE, Topic, topic

GOLDEN = Path(__file__).parent / "golden_acl.txt"


def someone(name: str, role: str, *scope: str) -> Identity:
    return Identity(name=name, role=role, scope=scope, serial="1", not_after=datetime(2030, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]


PEOPLE = [
    someone("central", "central"),
    someone("kiosk-1", "station"),
    someone("ada", "operator", "*"),
    someone("screen-4", "viewer", "north", "south"),
]


def test_the_access_list_is_the_golden_one():
    """When this fails, the change of who may do what is in the diff: regenerate it on purpose."""
    made = acl(PEOPLE)

    assert GOLDEN.read_text() == made, hashlib.sha256(made.encode()).hexdigest()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_new_row_of_the_table_is_in_the_access_list_without_further_work(row: Topic):
    made = acl(PEOPLE, [replace(row, pattern="new/" + row.pattern)])
    verbs = {line.split()[1] for line in made.splitlines() if "turnleaf/v1/new/" in line} - {"deny"}

    assert ("write" in verbs or "readwrite" in verbs, "read" in verbs or "readwrite" in verbs) == (True, True)


@pytest.mark.broker
async def test_a_viewer_reads_its_branches_and_nothing_else(real_broker: RealBroker):
    real_broker.enrol("central")
    real_broker.enrol("screen-4", "viewer", scope=["north"])
    viewer = real_broker.link("screen-4", subscriptions=["turnleaf/v1/#"])
    central = real_broker.link("central")
    async with running(viewer) as seen, running(central):
        for name in (
            topic("feed", branch="south"),
            topic("changes"),
            topic("resume", station="kiosk-1"),
            topic("response", identity="ada", verb="history"),
            topic("feed", branch="north"),
            topic("feed", branch="all"),
            topic("response", identity="screen-4", verb="history"),
            topic("central"),
        ):
            await central.publish(Outgoing(name, b"{}"))
        await seen.next(Inbound, 4)

        assert {
            topic("feed", branch="north"),
            topic("feed", branch="all"),
            topic("response", identity="screen-4", verb="history"),
            topic("central"),
        } == {event.topic for event in seen.of(Inbound)}


@pytest.mark.broker
async def test_a_viewer_may_ask_but_not_operate_and_never_speaks_as_a_station(real_broker: RealBroker):
    real_broker.enrol("screen-4", "viewer")
    viewer = real_broker.link("screen-4")
    async with running(viewer):
        await viewer.publish(Outgoing(topic("request", identity="screen-4", verb="history"), b"{}"))
        for name in (
            topic("request", identity="screen-4", verb="alarm-ack"),
            topic("request", identity="ada", verb="history"),
            topic("fact", station="screen-4"),
            topic("status", station="screen-4"),
        ):
            with pytest.raises(PublishDenied):
                await viewer.publish(Outgoing(name, b"{}"))


@pytest.mark.broker
async def test_an_operator_operates_and_a_retained_state_meets_who_comes_later(real_broker: RealBroker):
    real_broker.enrol("central")
    real_broker.enrol("ada", "operator")
    fleet = topic("fleet", branch="north", station="kiosk-1")
    central = real_broker.link("central")
    async with running(central):
        await central.publish(Outgoing(fleet, b"{}", retain=True))
    operator = real_broker.link("ada", subscriptions=[topic("fleet"), topic("response", identity="ada")])
    async with running(operator) as seen:
        await operator.publish(Outgoing(topic("request", identity="ada", verb="alarm-ack"), b"{}"))
        state = await seen.next(Inbound)

        assert (fleet, True) == (state.topic, state.retained)
