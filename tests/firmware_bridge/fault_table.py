"""Every driver run over every fault: what came, counted. The tests hold it against `fault_outcomes`.

python -m tests.firmware_bridge.fault_table [driver ...]     prints how often each outcome came
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import tty
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).parent))
from fault_outcomes import CABLE_OUTCOMES, CABLES, DRIVERS, ODDITIES
from test_pcsc_pad import Driver, driving

from firmware_bridge.barcode import CodeRules
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.llrp.conversation import Settings
from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import CodeRefused, CodeScanned, ReaderLost, ScanEvent, UhfEvent, UhfTagSeen
from firmware_bridge.scanner import SerialScanner
from firmware_bridge.serial_line import SerialTransport, open_serial
from firmware_bridge.tags import ItemTag, SecurityBits, decode_tag
from firmware_bridge.threem.driver import ThreeMPad
from sim.cables import Cable, Fault
from sim.devices.feig_pad import FeigPad as SimFeig
from sim.devices.llrp_reader import Faults, FieldTag, SimLlrpReader
from sim.devices.pcscd import Pcscd
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad as SimThreeM
from sim.devices.vpcd_tag import Oddities, TagOnReader
from wire.errors import DeviceError

HERE = "127.0.0.1"
TURNS, PCSC_TURNS = 4, 2
PATIENCE_S = 0.1
LIMIT_S = 90.0
"""Nothing here takes longer, whatever the fault; what does hangs."""
UIDS = [f"E0040150000000{n:02X}" for n in range(3)]
Came = Counter[str]
AnyPad = FeigPad | ThreeMPad


# --- pads -----------------------------------------------------------------------------------------


async def turn(pad: AnyPad, tags: list[SimTag], number: int) -> str:
    """Read a tag whole, change its AFI, EAS and a block; "wrong" when a value is not the tag's own."""
    at, even = number % len(tags), number % 2 == 0
    tag, afi, data = tags[at], 0x07 if even else 0xC2, f"{number:04d}".encode()
    try:
        memory = await pad.read_all(tag.uid)
        found = decode_tag(memory, frozenset(), SecurityBits())
        inventory = await pad.inventory()
        if not isinstance(found, ItemTag) or found.item != f"item-{at}" or not inventory <= set(UIDS):
            return "wrong"
        written = await pad.write_afi(tag.uid, afi)
        if written.outcome != "unknown" and ((written.outcome == "verified") != (tag.afi == afi)):
            return "wrong"
        eas = await pad.set_eas(tag.uid, even)
        if eas.on is not None and eas.on is not tag.eas:
            return "wrong"
        await pad.write_blocks(tag.uid, 20, data, 4)
    except DeviceError as error:
        return type(error).__name__
    if bytes(tag.memory[80:84]) != data:
        return "wrong"
    return "unknown" if written.outcome == "unknown" or eas.on is None else "right"


class Bridge:
    """A converter between a serial port and a device's TCP port; it connects again when it was cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Bridge":
        asyncio.get_running_loop().add_reader(self._far, self._out)
        self._task = asyncio.create_task(self._back())
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._far)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for end in (self._far, self._near):
            os.close(end)

    def _out(self) -> None:
        with suppress(OSError):
            data = os.read(self._far, 4096)
            if self._writer is not None:
                self._writer.write(data)

    async def _back(self) -> None:
        while True:
            with suppress(OSError):
                reader, self._writer = await asyncio.open_connection(HERE, self._port)
                try:
                    while data := await reader.read(4096):
                        os.write(self._far, data)
                finally:
                    self._writer.close()
            await asyncio.sleep(0.01)

    async def open(self) -> SerialTransport:
        """Open the near end as a scanner's port is opened."""
        return await open_serial(self.path, baud=9600, parity="N")


@asynccontextmanager
async def pad_on(driver: str, port: int) -> AsyncIterator[AnyPad]:
    """Yield the production driver of a pad behind `port`."""
    async with AsyncExitStack() as stack:
        make, way = driver.split("-")
        path = (await stack.enter_async_context(Bridge(port))).path if way == "serial" else ""
        pad: AnyPad
        if make == "feig":
            pad = (
                FeigPad.serial(path, timeout_s=PATIENCE_S)
                if path
                else FeigPad.tcp(HERE, port, timeout_s=PATIENCE_S)
            )
        elif path:
            pad = ThreeMPad.serial(path, timeout_s=PATIENCE_S, write_tries=3)
        else:
            pad = ThreeMPad.tcp(HERE, port, timeout_s=PATIENCE_S, write_tries=3)
        stack.push_async_callback(pad.close)
        yield pad


