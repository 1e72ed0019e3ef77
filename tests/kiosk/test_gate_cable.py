"""A cable is pulled at a gate that counts people by its reader: what central makes of it is one alarm.

Real in this chain: the gate's daemon, the reader's driver over TCP, central's rules and its book of alarms.
Played: the reader (`sim`), the broker (`wire.link_memory`).
"""

import asyncio
import sys
from datetime import datetime
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "edge"))

from edge_world import central_of, memory_link, running, settings_of, until

from central import fleet
from central.alarms.book import Book
from central.alarms.rules import Thresholds, conditions, judged
from central.fleet import StationView
from kiosk.config_gate import GateSettings
from kiosk.daemon_gate import run_gate
from sim.devices.gate_pad import GatePad
from wire.clock import SystemClock
from wire.link_memory import MemoryBroker
from wire.messages.states import Parts, Status

GATE = "gate-1"
PARTS = ("pad", "people-counter")
LOST_FOR_S = 2.5
"""Longer than any part must be lost to be an alarm of its own."""


async def test_a_pulled_cable_is_one_alarm_and_none_is_left_when_it_is_plugged_in(tmp_path: Path) -> None:
    pad, broker, clock = GatePad(), MemoryBroker(), SystemClock()
    await pad.start()
    settings = settings_of(
        GateSettings, tmp_path, GATE, pad.port, pad={"owners": ["DE-290"]}, barriers={"kind": "pulses"}
    )
    central = central_of(broker)
    book, raised, ids = Book(), [], count()
    begun = clock.now()
    up = Status(state="online", boot="b", at=begun, kind="gate", version="1")
    view = fleet.on_status(StationView(GATE, "main", "gate", "Gate 1", begun), up, begun)

    def states() -> dict[str, str]:
        return {one["part"]: one["state"] for one in central.state(GATE, "parts").get("parts", [])}

    def all_are(state: str) -> bool:
        return [states().get(part) for part in PARTS] == [state] * len(PARTS)

    def both_lost_at() -> datetime:
        since = [one["since"] for one in central.state(GATE, "parts")["parts"] if one["part"] in PARTS]
        return max(map(datetime.fromisoformat, since))

    def turn() -> None:
        """Do what central does twice a second."""
        now = clock.now()
        here = fleet.on_parts(fleet.on_status(view, up, now), Parts(**central.state(GATE, "parts")), now)
        found = [*conditions(here, book.standing, Thresholds(), now)]
        scope = judged(here, {*book.alarms, *book.coming}, now)
        changed = book.update(found, scope, (str(n) for n in ids), now) + book.tick(now)
        raised.extend((alarm.key.part, alarm.key.rule, alarm.state) for alarm in changed)

    async def watch() -> None:
        while True:
            turn()
            await asyncio.sleep(0.1)

    link = memory_link(broker, settings, "gate")
    async with running(central.run(), run_gate(settings, link=link, clock=clock)):
        await until(lambda: all_are("ok"))
        async with running(watch()):
            await pad.unplug()
            await until(lambda: all_are("lost") and raised)
            await until(lambda: (clock.now() - both_lost_at()).total_seconds() > LOST_FOR_S)
            await pad.plug()
            await until(lambda: all_are("ok") and not book.standing)
    await pad.stop()

    assert raised == [
        ("pad", "device-lost", "unacknowledged"),
        ("pad", "device-lost", "returned-unacknowledged"),
    ]
