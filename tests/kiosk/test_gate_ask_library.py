"""A thousand loans that nobody told us of, carried out through a gate.

Real in this chain: a SIP2 server that others wrote, over TCP; our client, pool and codec; central with its
desk and its ledger; the gate's daemon with its copy, its questions and its outbox; the reader's driver over
TCP. Played: the reader and its tags (`sim`), and the broker (`wire.link_memory`).
"""

import contextlib
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pysip2 import models, routes
from pysip2.server import SIP2Server

sys.path.insert(0, str(Path(__file__).parent.parent / "edge"))
sys.path.insert(0, str(Path(__file__).parent.parent / "central"))

import central_kit
from central_kit import central_on
from edge_world import memory_link, running, settings_of, until

from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.looks import KEPT_MS
from central.sip2.client import Connection, Peer
from central.sip2.codec import Dialect
from central.sip2.messages_items import Checkout, CheckoutResponse
from kiosk.config_gate import GateSettings
from kiosk.daemon_gate import run_gate
from kiosk.gate_open import gate_device
from kiosk.station import Station
from sim.devices.gate_pad import GatePad
from sim.devices.tags import SimTag
from wire.clock import SystemClock
from wire.link_memory import MemoryBroker

LOANS, IN_HAND = 1000, 20
AT = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - SIP2 tells local times
NOW = "20261121    093000"


def item(number: int) -> str:
    return f"3{number:05d}"


class Ils:
    """The library's own system: a strict SIP2 server, with a shelf of items behind it."""

    def __init__(self) -> None:
        self.loans: dict[str, str] = {}
        self.questions: list[str] = []
        self.server = SIP2Server(institution_id="main", encoding="utf-8")

        @self.server.route(routes.CHECKOUT)
        def checkout(asked: models.CheckoutRequest, _: object) -> models.CheckoutResponse:
            self.loans[asked.item_identifier] = asked.patron_identifier
            return models.CheckoutResponse(
                ok="1", renewal_ok="N", magnetic_media="N", desensitize="Y", transaction_date=NOW,
                institution_id="main", patron_identifier=asked.patron_identifier,
                item_identifier=asked.item_identifier, title_identifier="T", due_date="20261219    235900",
            )  # fmt: skip

        @self.server.route(routes.ITEM_INFORMATION)
        def item_information(
            asked: models.ItemInformationRequest, _: object
        ) -> models.ItemInformationResponse:
            self.questions.append(asked.item_identifier)
            lent = asked.item_identifier in self.loans
            return models.ItemInformationResponse(
                circulation_status="04" if lent else "03", security_marker="00", fee_type="01",
                transaction_date=NOW, item_identifier=asked.item_identifier, title_identifier="T",
            )  # fmt: skip

    async def lend(self, port: int, items: list[str]) -> None:
        """Lend at another terminal, as the library's app does: we hear nothing of it."""
        terminal = await Connection.open(Peer("127.0.0.1", port, dialect=Dialect("utf-8")))
        for number, one in enumerate(items):
            loan = Checkout(at=AT, no_block_due=AT, institution="main", patron=f"P{number}", item=one)
            said = await terminal.request(loan)
            assert isinstance(said.message, CheckoutResponse)
            assert said.message.ok
        await terminal.close()


class Watched:
    """The reader's driver; it counts its looks, so that a test knows when all tags were read."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.looks = 0

    async def inventory(self) -> frozenset[str]:
        found: frozenset[str] = await self._device.inventory()
        self.looks += 1
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)


class Ahead(SystemClock):
    """The machine's clock, put forward by hand."""

    ahead_ms = 0

    def mono(self) -> int:
        return super().mono() + self.ahead_ms


@dataclass
class Door:
    clock: Ahead
    pad: GatePad
    device: Watched
    settings: GateSettings
    station: Station
    carried: int = 0

    async def carry(self, items: list[str]) -> None:
        """Carry items whose tags are secured through the gate, in one pair of arms."""
        tags = [SimTag.for_item(f"E0040150{int(one):08d}", one, "DE-290") for one in items]
        for spot, tag in enumerate(tags):
            tag.spot = spot
            self.pad.place(tag)
        looked = self.device.looks
        await until(lambda: self.device.looks >= looked + 3)
        for tag in tags:
            self.pad.remove(tag.uid)
        self.carried += 1
        await until(lambda: len(self.passages()) == self.carried)

    def passages(self) -> list[dict[str, Any]]:
        db = sqlite3.connect(f"file:{self.settings.edge_db}?mode=ro", uri=True)
        rows = db.execute("SELECT body FROM outbox WHERE kind = 'passage/1' ORDER BY seq").fetchall()
        db.close()
        return [json.loads(row[0]) for row in rows]

    def verdicts(self) -> dict[str, str]:
        return {one["item"]: one["verdict"] for passage in self.passages() for one in passage["items"]}


