"""`turnleaf doctor` finds what is broken, and names the mend."""

import asyncio
import json
import resource
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from real.broker import RealBroker

from broker_config import pki
from central.ledger import trouble
from turnleaf import cli, doctor, doctor_broker, doctor_machine, doctor_stores
from wire.clock import FakeClock, SystemClock


def settings(tmp_path: Path, broker: RealBroker, name: str = "kiosk-1") -> Path:
    link = broker.settings(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\nstate_dir = "state"\n'
        f'[broker]\nhost = "{link.host}"\nport = {link.port}\n'
        f'ca = "{link.ca}"\ncert = "{link.cert}"\nkey = "{link.key}"\n'
    )
    return path


async def look(patient: doctor.Patient, clock=None) -> dict[str, doctor.Finding]:
    found = await asyncio.to_thread(doctor.examine, patient, clock or SystemClock())
    return {finding.what: finding for finding in found}


def red(found: dict[str, doctor.Finding]) -> dict[str, doctor.Finding]:
    """What is wrong, but for the clock, which the machine of a test may not keep."""
    return {
        what: finding for what, finding in found.items() if not finding.ok and not what.startswith("clock")
    }


@pytest.mark.broker
async def test_all_is_well_with_a_fresh_station_and_its_broker(real_broker: RealBroker, tmp_path: Path):
    path = settings(tmp_path, real_broker)
    found = await look(doctor.Patient((path,), (real_broker.folder,)))

    assert red(found) == {}
    assert any("accepts our certificate" in what for what in found)
    assert f"pid {real_broker.broker.pid}" in [finding.seen for finding in found.values()]


@pytest.mark.broker
async def test_a_revoked_certificate_is_found_at_the_broker(real_broker: RealBroker, tmp_path: Path):
    path = settings(tmp_path, real_broker)
    pki.revoke(real_broker.folder, "kiosk-1")
    await real_broker.restart()
    found = red(await look(doctor.Patient((path,))))

    assert [finding for what, finding in found.items() if what.startswith("broker 127.0.0.1")]


@pytest.mark.broker
async def test_the_look_does_not_throw_a_running_station_off(real_broker: RealBroker, tmp_path: Path):
    from real.broker import running

    from wire.link import Disconnected

    path = settings(tmp_path, real_broker)
    async with running(real_broker.link("kiosk-1")) as seen:
        await look(doctor.Patient((path,)))

        assert seen.of(Disconnected) == []


@pytest.mark.broker
async def test_a_broker_that_is_away_is_found(real_broker: RealBroker, tmp_path: Path):
    path = settings(tmp_path, real_broker)
    await real_broker.stop()
    found = red(await look(doctor.Patient((path,), (real_broker.folder,))))

    assert len(found) == 2
    assert all(finding.do for finding in found.values())


def test_certificates_that_end_soon_or_have_ended_are_found(tmp_path: Path):
    now = SystemClock().now()
    pki.init(tmp_path / "b", [])
    home = pki.enrol(tmp_path / "b", "kiosk-1")
    seen = {}
    for days in (0, 710, 740):
        [finding] = doctor_broker.certificate(home / "cert.pem", FakeClock(now + timedelta(days=days)))
        seen[days] = finding
    wrong = list(doctor_broker.certificate(home / "cert.pem", FakeClock(now), "kiosk-2"))

    assert [seen[days].ok for days in (0, 710, 740)] == [True, False, False]
    assert "expired" in seen[740].seen
    assert "broker renew kiosk-1" in seen[740].do
    assert [finding.ok for finding in wrong] == [False, True]


def test_a_key_that_others_can_read_is_found(tmp_path: Path):
    pki.init(tmp_path / "b", [])
    home = pki.enrol(tmp_path / "b", "kiosk-1")

    assert doctor_broker.private(home / "key.pem").ok
    (home / "key.pem").chmod(0o644)
    assert not doctor_broker.private(home / "key.pem").ok


def test_another_distribution_with_one_of_our_names_is_found():
    [clash] = doctor_machine.distributions({"wire": ["turnleaf", "wire-protocol"], "kiosk": ["turnleaf"]})

    assert not clash.ok
    assert "wire-protocol" in clash.seen
    assert [finding.ok for finding in doctor_machine.distributions()] == [True]


def test_pcscd_is_asked_on_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    name = str(tmp_path / "pcscd.comm")
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", name)
    assert not doctor_machine.pcscd().ok
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()

        assert doctor_machine.pcscd().ok


def test_a_damaged_database_is_found(tmp_path: Path):
    file = tmp_path / "ledger.db"
    assert doctor_stores.database("ledger", file).ok
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE loan (item)")
        made.executemany("INSERT INTO loan VALUES (?)", [("x" * 500,)] * 200)
    made.close()
    assert doctor_stores.database("ledger", file).ok
    data = bytearray(file.read_bytes())
    data[4096:40960] = bytes(36864)
    file.write_bytes(data)

    assert not doctor_stores.database("ledger", file).ok


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A log in which something stands wants an index beside it before it can be read: here it has no room."""
    with closing(sqlite3.connect(tmp_path / "in-use.db")) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE t (n)")
        for end in ("", "-wal"):
            shutil.copy(tmp_path / f"in-use.db{end}", tmp_path / f"ledger.db{end}")

    with files_at_most(4096):
        monkeypatch.setattr(trouble, "_free", lambda _: 4096)
        full = doctor_stores.database("ledger", tmp_path / "ledger.db")
        monkeypatch.setattr(trouble, "_free", lambda _: 10**9)
        failing = doctor_stores.database("ledger", tmp_path / "ledger.db")

    assert (full.ok, failing.ok) == (False, False)
    assert "disk is full" in full.seen
    assert "restore nothing" in full.do
    assert "disk is full" not in failing.seen
    assert "backup" in failing.do
    assert doctor_stores.database("ledger", tmp_path / "ledger.db").ok


class _Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "pass"}')

    def log_message(self, *words):
        pass


def test_a_telemetry_server_is_asked_for_its_health(tmp_path: Path):
    server = HTTPServer(("127.0.0.1", 0), _Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        [well] = doctor_stores.stores(tmp_path / "c.toml", {"telemetry": {"url": address}})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    [gone] = doctor_stores.stores(tmp_path / "c.toml", {"telemetry": {"url": address}})

    assert (well.ok, gone.ok) == (True, False)


def test_the_command_prints_json_and_says_by_its_code_whether_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "broken.toml").write_text("name = ")
    code = cli.main(["doctor", "--config", str(tmp_path / "broken.toml"), "--json"])
    rows = json.loads(capsys.readouterr().out)

    assert code == 1
    assert [row["what"] for row in rows if not row["ok"] and row["what"] != "clock"] == [
        "broken.toml: readable"
    ]
