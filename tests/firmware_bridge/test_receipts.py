"""Receipts: laid out for any paper, printed by real bytes on a speaking printer, and never twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.escpos import EscposStatus
from firmware_bridge.gpio import FakeLines, GpioLamp, GpioSettings
from firmware_bridge.receipt import Line, Receipt, laid_out
from firmware_bridge.receipt_printer import (
    EscposPrinter,
    FakeReceiptPrinter,
    PaperOut,
    Reachable,
    opener,
)
from firmware_bridge.serial_line import open_device_file
from firmware_bridge.transport import open_tcp
from sim.devices.printer import CUT
from sim.devices.printer import EscposPrinter as Simulated

RECEIPT = Receipt(
    (
        Line("Bücherei am Hafen", bold=True, align="center"),
        Line(),
        Line("Momo", right="19.12.2026"),
        Line("Ein sehr langer Titel, der auf keine Zeile eines Bons passt", right="19.12.2026"),
        Line("Vielen Dank!"),
    )
)


@pytest.fixture
async def far() -> AsyncIterator[Simulated]:
    found = Simulated()
    await found.start()
    yield found
    await found.stop()


def printer(far: Simulated) -> EscposPrinter:
    where = Reachable(f"tcp://127.0.0.1:{far.port}", "TM-T20II", timeout_s=2.0)
    return EscposPrinter(where, EscposStatus(lambda: open_tcp("127.0.0.1", far.port), 1.0))


@given(st.lists(st.builds(Line, st.text(max_size=90), st.text(max_size=12))), st.integers(14, 60))
def test_no_row_is_wider_than_the_paper_and_no_word_is_lost(lines: list[Line], columns: int) -> None:
    rows = laid_out(Receipt(tuple(lines)), columns)

    assert [row.text for row in rows if len(row.text) > columns] == []
    said = "".join(row.text for row in rows)
    for line in lines:
        for letter in line.text + line.right:
            assert letter in said or not letter.isprintable() or letter.isspace()


async def test_a_receipt_stands_on_the_paper_and_is_cut(far: Simulated) -> None:
    assert await printer(far).print(RECEIPT) == "printed"

    width = 48
    assert far.paper[0] == "Bücherei am Hafen".center(width).rstrip()
    assert far.paper[1] == f"{'Momo':<{width - 11}} 19.12.2026"
    assert far.paper[2].startswith("Ein sehr langer Titel")
    assert far.paper[-2:] == ["Vielen Dank!", CUT]
    assert far.roll.left_mm < far.roll.length_mm


async def test_a_printer_without_paper_prints_nothing_and_says_so(far: Simulated) -> None:
    far.use_up()
    with pytest.raises(DeviceRefused, match="the paper is out"):
        await printer(far).print(RECEIPT)

    far.roll.refill()
    far.cover_open = True
    with pytest.raises(DeviceRefused, match="cover is open"):
        await printer(far).print(RECEIPT)
    assert far.paper == []


async def test_paper_that_ends_in_between_is_known(far: Simulated) -> None:
    far.use_up(108.0)  # two lines are left

    assert await printer(far).print(RECEIPT) == "unfinished"
    assert len(far.paper) < 5


async def test_a_line_that_is_cut_in_mid_print_is_never_called_printed(far: Simulated) -> None:
    far.cut_after = 1

    with pytest.raises(DeviceLost, match="went while it printed"):
        await printer(far).print(RECEIPT)


async def test_a_printer_that_is_not_there_printed_nothing(far: Simulated) -> None:
    one = EscposPrinter(Reachable(f"tcp://127.0.0.1:{far.port}", timeout_s=0.5), None)
    await far.unplug()

    with pytest.raises(DeviceRefused, match="does not answer"):
        await one.print(RECEIPT)


async def test_the_connection_is_opened_anew_for_each_print(far: Simulated) -> None:
    one = printer(far)
    await one.print(RECEIPT)
    await far.unplug()
    await far.plug()

    assert await one.print(RECEIPT) == "printed"
    assert far.paper.count(CUT) == 2


@pytest.mark.parametrize("address", ["lpt1", "http://x"])
def test_an_address_that_is_none_says_which_there_are(address: str) -> None:
    with pytest.raises(DeviceRefused, match="is no address of a printer"):
        opener(Reachable(address))


async def test_a_usb_printers_device_file_prints_is_asked_and_heard() -> None:
    far = Simulated()
    device = far.plug_serial()  # usblp's device speaks bytes both ways, as a raw terminal does
    try:
        status = EscposStatus(lambda: open_device_file(device), 1.0)
        one = EscposPrinter(Reachable(f"usb:{device}", profile="TM-T20II"), status)

        assert (await status.status()).paper == "ok"
        assert await one.print(RECEIPT) == "printed"
        assert far.paper[-1] == CUT
        far.use_up()
        with pytest.raises(PaperOut):
            await one.print(RECEIPT)
    finally:
        await far.stop()


async def test_a_usb_printer_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(DeviceLost, match="No such file") as error:
        await open_device_file("/dev/usb/no-such-printer")

    assert "group (lp" in error.value.do


def test_a_network_address_makes_its_printer() -> None:
    assert type(opener(Reachable("tcp://127.0.0.1:9"))()).__name__ == "Network"


async def test_the_fake_remembers_and_refuses() -> None:
    fake = FakeReceiptPrinter()
    assert await fake.print(RECEIPT) == "printed"
    fake.refuse = DeviceRefused("no paper")
    with pytest.raises(DeviceRefused):
        await fake.print(RECEIPT)

    assert fake.printed == [RECEIPT]


async def test_a_lamp_on_pins_goes_out_by_itself_and_is_prolonged() -> None:
    lines = FakeLines()
    lamp = GpioLamp(GpioSettings(), lambda _: lines)
    await lamp.alarm(0.2)
    await lamp.alarm(0.05)
    assert lines.on
    async with asyncio.timeout(5):
        while lines.on:
            await asyncio.sleep(0.01)

    assert lines.history == [True, True, False]
    lamp.close()
    assert lines.released


async def test_a_chip_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(DeviceLost, match="gpiochip-none") as lost:
        await GpioLamp(GpioSettings(chip="/dev/gpiochip-none")).alarm(1)

    assert "gpiodetect" in lost.value.do


async def test_lines_that_break_are_opened_anew() -> None:
    lines, opened = FakeLines(), []
    lamp = GpioLamp(GpioSettings(), lambda settings: opened.append(settings) or lines)
    await lamp.alarm(5)
    lines.broken = OSError("gone")
    with pytest.raises(DeviceLost):
        await lamp.alarm(5)
    lines.broken = None
    await lamp.alarm(5)
    lamp.close()

    assert len(opened) == 2
