"""A kiosk's daemon in a process of its own, between a real broker, a real pcscd and simulated devices."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lending_central import LendingCentral

from sim.devices.feig_pad import FeigPad
from sim.devices.pcscd import Pcscd
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad

CARD = "04A1B2C3D4E5F6"
TOML = """
name = "kiosk-1"
state_dir = "state"
heartbeat_s = 1
sample_s = 1
languages = ["en", "de"]
[broker]
host = "127.0.0.1"
port = {broker}
ca = "{home}/ca.pem"
cert = "{home}/cert.pem"
key = "{home}/key.pem"
[pad]
{pad}
poll_ms = 30
owners = ["DE-290"]
{more}
[page]
port = 0
[timeouts]
answer_s = 8
idle_s = 60
warning_s = 30
goodbye_s = 2
"""


def book(number: int, afi: int = 0x07) -> SimTag:
    return SimTag.for_item(f"E00401500000310{number}", f"3100{number}", "DE-290", afi=afi)


@dataclass
class Library:
    process: asyncio.subprocess.Process
    url: str
    ready_s: float
    central: LendingCentral
    pad: FeigPad | ThreeMPad
    cards: Pcscd
    broker: Any
    log: Path

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@asynccontextmanager
async def library(
    tmp_path: Path,
    real_broker: Any,
    pad: FeigPad | ThreeMPad | None = None,
    *,
    readers: tuple[str, ...] = ("Patron Card",),
    pad_is: str = "",
    more: str = "",
) -> AsyncIterator[Library]:
    """Run a kiosk's daemon as a process; `pad_is` and `more` are lines of its settings instead, and beside."""
    pad, cards = pad or FeigPad(), Pcscd(tmp_path / "pcscd", readers)
    await pad.start()
    await cards.start()
    port = real_broker.settings("kiosk-1").port
    home = real_broker.folder / "identities" / "kiosk-1"
    kind = "3m" if isinstance(pad, ThreeMPad) else "feig"
    lines = pad_is or f'host = "127.0.0.1"\nport = {pad.port}\nkind = "{kind}"'
    (tmp_path / "kiosk.toml").write_text(TOML.format(broker=port, home=home, pad=lines, more=more))
    central = LendingCentral(real_broker.link("central", subscriptions=["turnleaf/v1/up/#"]))
    working = asyncio.create_task(central.run())
    log = tmp_path / "kiosk.log"
    begun = asyncio.get_running_loop().time()
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "turnleaf", "kiosk", "run", "--config", str(tmp_path / "kiosk.toml"),
            stdout=asyncio.subprocess.PIPE, stderr=errors, env=os.environ | cards.environment,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()
        assert line[:1] == ["ready"], log.read_text()
        took = asyncio.get_running_loop().time() - begun
        await central.until(lambda: central.state("kiosk-1", "work").get("service") == "open")
        yield Library(process, line[1], took, central, pad, cards, real_broker, log)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await cards.stop()
        await pad.stop()
