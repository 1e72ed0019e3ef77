"""A kiosk's devices as parts and samples, in one process: scanners, the printer that prints, refused codes."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).parent.parent / "edge"))

from lending_central import LendingCentral

from firmware_bridge.barcode import CodeRules
from firmware_bridge.barcode_keys import Key, typed
from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.fakes import FakeCardReader, FakePad, FakePrinter
from firmware_bridge.ports import CardUnread, CodeRefused, DeviceInfo, PrinterStatus, ReaderFound
from firmware_bridge.receipt import Line, Receipt
from firmware_bridge.receipt_printer import FakeReceiptPrinter, PaperOut
from firmware_bridge.scanner import FakeScanner, KeyboardScanner, KeyboardSettings
from kiosk import receipts
from kiosk.config_kiosk import KioskSettings
from kiosk.daemon_kiosk import KioskDaemon, run_kiosk
from kiosk.receipts import KioskPrinter
from kiosk.scanner_watch import open_scanner
from kiosk.station_link import link_settings
from sim.devices.printer import CUT, EscposPrinter
from wire.clock import new_stamper
from wire.link import LinkSettings
from wire.link_memory import MemoryBroker, MemoryLink

RECEIPT = Receipt((Line("Momo"),))
CARD = "21234567890124"


def settings_of(folder: Path, **more: Any) -> KioskSettings:
    return KioskSettings.model_validate(
        {
            "name": "kiosk-1",
            "state_dir": folder / "kiosk-1",
            "sample_s": 1,
            "broker": {"host": "127.0.0.1", "port": 1, "ca": "ca.pem", "cert": "c.pem", "key": "k.pem"},
            "pad": {"host": "127.0.0.1"},
            "page": {"port": 0},
        }
        | more
    )


@asynccontextmanager
async def kiosk(folder: Path, **fitted: Any) -> AsyncIterator[tuple[KioskDaemon, LendingCentral]]:
    """Run the daemon in this process, with central; `fitted` are its devices."""
    settings = settings_of(folder)
    (folder / "kiosk-1").mkdir()
    broker, found = MemoryBroker(), asyncio.Queue[KioskDaemon]()
    central = LendingCentral(MemoryLink(broker, central_link()))
    link = MemoryLink(broker, link_settings(settings, "kiosk", new_stamper()))
    devices = {"pad": FakePad(), "cards": FakeCardReader()} | fitted
    running = run_kiosk(settings, link=link, on_ready=found.put_nowait, **devices)
    tasks = [asyncio.create_task(central.run()), asyncio.create_task(running)]
    try:
        async with asyncio.timeout(20):
            yield await found.get(), central
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def central_link() -> LinkSettings:
    return LinkSettings("127.0.0.1", 1, "central", "ca", "cert", "key", ("turnleaf/v1/up/#",))


def part(central: LendingCentral, name: str) -> dict[str, Any]:
    parts = central.state("kiosk-1", "parts").get("parts", [])
    return next((one for one in parts if one["part"] == name), {})


def headline(daemon: KioskDaemon) -> str:
    return daemon._screen().headline


class Keyboard:
    """A grabbed keyboard of which the test presses the keys; stands for evdev, which this machine has not."""

    info = DeviceInfo(model="Barcode Reader", firmware="1.00", serial="K7")

    def __init__(self) -> None:
        self.pressed: asyncio.Queue[Key | DeviceLost] = asyncio.Queue()
        self.grabbed = 0

    async def open(self, path: str) -> "Keyboard":
        assert path == "/dev/input/by-id/scanner"
        self.grabbed += 1
        return self

    def type(self, code: str) -> None:
        for key in typed(code, "us"):
            self.pressed.put_nowait(key)

    async def keys(self) -> AsyncIterator[Key]:
        while True:
            key = await self.pressed.get()
            if isinstance(key, DeviceLost):
                raise key
            yield key

    async def close(self) -> None:
        self.grabbed -= 1


async def test_a_keyboard_scanner_shows_a_card_and_lets_the_keyboard_go_at_the_end(tmp_path: Path) -> None:
    keyboard = Keyboard()
    settings = KeyboardSettings("/dev/input/by-id/scanner", "us", CodeRules(check="luhn"))
    scanner = KeyboardScanner(settings, keyboard.open, retry_s=0.01)
    async with kiosk(tmp_path, scanner=scanner) as (daemon, central):
        await central.until(lambda: part(central, "scanner").get("state") == "ok")
        told = part(central, "scanner")
        keyboard.type(CARD)
        await central.until(lambda: headline(daemon) == "Hallo, Greta")
        held = keyboard.grabbed
        keyboard.pressed.put_nowait(DeviceLost("unplugged"))
        await central.until(lambda: part(central, "scanner")["since"] != told["since"])

    assert (told["model"], told["firmware"], told["serial"]) == ("Barcode Reader", "1.00", "K7")
    assert [ask.card for ask in central.asks if hasattr(ask, "card")] == [CARD]
    assert (held, keyboard.grabbed) == (1, 0)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("length", "This is not the code of a library card"),
        ("prefix", "This is not the code of a library card"),
        ("check", "The code could not be read cleanly"),
        ("text", "The code could not be read cleanly"),
    ],
)
async def test_each_rule_that_refuses_a_code_has_its_sentence(
    tmp_path: Path, rule: Literal["length", "prefix", "check", "text"], said: str
) -> None:
    scanner, cards = FakeScanner(), FakeCardReader()
    cards.say(ReaderFound())
    async with kiosk(tmp_path, scanner=scanner, cards=cards) as (daemon, central):
        await until_lending(daemon, central)
        scanner.say(CodeRefused("why", rule))
        await central.until(lambda: headline(daemon) == said)


async def until_lending(daemon: KioskDaemon, central: LendingCentral) -> None:
    pad = daemon._pad
    assert isinstance(pad, FakePad)
    await central.until(lambda: daemon._screen().name == "attract")


async def test_a_card_that_cannot_be_read_is_said_to_the_patron(tmp_path: Path) -> None:
    cards = FakeCardReader()
    cards.say(ReaderFound(DeviceInfo("ACS", "ACR1252", "100.4", "RR-1")))
    async with kiosk(tmp_path, cards=cards) as (daemon, central):
        await until_lending(daemon, central)
        cards.say(CardUnread("unknown", "unknown card"))
        await central.until(lambda: headline(daemon) == "This card cannot be used here")
        await central.until(lambda: part(central, "card-reader").get("serial") == "RR-1")


async def test_a_serial_scanner_that_is_not_there_is_a_lost_device_with_its_own_sentence() -> None:
    settings = settings_of(Path(), scanner={"kind": "serial", "path": "/dev/no-such-scanner"})
    assert settings.scanner is not None
    events: Any = open_scanner(settings.scanner).events()

    lost = await anext(events)
    await events.aclose()

    assert "no-such-scanner" in lost.error.seen
    assert lost.error.why == "Cards cannot be scanned."


def kiosk_printer(
    prepare: Callable[[FakeReceiptPrinter], None] = lambda _: None,
) -> tuple[KioskPrinter, FakePrinter, FakeReceiptPrinter]:
    status, printer = FakePrinter(), FakeReceiptPrinter()
    prepare(printer)
    return KioskPrinter(status, printer), status, printer


@pytest.mark.parametrize(
    ("said", "ready"),
    [
        (PrinterStatus("ok", cover_open=False, offline=False, error=""), "ready"),
        (PrinterStatus("near-end", cover_open=False, offline=False, error=""), "ready"),
        (PrinterStatus("unknown"), "ready"),
        (PrinterStatus("out", cover_open=False, offline=True, error=""), "paper-out"),
        (PrinterStatus("ok", cover_open=True, offline=True, error=""), "away"),
        (PrinterStatus("ok", cover_open=False, offline=False, error="the cutter is stuck"), "away"),
        (PrinterStatus("ok", cover_open=False, offline=True, error=""), "away"),
    ],
)
async def test_a_receipt_is_offered_when_the_printer_says_nothing_against_it(
    said: PrinterStatus, ready: str
) -> None:
    one, status, _ = kiosk_printer()
    status.said = said

    await one.status()

    assert one.ready == ready


async def test_before_the_first_answer_and_after_a_loss_none_is_offered() -> None:
    one, status, _ = kiosk_printer()
    at_first = one.ready
    await one.status()
    status.lost = DeviceLost("gone")
    with pytest.raises(DeviceLost):
        await one.status()

    assert (at_first, one.ready) == ("away", "away")


@pytest.mark.parametrize(
    ("fault", "outcome", "ready"),
    [
        (None, "printed", "ready"),
        (PaperOut("no paper"), "paper-out", "paper-out"),
        (DeviceRefused("it does not answer"), "away", "away"),
    ],
)
async def test_what_came_of_a_print_is_one_word_for_the_patron(
    fault: DeviceRefused | None, outcome: str, ready: str
) -> None:
    one, _, printer = kiosk_printer(lambda printer: setattr(printer, "refuse", fault))
    await one.status()

    assert await one.print(RECEIPT) == outcome
    assert one.ready == ready
    assert printer.printed == ([RECEIPT] if fault is None else [])


async def test_a_print_that_is_not_surely_out_is_unfinished() -> None:
    class Breaks(FakeReceiptPrinter):
        async def print(self, receipt: Receipt) -> Literal["printed", "unfinished"]:
            raise DeviceLost("it went while it printed")

    assert await KioskPrinter(FakePrinter(), Breaks()).print(RECEIPT) == "unfinished"


async def test_a_question_waits_for_the_print_and_never_disturbs_it() -> None:
    class Slow(FakeReceiptPrinter):
        def __init__(self) -> None:
            super().__init__()
            self.go = asyncio.Event()

        async def print(self, receipt: Receipt) -> Literal["printed", "unfinished"]:
            await self.go.wait()
            return await super().print(receipt)

    slow = Slow()
    one = KioskPrinter(FakePrinter(), slow)
    printing = asyncio.create_task(one.print(RECEIPT))
    await asyncio.sleep(0)
    asking = asyncio.create_task(one.status())
    for _ in range(5):
        await asyncio.sleep(0)
    waited = not asking.done()
    slow.go.set()

    assert waited
    assert await printing == "printed"
    assert (await asking).paper == "ok"


async def test_a_printer_without_receipts_offers_none() -> None:
    one = KioskPrinter(FakePrinter(), None)
    await one.status()

    assert one.ready == "none"
    assert await one.print(RECEIPT) == "away"


async def test_a_printer_on_a_serial_line_is_asked_and_prints(tmp_path: Path) -> None:
    far = EscposPrinter()
    told = {"serial": far.plug_serial(), "every_s": 0.1}
    settings = settings_of(tmp_path, printer=told, receipt={"profile": "TM-T20II"})
    assert settings.printer is not None
    one = receipts.kiosk_printer(settings.printer, settings.receipt)
    try:
        async with asyncio.timeout(20):
            said, known = await one.status(), await one.info()
            outcome = await one.print(RECEIPT)
            far.use_up()
            refused = await one.print(RECEIPT)
    finally:
        await far.stop()

    assert (said.paper, known.model) == ("ok", "TM-T20II")
    assert (outcome, refused, one.ready) == ("printed", "paper-out", "paper-out")
    assert far.paper == ["Momo", CUT]


@pytest.mark.parametrize("told", [{}, {"host": "a", "serial": "/dev/ttyS0"}])
def test_a_printer_has_one_way_there(tmp_path: Path, told: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a host, a serial port or a USB device"):
        settings_of(tmp_path, printer=told)
