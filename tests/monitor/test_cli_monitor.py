"""`turnleaf fleet|alarms|watch|console` as somebody types them, against a real broker."""

import asyncio
import contextlib
import json
import os
import sys

import pytest
from console_scene import alarms, central, feed, stations
from real.broker import running

from turnleaf.cli import COMMANDS
from wire.link import Inbound, Outgoing
from wire.messages.states import Operate, Operated
from wire.topics import topic

pytestmark = pytest.mark.broker


class Turnleaf:
    """The command, run as a child."""

    def __init__(self, broker) -> None:
        self.home = broker.enrol("alice", "operator")
        self.port = broker.settings("alice").port

    async def start(self, *words, env=None):
        broker = ("--broker", f"127.0.0.1:{self.port}", "--cert", str(self.home)) if env is None else ()
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "turnleaf", *words, *broker),
            env={**os.environ, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words, env=None):
        """Return exit code, standard output and standard error."""
        process = await self.start(*words, env=env)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def library(broker):
    """Central says what a morning is like, and does what it is asked."""
    link = broker.link("central", subscriptions=[topic("request")])
    async with running(link) as seen:
        for one in (central(), *stations(), *alarms()):
            await link.publish(Outgoing(one.topic, one.payload, retain=True))
        yield link, seen


async def test_the_fleet_is_told_worst_first_in_sentences(real_broker):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker):
        code, out, _ = await turnleaf.run("fleet")

    lines = out.splitlines()
    assert code == 0
    assert len(lines) == 7
    assert lines[0].startswith(
        "✖ Kiosk north (kiosk-2, main): pad lost; 41 lent and 17 back today, 2 facts wait"
    )


async def test_the_fleet_of_one_branch_is_told_to_programs(real_broker):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker):
        env = {"TURNLEAF_BROKER": f"127.0.0.1:{turnleaf.port}", "TURNLEAF_IDENTITY": str(turnleaf.home)}
        code, out, _ = await turnleaf.run("fleet", "--branch", "west", "--json", env=env)

    told = json.loads(out)
    assert code == 0
    assert [entry["station"] for entry in told["stations"]] == ["gate-2", "kiosk-4"]
    assert told["central"]["state"] == "online"


async def test_the_fleet_is_printed_again_when_it_changed(real_broker):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker) as (link, _):
        process = await turnleaf.start("fleet", "--watch", "--json")
        try:
            first = json.loads(await process.stdout.readline())
            one = stations()[0]
            await link.publish(Outgoing(one.topic, b"", retain=True))
            second = json.loads(await process.stdout.readline())
        finally:
            process.terminate()
            await process.communicate()

    assert len(first["stations"]) == len(second["stations"]) + 1


async def test_the_alarms_say_what_was_seen_why_and_what_to_do(real_broker):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker):
        code, out, _ = await turnleaf.run("alarms")
        _, told, _ = await turnleaf.run("alarms", "--json")

    assert code == 0
    assert out.startswith("✖ Kiosk north: pad is lost")
    assert "Do:  Look at the cable" in out
    assert [alarm["alarm"] for alarm in json.loads(told)["alarms"]] == ["a1", "a3", "a2", "a4"]


@pytest.mark.parametrize(
    ("state", "standing", "first"),
    [
        (None, (), "○ Central has not said anything yet; no alarm is known."),
        ("lost", (), "✖ Central is lost; no alarm is known."),
        ("left", (), "✖ Central is switched off; no alarm is known."),
        ("lost", ("a1", "a3", "a2", "a4"), "✖ Central is lost; what follows is older."),
    ],
)
async def test_without_central_nobody_is_told_that_all_is_well(real_broker, state, standing, first):
    turnleaf = Turnleaf(real_broker)
    link = real_broker.link("central")
    async with running(link):
        for one in (*([central(state)] if state else ()), *(alarms() if standing else ())):
            await link.publish(Outgoing(one.topic, one.payload, retain=True))
    code, out, _ = await turnleaf.run("alarms")
    code_of_json, told, _ = await turnleaf.run("alarms", "--json")

    assert (code, code_of_json) == (3, 3)
    assert out.splitlines()[0] == first
    assert "All is well" not in out
    assert "Do:  See why it does not run: turnleaf doctor" in out
    assert json.loads(told)["central"] == state
    assert [alarm["alarm"] for alarm in json.loads(told)["alarms"]] == list(standing)


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("refused", 1)])
async def test_an_alarm_is_acknowledged_and_central_s_word_is_the_exit_code(real_broker, outcome, code):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker) as (link, seen):
        process = await turnleaf.start("alarms", "--ack", "a1", "--note", "on it")
        asked = await seen.next(Inbound)
        request = Operate.decode(asked.payload)
        reply = Operated(request=request.request, outcome=outcome, detail="")
        await link.publish(Outgoing(topic("response", identity="alice", verb="alarm-ack"), reply.encode()))
        out, _ = await process.communicate()

    assert asked.topic == topic("request", identity="alice", verb="alarm-ack")
    assert request.args == {"alarm": "a1", "note": "on it"}
    assert code == process.returncode
    assert out.decode().startswith("Acknowledged." if code == 0 else "Not acknowledged")


