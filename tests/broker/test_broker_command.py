"""`turnleaf broker` and the supervised Mosquitto, as an operator uses them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from real.broker import RealBroker, running

from broker_config import control, render, supervise
from turnleaf import cli
from wire.errors import ConfigError
from wire.link import Connected, Disconnected, Inbound, Outgoing
from wire.topics import topic

pytestmark = pytest.mark.broker


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


async def until(condition, timeout: float = 10) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.02)


async def start_up(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnleaf.cli", "broker", "--dir", str(folder), "up"
    )


async def test_a_killed_broker_comes_back_and_its_stations_with_it(tmp_path: Path):
    broker = RealBroker(tmp_path / "b")
    await broker.start(watch=True)
    try:
        first = broker.broker.pid
        async with running(broker.link("kiosk-1")) as seen:
            os.kill(first, signal.SIGKILL)
            await seen.next(Disconnected)
            await seen.next(Connected, 2)

            assert broker.broker.pid != first
            assert broker.broker.starts == 2
    finally:
        await broker.stop()
    assert broker.broker.pid is None


async def test_retained_states_and_sessions_survive_a_restart(real_broker: RealBroker):
    status = topic("status", station="kiosk-1")
    async with running(real_broker.link("kiosk-1")):
        link = real_broker.link("kiosk-2")
        async with running(link):
            await link.publish(Outgoing(topic("status", station="kiosk-2"), b"here", retain=True))
    await real_broker.restart()
    async with running(real_broker.link("kiosk-1", subscriptions=[status])) as seen:
        assert (await seen.next(Connected)).session_present
    central = real_broker.link("central", subscriptions=[topic("status")])
    async with running(central) as seen:
        assert (await seen.next(Inbound)).payload == b"here"


async def test_a_port_that_is_taken_is_told_with_mosquittos_own_words(
    real_broker: RealBroker, tmp_path: Path
):
    other = RealBroker(tmp_path / "other")
    render.render(other.folder, real_broker.broker.ports)
    with pytest.raises(ConfigError, match="does not accept") as told:
        await other.broker.start()

    assert "in use" in told.value.why
    assert other.broker.pid is None


async def test_mosquitto_ends_when_its_supervisor_is_killed(tmp_path: Path):
    folder = tmp_path / "b"
    RealBroker(folder)
    up = await start_up(folder)
    try:
        await until(lambda: control.running_pid(folder) is not None)
        pid = control.running_pid(folder)
    finally:
        up.kill()
        await up.wait()

    await until(lambda: not alive(pid))


async def test_up_ends_by_sigterm_with_zero_and_leaves_nothing(tmp_path: Path):
    folder = tmp_path / "b"
    RealBroker(folder)
    listen = render.ports(folder)
    up = await start_up(folder)
    try:
        async with asyncio.timeout(10):
            while not await supervise.accepts(folder, "127.0.0.1", listen.operators):
                await asyncio.sleep(0.02)
        pid = control.running_pid(folder)
        assert pid is not None
    finally:
        up.terminate()

    assert await asyncio.wait_for(up.wait(), 10) == 0
    assert not alive(pid)


async def test_a_revoked_station_is_thrown_off_and_cannot_return_and_others_stay(real_broker: RealBroker):
    bad, good = real_broker.link("kiosk-1"), real_broker.link("kiosk-2")
    async with running(good) as stays, running(bad) as goes:
        done = await asyncio.to_thread(control.revoke, real_broker.folder, "kiosk-1")
        await goes.next(Disconnected)
        await until(
            lambda: "before it answered" in (bad.trouble or "") or "refused our" in (bad.trouble or "")
        )

        assert done.kicked
        assert len(goes.of(Connected)) == 1
        assert stays.of(Disconnected) == []


async def test_a_revoked_certificate_that_was_away_is_not_let_in(real_broker: RealBroker):
    link = real_broker.link("kiosk-1")
    await asyncio.to_thread(control.revoke, real_broker.folder, "kiosk-1")
    async with running(link, connected=False) as seen:
        await until(lambda: link.trouble is not None)

        assert seen.of(Connected) == []


async def test_an_operator_enrolled_while_the_broker_runs_may_speak_at_once(
    real_broker: RealBroker, capsys: pytest.CaptureFixture[str]
):
    code = await asyncio.to_thread(
        cli.main, ["broker", "--dir", str(real_broker.folder), "--json", "enrol", "ada", "--role", "operator"]
    )
    link = real_broker.link("ada")
    async with running(link):
        await link.publish(Outgoing(topic("request", identity="ada", verb="stations"), b"{}"))

    assert code == 0
    assert json.loads(capsys.readouterr().out)["name"] == "ada"


async def test_the_command_from_init_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    base = ["broker", "--dir", str(tmp_path / "b"), "--json"]
    listen = render.free_ports()
    where = ["--station-port", str(listen.stations), "--operator-port", str(listen.operators)]
    verbs = (["init", *where], ["enrol", "kiosk-1"], ["renew", "kiosk-1"], ["renew", "server"], ["render"])
    said = [await asyncio.to_thread(cli.main, [*base, *verb]) for verb in verbs]
    assert await asyncio.to_thread(cli.main, [*base, "enrol", "kiosk-1"]) == 2
    broker = supervise.Broker(tmp_path / "b")
    await broker.start()
    try:
        said.append(await asyncio.to_thread(cli.main, [*base, "check"]))
        said.append(await asyncio.to_thread(cli.main, [*base, "revoke", "kiosk-1"]))
    finally:
        await broker.stop()
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert said == [0] * 7
    assert all(proof["ok"] for proof in out[-2])
    assert out[-1]["kicked"]


def test_the_configuration_names_no_secret_and_sizes_every_queue(tmp_path: Path):
    text = render.configuration(tmp_path, render.Ports(1, 2), "mosquitto")

    for line in ("set_tcp_nodelay true", "max_queued_messages 100000", "max_queued_bytes 268435456"):
        assert line in text
    assert text.count("require_certificate true") == text.count("crlfile") == text.count("listener ") == 2
    assert text.count("use_username_as_clientid true") == 1
    assert "password" not in text


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("--station-port", "99999"), "--station-port 99999: a port is from 1 to 65535"),
        (("--station-port", "0"), "--station-port 0: "),
        (("--operator-port", "-1"), "--operator-port -1: "),
        (("--operator-port", "8883"), "are both 8883"),
        (
            ("--host", "good.example", "--host", "mqtts://library.example"),
            "'mqtts://library.example' is no name",
        ),
        (("--host", "10.0.0.0/8"), "'10.0.0.0/8' is no name"),
        (("--host", "the broker"), "'the broker' is no name"),
        (("--host", "library.example:8883"), "'library.example:8883' is no name"),
        (("--host", "bücherei.example"), "'bücherei.example' is no name"),
        (("--host", ""), "'' is no name"),
    ],
)
def test_a_folder_that_no_broker_could_run_on_is_not_made(
    words: tuple[str, ...], seen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["broker", "--dir", str(tmp_path / "b"), "init", *words]) == 2
    assert seen in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_names_and_addresses_of_a_host_are_taken(tmp_path: Path):
    hosts = ("localhost", "broker.library.example", "my_broker", "10.0.0.5", "2001:db8::5", "a.example.")
    words = [word for host in hosts for word in ("--host", host)]

    assert cli.main(["broker", "--dir", str(tmp_path / "b"), "init", *words]) == 0
