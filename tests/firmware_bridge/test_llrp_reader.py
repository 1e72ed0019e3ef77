"""The LLRP driver against the simulated reader, and two foreign clients against it too."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TypeVar

import pytest

from firmware_bridge.errors import DeviceLost, DeviceRefused, DeviceTimeout
from firmware_bridge.llrp.conversation import ROSPEC, Settings
from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import ReaderFound, ReaderLost, UhfEvent, UhfTagSeen
from sim.cables import Cable, Fault
from sim.devices.llrp_reader import Faults, FieldTag, SimLlrpReader

T = TypeVar("T")
BOOK = FieldTag(bytes.fromhex("3000abcdef00000000000005"), 0x31C2, -47)
LONG = FieldTag(bytes.fromhex("1fb41f712ac9c37ab79d618173188324001a"), 0x4907, -60)


@pytest.fixture
async def far() -> AsyncIterator[SimLlrpReader]:
    async with SimLlrpReader() as reader:
        reader.field = {1: (BOOK,), 2: (LONG,)}
        yield reader


def driver(port: int, **more: object) -> LlrpReader:
    return LlrpReader("127.0.0.1", port, backoff_s=(0.01, 0.05), answer_s=1.0, **more)  # type: ignore[arg-type]  # test


async def until(reader: LlrpReader, wanted: type[T], count: int = 1) -> list[T]:
    """Return the first events of a kind."""
    found: list[T] = []
    async with asyncio.timeout(20), aclosing(reader.events()) as events:
        async for event in events:
            if isinstance(event, wanted):
                found.append(event)
                if len(found) == count:
                    break
    return found


async def test_a_tag_at_the_gate_is_reported_with_its_pc_word(far: SimLlrpReader) -> None:
    reader = driver(far.port)

    tags = await until(reader, UhfTagSeen, 6)
    assert {
        (BOOK.epc, BOOK.pc, 1, BOOK.rssi),
        (LONG.epc, LONG.pc, 2, LONG.rssi),
    } == {(tag.epc, tag.pc, tag.antenna, tag.rssi) for tag in tags}
    assert reader.health.by_antenna[1] + reader.health.by_antenna[2] == reader.health.reports


async def test_the_first_event_says_what_the_reader_is(far: SimLlrpReader) -> None:
    (found,) = await until(driver(far.port), ReaderFound)
    assert (
        found.info.make,
        found.info.model,
        found.info.firmware,
        found.info.serial,
    ) == ("PEN 0", "1", "sim 1.0", "001625FFFF0000AA")


async def test_whoever_leaves_takes_the_rospec_along(far: SimLlrpReader) -> None:
    await until(driver(far.port), UhfTagSeen)

    assert far.rospecs == {}
    assert [(m.type, m.fields.get("rospec_id")) for m in far.log[-2:]] == [(21, ROSPEC), (14, None)]


async def test_a_reader_of_2010_is_spoken_to_in_its_version(far: SimLlrpReader) -> None:
    far.faults.only_1_0_1 = True
    await until(driver(far.port), UhfTagSeen)

    assert {1} == {message.version for message in far.log[1:]}


async def test_a_new_reader_is_spoken_to_in_1_1(far: SimLlrpReader) -> None:
    await until(driver(far.port), UhfTagSeen)
    assert {2} == {message.version for message in far.log}


async def test_a_second_client_is_told_who_is_in_the_way(far: SimLlrpReader) -> None:
    first = driver(far.port)
    async with asyncio.timeout(20), aclosing(first.events()) as events:
        assert isinstance(await anext(events), ReaderFound)
        (lost,) = await until(driver(far.port), ReaderLost)
        tag = await anext(events)

    assert isinstance(lost.error, DeviceRefused)
    assert "another client is already connected" in lost.error.seen
    assert isinstance(tag, UhfTagSeen)


@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        (Faults(silent=True), DeviceTimeout, "silent (greeting)"),
        (Faults(refuse=1), DeviceRefused, "a connection that it made itself"),
        (Faults(status={20: 301}), DeviceRefused, "A_OutOfRange"),
        (Faults(cut_reports=True), DeviceLost, "closed the connection"),
    ],
)
async def test_a_fault_is_told_in_plain_words(
    far: SimLlrpReader, faults: Faults, kind: type[Exception], words: str
) -> None:
    far.faults = faults
    (lost,) = await until(driver(far.port), ReaderLost)

    assert isinstance(lost.error, kind)
    assert words in lost.error.seen


async def test_a_reader_that_answers_oddly_is_still_read(far: SimLlrpReader) -> None:
    far.faults.odd = True
    assert await until(driver(far.port), UhfTagSeen, 3)


async def test_a_lost_antenna_is_remembered(far: SimLlrpReader) -> None:
    reader = driver(far.port)
    async with asyncio.timeout(20), aclosing(reader.events()) as events:
        await anext(events)
        far.antenna(2, False)
        async for _ in events:
            if 2 in reader.health.antennas:
                break

    assert reader.health.antennas == {2: False}


async def test_keep_alives_are_answered_and_their_absence_is_noticed(far: SimLlrpReader) -> None:
    far.field = {}
    reader = driver(far.port, settings=Settings(keep_alive_ms=50))
    seen: list[UhfEvent] = []
    async with asyncio.timeout(20), aclosing(reader.events()) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, ReaderLost):
                break
            while not any(message.type == 72 for message in far.log):
                await asyncio.sleep(0.01)
            far.faults.silent = True

    assert [ReaderFound, ReaderLost] == [type(event) for event in seen]


@pytest.mark.parametrize(
    "fault",
    [Fault(chop=True), Fault(delay_s=0.02), Fault(cut=0.05), Fault(lose=0.05), Fault(garbage=0.05)],
    ids=["chop", "delay", "cut", "lose", "garbage"],
)
async def test_a_bad_cable_does_not_end_the_gate(far: SimLlrpReader, fault: Fault) -> None:
    async with Cable("127.0.0.1", far.port, fault, seed=4) as cable:
        tags = await until(driver(cable.port), UhfTagSeen, 30)
    assert len(tags) == 30


SLLURP = """
import sys
from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig
seen = []
config = LLRPReaderConfig({"antennas": [1], "report_every_n_tags": 1, "tag_content_selector": {
    "EnableAntennaID": True, "EnablePeakRSSI": True}})
