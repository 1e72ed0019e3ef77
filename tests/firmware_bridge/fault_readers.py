"""UHF readers, scanners and PC/SC readers run over bad cables and against odd firmware: what came, counted."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import cast

from fault_pads import HERE, UIDS, Bridge, Came
from test_pcsc_pad import Driver, driving

from firmware_bridge.barcode import CodeRules
from firmware_bridge.llrp.conversation import Settings
from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import CodeRefused, CodeScanned, ReaderLost, ScanEvent, UhfEvent, UhfTagSeen
from firmware_bridge.scanner import SerialScanner
from sim.cables import Cable, Fault
from sim.devices.llrp_reader import Faults, FieldTag, SimLlrpReader
from sim.devices.pcscd import Pcscd
from sim.devices.tags import SimTag
from sim.devices.vpcd_tag import Oddities, TagOnReader

PCSC_TURNS = 2


# --- UHF ------------------------------------------------------------------------------------------

BOOKS = tuple(
    FieldTag(bytes.fromhex(f"3000abcdef0000000000{n:04x}"), 0x3100 | 0x07 + n, -40 - n) for n in range(4)
)
TRUE = {(book.epc, book.pc, book.rssi) for book in BOOKS}


def said_by(device: LlrpReader | SerialScanner) -> AsyncGenerator[UhfEvent | ScanEvent, None]:
    """Return what a device says; closed, it lets the device go."""
    return cast("AsyncGenerator[UhfEvent | ScanEvent, None]", device.events())


async def reports(reader: LlrpReader, came: Came, wanted: int) -> None:
    """Count reports until so many came."""
    async with aclosing(said_by(reader)) as events:
        seen = 0
        async for event in events:
            match event:
                case UhfTagSeen():
                    came["right" if (event.epc, event.pc, event.rssi) in TRUE else "wrong"] += 1
                    seen += 1
                    if seen == wanted:
                        return
                case ReaderLost(error=error):
                    came[type(error).__name__] += 1


def uhf_driver(port: int, answer_s: float = 0.5) -> LlrpReader:
    return LlrpReader(HERE, port, Settings(keep_alive_ms=100), answer_s=answer_s, backoff_s=(0.01, 0.05))


async def uhf(fault: Fault, seed: int) -> Came:
    """Follow a UHF reader over a bad cable; then over a good one."""
    came = Came()
    async with SimLlrpReader(rate=20) as far:
        far.field = {1: BOOKS[:2], 2: BOOKS[2:]}
        async with Cable(HERE, far.port, fault, seed=seed) as cable:
            await reports(uhf_driver(cable.port, 0.15 if fault.lose else 2.0), came, 40)
            cable.mend()
            await reports(uhf_driver(cable.port), Came(), 20)
    return came


async def odd_uhf(name: str) -> Came:
    """Follow an odd UHF reader; it behaves from the first loss on."""
    came = Came()
    faults = {
        "1.0.1": Faults(only_1_0_1=True), "odd": Faults(odd=True), "cut": Faults(cut_reports=True),
        "busy": Faults(refuse=2), "silent": Faults(silent=True),
    }  # fmt: skip
    async with SimLlrpReader(rate=50) as far:
        far.field = {1: BOOKS}
        far.faults = faults[name]
        reader = uhf_driver(far.port)
        async with aclosing(said_by(reader)) as events:
            async for event in events:
                if isinstance(event, ReaderLost):
                    came[type(event.error).__name__] += 1
                    break
                if isinstance(event, UhfTagSeen):
                    came["right" if (event.epc, event.pc, event.rssi) in TRUE else "wrong"] += 1
                    if came["right"] == 20:
                        break
        far.faults = Faults()
        await reports(uhf_driver(far.port), came, 10)
    return came


# --- scanner --------------------------------------------------------------------------------------


def with_check(number: int) -> str:
    """Return a library's 14-digit number: 13 digits and the Luhn digit."""
    digits = f"3{number * 98_765_431:012d}"
    total = sum(sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10)) for at, digit in enumerate(digits))
    return digits + str(-total % 10)


CODES = [with_check(number) for number in range(1, 41)]


