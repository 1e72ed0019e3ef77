"""`turnleaf sip2 serve` and `central run` as they run, and the secrets that accounts are made with."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from central_kit import central_on, seed
from sip2_server_kit import AT, SECRET, account, framed, terminal, told

from central.ledger import pins
from wire.link_memory import MemoryBroker

ASK_63 = f"63001{AT}          AOharbour|AACARD4711|AC|"


def write(folder: Path, **more: str) -> Path:
    """Write a central.toml with a SIP2 server on any free port."""
    seed(folder)
    (folder / "policy.toml").write_text("")
    one = account()
    lines = [
        f'ledger = "sqlite:///{folder / "ledger.db"}"', 'policy = "policy.toml"', 'items_key = "none"',
        'spool = "spool"', "[broker]", 'host = "127.0.0.1"', "port = 1", 'ca = "no"', 'cert = "no"',
        'key = "no"', "[telemetry]", 'kind = "sqlite"', 'path = "telemetry.db"', "[sip2_server]", "port = 0",
        *(f"{name} = {value}" for name, value in more.items()), "[[sip2_server.accounts]]",
        *(f'{name} = "{value}"' for name, value in one.items()),
    ]  # fmt: skip
    file = folder / "central.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def started(file: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "turnleaf", "sip2", "serve", "--config", str(file), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def test_it_serves_alone_keeps_another_away_and_ends_when_told(tmp_path: Path) -> None:
    file = write(tmp_path)
    process = started(file)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        async with terminal(port) as one:
            assert (await one.say(ASK_63)).valid
            lent = await one.say(f"11NN{AT}{AT}AOx|AACARD4711|ABITEM-0001|AC|")
            assert lent.ok
            other = started(file)
            out, said = other.communicate(timeout=60)
            assert (other.returncode, out) == (3, "")
            assert "another central works on this ledger" in said
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "CARD4711" not in said


async def test_killed_between_request_and_answer_nothing_is_lent_twice_or_lost(tmp_path: Path) -> None:
    file = write(tmp_path)
    for n in range(1, 4):
        lend = framed(f"11NN{AT}{AT}AOharbour|AACARD4711|ABITEM-000{n}|AC|", n)
        process = started(file)
        try:
            assert process.stdout is not None
            async with terminal(json.loads(process.stdout.readline())["port"]) as one:
                await one.send(lend)
                await asyncio.sleep(0.005 * (n - 1))  # before, in and after the commit
                process.kill()
                process.communicate()
        finally:
            process.kill()
            process.communicate()
        process = started(file)
        try:
            assert process.stdout is not None
            async with terminal(json.loads(process.stdout.readline())["port"]) as one:
                assert (await one.exchange(lend)).startswith(b"121NNY")
                assert (await one.say(ASK_63)).charged == n
        finally:
            process.terminate()
            process.communicate(timeout=60)


def test_a_section_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_text(file.read_text().partition("[sip2_server]")[0])

    process = started(file)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "no [sip2_server]" in said


async def test_central_lets_terminals_in_beside_its_stations(tmp_path: Path, unused_tcp_port: int) -> None:
    seed(tmp_path)
    asked = told(tmp_path, port=unused_tcp_port).model_dump()
    async with central_on(MemoryBroker(), tmp_path, sip2_server=asked), terminal(unused_tcp_port) as one:
        assert (await one.say(ASK_63)).valid
        assert (await one.say(f"11NN{AT}{AT}AOx|AACARD4711|ABITEM-0002|AC|")).ok
        assert (await one.say(ASK_63)).charged == 1


@pytest.mark.parametrize(("given", "code"), [(f"{SECRET}\n", 0), ("short\n", 0), ("\n", 2), ("a|b\n", 2)])
def test_a_secret_is_made_from_a_line(given: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "turnleaf", "sip2", "password"],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == code
    if code == 0:
        assert pins.fits(given.strip(), done.stdout.strip())
    assert given.strip() not in done.stdout + done.stderr or not given.strip()