client = LLRPReaderClient("127.0.0.1", int(sys.argv[1]), config)
def report(reader, tags):
    if not seen:  # said in the client's own thread: from another, its goodbye can wait for ever
        client.disconnect()
    seen.extend(tags)
client.add_tag_report_callback(report)
client.connect()
client.join(30)
epc = seen[0].get("EPC", seen[0].get("EPC-96"))
print(epc.decode() if isinstance(epc, bytes) else epc)
"""
PYLLRP = """
import sys
from pyllrp.pyllrp import *
from pyllrp.LLRPConnector import LLRPConnector
connector = LLRPConnector()
connector.connect("127.0.0.1", int(sys.argv[1]))
answer = connector.transact(GET_READER_CAPABILITIES_Message(RequestedData=0))
print(answer.getFirstParameterByClass(GeneralDeviceCapabilities_Parameter).MaxNumberOfAntennaSupported)
print(connector.transact(GetBasicAddRospecMessage(123)).success())
seen = []
connector.addHandler(RO_ACCESS_REPORT_Message, lambda c, m: seen.append(m))
print(connector.transact(ENABLE_ROSPEC_Message(ROSpecID=123)).success())
while not seen:
    connector.callHandler(UnpackMessageFromSocket(connector.readerSocket))
print("%024x" % next(int(tag["EPC"]) for tag in seen[0].getTagData()))
connector.disconnect()
"""


async def foreign(program: str, port: int) -> str:
    """Run a client that others wrote, in its own process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(40):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_sllurp_reads_a_tag_of_the_simulated_reader(far: SimLlrpReader) -> None:
    assert BOOK.epc.hex() in (await foreign(SLLURP, far.port)).lower()
    assert far.rospecs == {}


async def test_pyllrp_reads_a_tag_of_the_simulated_reader(far: SimLlrpReader) -> None:
    far.field = {1: (BOOK,)}
    answer = (await foreign(PYLLRP, far.port)).lower()

    assert answer.startswith("2\ntrue\ntrue\n")
    assert BOOK.epc.hex() in answer