@asynccontextmanager
async def scanning(sent: list[bytes]) -> AsyncIterator[int]:
    """Yield the port of a scanner behind a converter, which sends `sent` over and over."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while True:
                for data in sent:
                    writer.write(data)
                    await writer.drain()
                    await asyncio.sleep(0.005)
        writer.close()

    server = await asyncio.start_server(serve, HERE, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def scans(fault: Fault, seed: int, sent: list[bytes] | None = None) -> Came:
    """Take codes over a bad cable, then over a good one; each must be one that was scanned."""
    came = Came()
    lines = [f"{code}\r\n".encode() for code in CODES] if sent is None else sent
    rules = CodeRules(lengths=frozenset({14}), check="luhn")
    async with (
        scanning(lines) as port,
        Cable(HERE, port, fault, seed=seed) as cable,
        Bridge(cable.port) as bridge,
    ):
        scanner = SerialScanner(bridge.open, rules, retry_s=0.01)
        async with aclosing(said_by(scanner)) as events:
            async for event in events:
                match event:
                    case CodeScanned(code=code):
                        came["right" if code in CODES else "wrong"] += 1
                    case CodeRefused():
                        came["CodeRefused"] += 1
                if came["right"] == 40:
                    cable.mend()
                if came["right"] >= 60:
                    break
    return came


async def odd_scans(name: str) -> Came:
    """Take codes of an odd scanner."""
    ends = {"cr": b"\r", "lf": b"\n", "noise": b"\r\n"}
    sent = [code.encode() + ends[name] for code in CODES]
    if name == "noise":
        sent.insert(3, b"#" * 9000 + b"\r\n")
    return await scans(Fault(), 0, sent)


# --- PC/SC ----------------------------------------------------------------------------------------


async def pcsc_turn(pad: Driver, tag: SimTag, number: int) -> str:
    """Read a tag and change it behind a real pcscd."""
    afi, data = (0x07 if number % 2 else 0xC2), f"{number:04d}".encode()
    memory = await pad.ask("read_all", tag.uid)
    if isinstance(memory, str):
        return memory
    if memory["blocks"][:72] != bytes(tag.memory[:36]).hex():
        return "wrong"
    written = await pad.ask("write_afi", tag.uid, afi)
    if isinstance(written, str):
        return written
    if written["outcome"] != "unknown" and (written["outcome"] == "verified") != (tag.afi == afi):
        return "wrong"
    done = await pad.ask("write_blocks", tag.uid, 20, data.hex(), 4)
    if isinstance(done, str):
        return done
    if bytes(tag.memory[80:84]) != data:
        return "wrong"
    return "right" if written["outcome"] == "verified" else "unknown"


async def pcsc(fault: Fault, seed: int, odd: Oddities | None = None, way: str = "utrust") -> Came:
    """Drive a tag on a virtual reader, its cable between the card and the real pcscd."""
    came = Came()
    tag = SimTag.for_item(UIDS[0], "item-0", "XX-TLF")
    with tempfile.TemporaryDirectory() as folder:
        daemon = Pcscd(Path(folder) / "pcscd")
        await daemon.start()
        card = TagOnReader(tag, way, odd)  # type: ignore[arg-type]  # one of its ways
        try:
            async with Cable(HERE, daemon.port(0), fault, seed=seed) as cable:
                await card.insert(cable.port)
                async with driving(daemon, way) as pad:
                    if fault.cut == 0:
                        await pad.until([tag.uid], "inventory")
                    for number in range(PCSC_TURNS):
                        came[await pcsc_turn(pad, tag, number)] += 1
                    cable.mend()
                    await pad.until([tag.uid], "inventory")
                    again = await pcsc_turn(pad, tag, 1)
                    came["wrong"] += again != "right"
        finally:
            await card.eject()
            await daemon.stop()
    return came


async def odd_pcsc(name: str) -> Came:
    """Drive a tag behind an odd PC/SC reader."""
    odd = {
        "deaf": Oddities(deaf_writes=True),
        "lsb": Oddities(lsb_first=True),
        "cap": Oddities(most=4, tells_cap=True),
    }
    return await pcsc(Fault(), 0, odd[name])