async def pads(driver: str, fault: Fault, seed: int) -> Came:
    """Run a pad's driver over a bad cable; then over a good one, until it works again."""
    sim = SimFeig() if driver.startswith("feig") else SimThreeM()
    await sim.start()
    tags = laid_down(sim)
    came = Came()
    try:
        async with Cable(HERE, sim.port, fault, seed=seed) as cable, pad_on(driver, cable.port) as pad:
            for number in range(TURNS):
                came[await turn(pad, tags, number)] += 1
            cable.mend()
            while (again := await turn(pad, tags, 0)) not in ("right", "wrong"):
                came["came back after"] += 1
            came["wrong"] += again == "wrong"
    finally:
        await sim.stop()
    return came


def laid_down(sim: SimFeig | SimThreeM) -> list[SimTag]:
    tags = [SimTag.for_item(uid, f"item-{n}", "XX-TLF") for n, uid in enumerate(UIDS)]
    for tag in tags:
        sim.place(tag)
    return tags


async def odd_feig(name: str) -> Came:
    """Run the FEIG driver against an odd firmware."""
    sim = SimFeig()
    await sim.start()
    tags = laid_down(sim)
    match name:
        case "standard":
            sim.form = "standard"
        case "itself":
            sim.firmware.memory_less_one = False
        case "unknown-2C":
            sim.unknown = {0x2C}
    return await odd_turns("feig-tcp", sim, tags, name)


async def odd_threem(name: str) -> Came:
    """Run the 3M driver against an odd firmware."""
    sim = SimThreeM()
    await sim.start()
    tags = laid_down(sim)
    if name == "810":
        sim.unknown = {0x0D}
    return await odd_turns("3m-tcp", sim, tags, name)


async def odd_turns(driver: str, sim: SimFeig | SimThreeM, tags: list[SimTag], name: str) -> Came:
    came = Came()
    try:
        async with pad_on(driver, sim.port) as pad:
            for number in range(TURNS):
                match name:
                    case "late":
                        sim.late = [0.0, 0.0, PATIENCE_S * 1.5]
                    case "twice":
                        sim.twice = 40
                    case "crc":
                        sim.wrong_crcs = 1
                came[await turn(pad, tags, number)] += 1
    finally:
        await sim.stop()
    return came


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
            await reports(uhf_driver(cable.port, 0.15 if fault.lose else 0.5), came, 40)
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


# --- the table ------------------------------------------------------------------------------------


async def over_cable(driver: str, fault: str, seed: int = 0) -> Came:
    """Return what came of a driver over a bad cable."""
    _, cable = CABLES[fault]
    async with asyncio.timeout(LIMIT_S):
        match driver:
            case "llrp":
                return await uhf(cable, seed)
            case "scanner":
                return await scans(cable, seed)
            case "pcsc":
                return await pcsc(cable, seed)
        return await pads(driver, cable, seed)


ODD: dict[str, Callable[[str], Coroutine[None, None, Came]]] = {
    "feig-tcp": odd_feig, "3m-tcp": odd_threem, "llrp": odd_uhf, "scanner": odd_scans, "pcsc": odd_pcsc,
}  # fmt: skip


async def with_oddity(driver: str, name: str) -> Came:
    """Return what came of a driver against an odd firmware."""
    async with asyncio.timeout(LIMIT_S):
        return await ODD[driver](name)


def main() -> int:
    """Run all of it and print what came; 1 when a value was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("drivers", nargs="*", choices=[[], *DRIVERS], help="some of them alone")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.getLogger("turnleaf").setLevel(logging.CRITICAL)
    wrong = 0
    for driver in args.drivers or DRIVERS:
        runs = [(fault, over_cable(driver, fault, args.seed)) for fault in CABLE_OUTCOMES[driver]]
        runs += [(name, with_oddity(driver, name)) for name in ODDITIES.get(driver, {})]
        for name, run in runs:
            came = asyncio.run(run)
            wrong += came["wrong"]
            told = ", ".join(f"{what} {count}" for what, count in sorted(came.items()) if count)
            print(f"{DRIVERS[driver]:<16} {name:<12} {told}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
