"""The whole chain of one alarm: a roll, its printer's bytes, a kiosk, central, and what an operator sees."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from central_kit import Peer, central_on, peer, seed

from central import watch
from firmware_bridge.fakes import FakeCardReader, FakePad
from kiosk.config_kiosk import KioskSettings
from kiosk.daemon_kiosk import run_kiosk
from kiosk.station_link import link_settings
from sim.devices.printer import EscposPrinter
from wire.clock import new_stamper
from wire.link_memory import MemoryBroker, MemoryLink
from wire.messages.states import AlarmState, Part, Parts, Sample
from wire.topics import ROOT, topic

PARTS, SAMPLE = topic("parts", station="kiosk-1"), topic("sample", station="kiosk-1", part="printer")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TURN_S", 0.02)


@pytest.fixture
async def printer() -> AsyncIterator[EscposPrinter]:
    sim = EscposPrinter()
    await sim.start()
    yield sim
    await sim.stop()


@asynccontextmanager
async def kiosk_on(broker: MemoryBroker, folder: Path, printer: EscposPrinter) -> AsyncIterator[None]:
    """Run the kiosk's daemon, with everything but its pad and its cards as it runs in a library."""
    settings = KioskSettings.model_validate(
        {
            "name": "kiosk-1",
            "state_dir": folder / "kiosk-1",
            "broker": {"host": "127.0.0.1", "port": 1, "ca": "ca.pem", "cert": "c.pem", "key": "k.pem"},
            "pad": {"host": "127.0.0.1"},
            "page": {"port": 0},
            "printer": {"host": printer.host, "port": printer.port, "every_s": 0.05, "timeout_s": 1.0},
        }
    )
    link = MemoryLink(broker, link_settings(settings, "kiosk", new_stamper()))
    (folder / "kiosk-1").mkdir()
    task = asyncio.create_task(run_kiosk(settings, link=link, pad=FakePad(), cards=FakeCardReader()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def part_of(one: Peer) -> Part | None:
    return next(
        (part for said in one.on(PARTS, Parts)[-1:] for part in said.parts if part.part == "printer"), None
    )


async def test_part_and_sample_follow_the_printer_and_silence_is_never_ok(
    printer: EscposPrinter, tmp_path: Path
) -> None:
    broker, seen = MemoryBroker(), []
    async with peer(broker, "central", PARTS, SAMPLE) as here, kiosk_on(broker, tmp_path, printer):

        async def told(state: str, level: float | None) -> None:
            part = await here.until(lambda: (part := part_of(here)) and part.state == state and part)
            seen.append(part.seen)
            if level is not None:
                await here.until(
                    lambda: [one.values["paper_level"] for one in here.on(SAMPLE, Sample)][-1:] == [level]
                )

        await told("ok", 2.0)
        printer.use_up(5_000.0)
        await told("degraded", 1.0)
        printer.mute = True
        await told("lost", None)
        samples = len(here.on(SAMPLE, Sample))
        asked = printer.questions
        await here.until(lambda: printer.questions > asked + 1)
        silent = len(here.on(SAMPLE, Sample))
        printer.mute = False
        printer.use_up()
        await told("degraded", 0.0)
        await printer.unplug()
        await told("lost", None)
        await printer.plug()
        printer.roll.refill()
        await told("ok", 2.0)

    assert seen[1] == "the paper is nearly out"
    assert "did not answer" in seen[2]
    assert silent == samples
    assert seen[3].startswith("the paper is out")
    assert "cannot connect" in seen[4]


async def test_paper_low_is_raised_grows_worse_and_is_over_after_a_refill(
    printer: EscposPrinter, tmp_path: Path
) -> None:
    seed(tmp_path)
    broker = MemoryBroker()
    limits = {"alarms": {"paper_low_for_s": 0.1, "paper_clear_for_s": 0.2}}
    async with (
        central_on(broker, tmp_path, **limits),
        peer(broker, "alice", f"{ROOT}/pub/#", topic("response", identity="alice")) as alice,
        kiosk_on(broker, tmp_path, printer),
    ):

        def paper() -> list[AlarmState]:
            return [one for one in alice.on(topic("alarm"), AlarmState) if one.rule == "paper-low"]

        printer.use_up(5_000.0)
        low = (await alice.until(paper))[-1]
        printer.use_up()
        out = await alice.until(lambda: next((one for one in paper() if one.severity == "act"), None))
        await alice.operate("alarm-ack", alarm=low.alarm, note="a new roll is on its way")
        printer.roll.refill()
        where = topic("alarm", branch="main", alarm=low.alarm)
        await alice.until(lambda: alice.latest(where).get(where) == b"")

    assert (low.severity, low.part, low.seen) == ("look", "printer", "By the door: the paper is nearly out")
    assert (out.alarm, out.seen) == (low.alarm, "By the door: the paper is out")
    assert where not in broker.retained
