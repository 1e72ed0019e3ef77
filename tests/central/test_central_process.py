"""`turnleaf central run` as a process, on a real Mosquitto: ready line, kill -9, SIGTERM, operators."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from central_kit import Peer, Script, down, peer, seed
from real.broker import RealBroker

from broker_config.render import ports
from wire.messages.states import CentralStatus
from wire.topics import topic

pytestmark = pytest.mark.broker


def config(folder: Path, broker: RealBroker) -> Path:
    home = broker.folder / "identities/central"
    file = folder / "central.toml"
    (folder / "policy.toml").write_text("")
    file.write_text(
        f"""
ledger = "sqlite:///{folder}/ledger.db"
policy = "policy.toml"
items_key = "{home}/items.key"
spool = "spool"
[broker]
host = "127.0.0.1"
port = {ports(broker.folder).operators}
ca = "{home}/ca.pem"
cert = "{home}/cert.pem"
key = "{home}/key.pem"
[telemetry]
kind = "sqlite"
path = "telemetry.db"
[operators]
alice = "operate"
"""
    )
    return file


async def turnleaf(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnleaf.cli", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONWARNINGS": "default"},
    )  # fmt: skip


@contextlib.asynccontextmanager
async def central(file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start central and wait for its ready line."""
    process = await turnleaf("central", "run", "--config", str(file), "--json")
    try:
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
        assert json.loads(line) == {"ready": True}
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def kiosk_on(broker: RealBroker, name: str = "kiosk-1") -> AsyncIterator[Script]:
    link = broker.link(name, subscriptions=[*down(name), topic("central")])
    async with peer(link, name) as who:
        script = Script(who)
        await script.status()
        yield script


def boots(who: Peer, state: str) -> list[str]:
    return [one.boot for one in who.on(topic("central"), CentralStatus) if one.state == state]


async def test_central_killed_between_facts_has_each_of_them_once(
    real_broker: RealBroker, tmp_path: Path
) -> None:
    real_broker.enrol("central")
    seed(tmp_path)
    file = config(tmp_path, real_broker)
    async with kiosk_on(real_broker) as kiosk:
        async with central(file) as process:
            await kiosk.hello()
            first = await kiosk.checkout("ITEM-0001")
            for number in range(2, 40):
                kiosk.append({"schema": "checkin/1", **_stamp(kiosk), "item": f"ITEM-{number % 20 + 1:04d}"})
            for number in range(2, 20):
                await kiosk.send(number)
            process.kill()
            await process.wait()
        async with central(file) as process:
            resume = await kiosk.hello()
            while resume.upto < len(kiosk.rows):
                for number in range(resume.upto + 1, min(resume.upto + 17, len(kiosk.rows) + 1)):
                    await kiosk.send(number)
                reached = min(resume.upto + 16, len(kiosk.rows))
                resume = await kiosk.resume(lambda one, reached=reached: one.upto >= reached)
            process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(process.wait(), 20)
            await kiosk.peer.until(lambda: boots(kiosk.peer, "left"))
    rows = _rows(tmp_path, "SELECT seq, outcome FROM journal ORDER BY seq")

    assert (first.outcome, code) == ("granted", 0)
    assert rows == [(number, "applied") for number in range(1, 40)]
    assert len(set(boots(kiosk.peer, "online"))) == 2


def _stamp(kiosk: Script) -> dict[str, object]:
    stamp = kiosk.stamp()
    return {**stamp, "at": stamp["at"].isoformat()}


def _rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    import sqlite3

    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as db:
        return db.execute(query).fetchall()


async def test_a_broker_that_restarts_finds_central_and_its_retained_words_again(
    real_broker: RealBroker, tmp_path: Path
) -> None:
    real_broker.enrol("central")
    seed(tmp_path)
    async with central(config(tmp_path, real_broker)), kiosk_on(real_broker) as kiosk:
        await kiosk.hello()
        await kiosk.checkin("ITEM-0001")
        before = len(boots(kiosk.peer, "online"))
        await real_broker.kill()
        await real_broker.start()
        await kiosk.peer.until(lambda: len(boots(kiosk.peer, "online")) > before, timeout=60)
        await kiosk.peer.until(lambda: kiosk.peer.connected > 1)
        resume = await kiosk.hello()
        await kiosk.checkin("ITEM-0002")

    assert resume.upto == 1


async def test_the_stream_command_speaks_to_central_as_an_operator(
    real_broker: RealBroker, tmp_path: Path
) -> None:
    real_broker.enrol("central")
    alice = real_broker.enrol("alice", "operator")
    seed(tmp_path)
    where = ["--broker", f"127.0.0.1:{ports(real_broker.folder).operators}", "--cert", str(alice), "--json"]
    async with central(config(tmp_path, real_broker)):
        told = []
        for words in (["list"], ["retry", "kiosk-1"]):
            process = await turnleaf("stream", *words, *where)
            out, _ = await asyncio.wait_for(process.communicate(), 40)
            told.append((process.returncode, json.loads(out)["outcome"]))

    assert told == [(0, "done"), (1, "failed")]


async def test_a_wrong_setting_ends_central_with_its_sentence(tmp_path: Path) -> None:
    file = tmp_path / "central.toml"
    file.write_text('ledger = "sqlite:///x.db"\n')
    process = await turnleaf("central", "run", "--config", str(file))
    _, error = await process.communicate()

    assert process.returncode == 2
    assert "What to do" in error.decode()
    assert "Traceback" not in error.decode()
