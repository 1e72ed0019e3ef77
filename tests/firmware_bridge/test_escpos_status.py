"""Real-time status of ESC/POS printers: the bytes of its manual, and a driver that never takes silence for ok."""

import asyncio
from collections.abc import AsyncIterator
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost, DeviceTimeout
from firmware_bridge.escpos import (
    FIXED,
    FIXED_MASK,
    Ask,
    EscposStatus,
    answer_in,
    error_of,
    paper_of,
    question,
    status_of,
)
from firmware_bridge.fakes import FakePrinter, FakeTransport
from firmware_bridge.ports import Paper, PrinterStatus
from firmware_bridge.transport import open_tcp
from sim.cables import Cable, Fault
from sim.devices.paper import PaperRoll
from sim.devices.printer import EscposPrinter
from wire.errors import DeviceError

FINE = PrinterStatus("ok", cover_open=False, offline=False, error="")


def test_the_questions_are_the_bytes_of_the_manual() -> None:
    assert [question(ask).hex() for ask in Ask] == ["100401", "100402", "100403", "100404"]


@pytest.mark.parametrize(
    ("answer", "paper"),
    [
        (0x12, "ok"),
        (0x1E, "near-end"),
        (0x72, "out"),
        (0x7E, "out"),
        (0x16, "unknown"),
        (0x1A, "unknown"),
        (0x32, "unknown"),
        (0x52, "unknown"),
    ],
)
def test_a_roll_sensor_sets_both_of_its_bits_or_none(answer: int, paper: Paper) -> None:
    assert paper_of(answer) == paper


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((0x12, 0x12, 0x12, 0x12), FINE),
        ((0x16, 0x12, 0x12, 0x12), FINE),
        ((0x1A, 0x16, 0x12, 0x12), PrinterStatus("ok", cover_open=True, offline=True, error="")),
        ((0x1A, 0x32, 0x12, 0x12), PrinterStatus("out", cover_open=False, offline=True, error="")),
        ((0x1A, 0x32, 0x12, None), PrinterStatus("out", cover_open=False, offline=True, error="")),
        ((0x12, None, None, None), PrinterStatus("unknown", None, offline=False, error=None)),
        ((0x12, None, 0x12, 0x1E), PrinterStatus("near-end", None, offline=False, error="")),
    ],
)
def test_four_answers_make_a_status(answers: tuple[int, int, int, int], status: PrinterStatus) -> None:
    assert status_of(*answers) == status


def test_errors_are_said_in_words_the_worst_first() -> None:
    assert error_of(0x12) == ""
    assert error_of(0x1A) == "the cutter is stuck"
    assert error_of(0x7E).startswith("an error that needs a technician, the cutter is stuck")


@given(st.binary(max_size=12))
def test_an_answer_is_the_first_byte_with_the_fixed_bits(data: bytes) -> None:
    found = answer_in(data)
    fitting = [byte for byte in data if byte & FIXED_MASK == FIXED]

    assert found == (fitting[0] if fitting else None)
    if found is not None:
        assert paper_of(found) in get_args(Paper)


async def test_what_a_printer_sends_by_itself_is_no_answer() -> None:
    async def connect() -> FakeTransport:
        return FakeTransport(lambda _: b"\x11\x13\x10\x00\x00\x00\x12")

    assert await EscposStatus(connect).status() == FINE


async def test_each_question_has_its_own_connection_that_is_closed() -> None:
    lines: list[FakeTransport] = []

    async def connect() -> FakeTransport:
        lines.append(FakeTransport(lambda _: b"\x12\x12"))
        return lines[-1]

    await EscposStatus(connect).status()

    assert [line.written for line in lines] == [[question(ask)] for ask in Ask]
    assert all(line.closed for line in lines)


# --- over a real socket


@pytest.fixture
async def printer() -> AsyncIterator[EscposPrinter]:
    sim = EscposPrinter(PaperRoll())
    await sim.start()
    yield sim
    await sim.stop()


def driver(port: int, timeout: float = 1.0) -> EscposStatus:
    return EscposStatus(lambda: open_tcp("127.0.0.1", port), timeout)


async def test_a_roll_is_ok_then_near_its_end_then_out_and_ok_after_a_refill(printer: EscposPrinter) -> None:
    asked, papers = driver(printer.port), []
    for left in (80_000.0, 7_000.0, 0.0):
        printer.use_up(left)
        papers.append(await asked.status())
    printer.roll.refill()
    papers.append(await asked.status())
    printer.cover_open = True
    papers.append(await asked.status())

    assert [one.paper for one in papers] == ["ok", "near-end", "out", "ok", "ok"]
    assert [one.offline for one in papers] == [False, False, True, False, True]
    assert [one.cover_open for one in papers] == [False, False, False, False, True]


async def test_a_mute_printer_is_a_timeout_and_an_unplugged_one_is_lost(printer: EscposPrinter) -> None:
    asked = driver(printer.port, 0.05)
    printer.mute = True
    with pytest.raises(DeviceTimeout):
        await asked.status()
    printer.mute = False
    await printer.unplug()
    with pytest.raises(DeviceLost) as lost:
        await asked.status()
    await printer.plug()

    assert "receipt" in lost.value.why
    assert await asked.status() == FINE


CABLES = {
    "one byte at a time": Fault(chop=True),
    "a fifth is lost": Fault(lose=0.2),
    "slower than the patience now and then": Fault(delay_s=0.08),
    "everything twice now and then": Fault(repeat=0.3),
    "cut": Fault(cut=0.15),
}


@pytest.mark.parametrize("name", CABLES)
async def test_over_a_bad_cable_the_paper_is_right_or_unknown_or_an_error(
    name: str, printer: EscposPrinter
) -> None:
    truth: dict[float, Paper] = {80_000.0: "ok", 7_000.0: "near-end", 0.0: "out"}
    wrong, right = [], 0
    async with Cable("127.0.0.1", printer.port, CABLES[name], seed=3) as cable, asyncio.timeout(60):
        asked = driver(cable.port, 0.1)
        for left, paper in [*truth.items()] * 5:
            printer.use_up(left)
            try:
                said = (await asked.status()).paper
            except DeviceError:
                continue
            right += said == paper
            if said not in (paper, "unknown"):
                wrong.append((left, said))

    assert wrong == []
    assert right >= (15 if name == "one byte at a time" else 1)


async def test_the_shipped_fake_says_what_it_was_told() -> None:
    fake = FakePrinter()
    fine = await fake.status()
    fake.lost = DeviceLost("no cable")
    with pytest.raises(DeviceLost):
        await fake.status()

    assert fine == FINE