@pytest.mark.parametrize(
    ("wanted", "seen"), [("zz", "no alarm begins with zz"), ("a", "4 alarms begin with a")]
)
async def test_an_alarm_that_is_not_one_is_not_acknowledged(real_broker, wanted, seen):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker):
        code, _, err = await turnleaf.run("alarms", "--ack", wanted)

    assert code == 2
    assert seen in err


async def test_messages_are_told_as_they_come_and_the_filter_takes_some_away(real_broker):
    turnleaf = Turnleaf(real_broker)
    async with library(real_broker) as (link, _):
        process = await turnleaf.start("watch", "--json", "--filter", "bin-1 feed")
        events = [Outgoing(one.topic, one.payload) for one in feed()]
        try:
            line = asyncio.create_task(process.stdout.readline())
            while not line.done():
                for event in events:
                    await link.publish(event)
                await asyncio.wait([line], timeout=0.2)
            told = json.loads(line.result())
        finally:
            process.terminate()
            await process.communicate()

    assert told["text"] == "An item came back at bin-1."
    assert told["payload"]["station"] == "bin-1"


@pytest.mark.parametrize("words", [("fleet",), ("alarms",), ("watch",)])
async def test_a_broker_that_is_away_is_exit_three(real_broker, words):
    turnleaf = Turnleaf(real_broker)
    await real_broker.stop()

    code, out, err = await turnleaf.run(*words)

    assert code == 3
    assert out == ""
    assert "What to do:" in err


@pytest.mark.parametrize("words", [("fleet",), ("alarms", "--ack", "x"), ("watch",), ("console",)])
@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ((), "no broker is named"),
        (("--broker", "nonsense"), "is no broker"),
        (("--broker", "a:1"), "no identity is named"),
        (("--broker", "a:1", "--cert", "/nowhere"), "is not there"),
    ],
)
def test_what_is_missing_is_named_with_its_mend(words, options, seen, monkeypatch, capsys):
    from turnleaf.cli import main

    monkeypatch.delenv("TURNLEAF_BROKER", raising=False)
    monkeypatch.delenv("TURNLEAF_IDENTITY", raising=False)

    assert main([*words, *options]) == 2
    err = capsys.readouterr().err
    assert seen in err
    assert "What to do:" in err


def test_a_settings_file_names_broker_and_identity(real_broker, tmp_path):
    import argparse
    from pathlib import Path

    from monitor.where import where

    home = real_broker.enrol("alice", "operator")
    file = tmp_path / "console.toml"
    file.write_text(f'broker = "127.0.0.1:8884"\ncert = "{os.path.relpath(home, tmp_path)}"\n')
    found = where(argparse.Namespace(broker=None, cert=None, config=file))

    assert (found.host, found.port, found.identity) == ("127.0.0.1", 8884, "alice")
    assert Path(found.file("cert")).samefile(home / "cert.pem")


async def test_the_console_wants_a_terminal(real_broker):
    turnleaf = Turnleaf(real_broker)

    code, _, err = await turnleaf.run("console")

    assert code == 2
    assert "needs a terminal" in err


@pytest.mark.parametrize("name", ["console", "fleet", "alarms", "watch"])
def test_the_line_of_help_is_the_command_s_own(name):
    import importlib

    module, line = COMMANDS[name]

    assert line == importlib.import_module(module).HELP