def seed(folder: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    items = [
        {"item": item(n), "title": f"T{n}", "class": "book", "media": "book", "owner": "DE-290", "branch": "main"}
        for n in range(LOANS)
    ]  # fmt: skip
    load(
        ledger.hot,
        Registry.model_validate({**central_kit.REGISTRY, "items": items}),
        millis(SystemClock().now()),
    )
    ledger.close()


def hands(items: list[str]) -> Iterator[list[str]]:
    return (items[at : at + IN_HAND] for at in range(0, len(items), IN_HAND))


@contextlib.asynccontextmanager
async def library(folder: Path, port: int, **gate: Any) -> AsyncIterator[Door]:
    """Central with a library's own system at `port`, and a gate of its."""
    seed(folder)
    broker, pad, stations, clock = MemoryBroker(), GatePad(), list[Station](), Ahead()
    await pad.start()
    settings = settings_of(
        GateSettings, folder, "gate-1", pad.port, pad={"owners": ["DE-290"]}, passage_gap_ms=200,
        policy={"ask_ms": 10_000, **gate},
    )  # fmt: skip
    settings.items_key.write_text(central_kit.KEY.hex())
    sip2 = {"host": "127.0.0.1", "port": port, "institution": "main"}
    async with (
        central_on(broker, folder, clock=clock, authority="sip2", sip2=sip2),
        gate_device(settings, SystemClock()) as device,
    ):
        watched = Watched(device)
        link = memory_link(broker, settings, "gate")
        async with running(run_gate(settings, link=link, device=watched, on_ready=stations.append)):  # type: ignore[arg-type]  # it passes everything on
            await until(lambda: stations and stations[0].states.items_n is not None)
            await until(lambda: stations[0].central_online and stations[0].decided_elsewhere)
            yield Door(clock, pad, watched, settings, stations[0])
    await pad.stop()


@pytest.mark.slow
async def test_a_thousand_loans_made_elsewhere_raise_no_alarm(tmp_path: Path) -> None:
    ils = Ils()
    everything = [item(n) for n in range(LOANS)]
    async with ils.server.start() as port, library(tmp_path, port) as door:
        await ils.lend(port, everything)
        for arms in hands(everything):
            await door.carry(arms)
        verdicts, lamps = door.verdicts(), door.pad.lamp_orders
        asked = len(ils.questions)

    assert (list(verdicts.values()).count("alarm"), lamps) == (0, 0)
    assert sorted(verdicts) == everything
    assert asked == LOANS


@pytest.mark.slow
async def test_with_the_way_of_asking_cut_all_thousand_sound(tmp_path: Path, unused_tcp_port: int) -> None:
    everything = [item(n) for n in range(LOANS)]
    async with library(tmp_path, unused_tcp_port) as door:
        for arms in hands(everything):
            await door.carry(arms)
        verdicts, lamps = door.verdicts(), door.pad.lamp_orders

    assert list(verdicts.values()).count("alarm") == LOANS
    assert lamps == LOANS // IN_HAND


async def test_what_was_learned_once_the_gate_knows_with_the_way_cut(tmp_path: Path) -> None:
    ils = Ils()
    async with ils.server.start() as port, library(tmp_path, port) as door:
        await ils.lend(port, [item(1)])
        known = door.station.states.items_n
        await door.carry([item(1), item(2)])
        first = door.verdicts()
        await until(lambda: door.station.states.items_n == (known or 0) + 1)
        ils.loans.clear()
        door.station.decided_elsewhere = False  # the gate asks nobody any more
        await door.carry([item(1)])
        (again,) = door.passages()[-1]["items"]

    assert first == {item(1): "pass", item(2): "alarm"}
    assert (again["verdict"], again["case"]) == ("pass", "lent-but-secured")


async def test_an_item_that_came_back_at_a_desk_is_a_theft_again(tmp_path: Path) -> None:
    ils = Ils()
    async with ils.server.start() as port, library(tmp_path, port) as door:
        await ils.lend(port, [item(1)])
        await door.carry([item(1)])
        lent = door.verdicts()
        ils.loans.clear()
        door.clock.ahead_ms = KEPT_MS + 1  # central tells whoever asks again so long what it heard
        await door.carry([item(1)])

    assert lent == {item(1): "pass"}
    assert door.verdicts() == {item(1): "alarm"}
