"""The ledger as a file: lock, lease, migrations, damage, kill -9."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from desk_kit import KEY, Station, desk_on

from central.authority import OwnLedger
from central.desk import Desk
from central.ledger import database
from central.ledger.ledger import Ledger
from central.ledger.lock import LeaseLost, LedgerHeld
from central.ledger.schema import metadata
from circulation.policy import Policy
from wire.errors import ConfigError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_the_migrations_come_to_the_tables_the_program_works_with(tmp_path: Path) -> None:
    Ledger.open(url(tmp_path / "l.db")).close()
    engine = database.engine(url(tmp_path / "l.db"), writing=True)
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert difference == []


def test_a_new_ledger_and_its_log_are_read_by_their_owner_alone(tmp_path: Path) -> None:
    ledger = Ledger.open(url(tmp_path / "l.db"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    ledger.close()

    assert {"l.db", "l.db-wal", "l.db-lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_second_central_on_the_same_file_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    first = Ledger.open(url(tmp_path / "l.db"))
    with pytest.raises(LedgerHeld) as error:
        Ledger.open(url(tmp_path / "l.db"))
    first.close()

    assert f"process {os.getpid()}" in error.value.seen
    assert "Stop that one first" in error.value.do
    Ledger.open(url(tmp_path / "l.db")).close()


def test_a_ledger_named_by_a_link_has_the_lock_of_the_file_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "sy").mkdir()
    (tmp_path / "sy" / "ledger.db").symlink_to(tmp_path / "l.db")
    first = Ledger.open(url(tmp_path / "l.db"))
    with pytest.raises(LedgerHeld) as error:
        Ledger.open(url(tmp_path / "sy" / "ledger.db"))
    first.close()

    assert f"process {os.getpid()}" in error.value.seen
    assert database.path_of(url(tmp_path / "sy" / "ledger.db")) == tmp_path / "l.db"
    Ledger.open(url(tmp_path / "sy" / "ledger.db")).close()
    assert [path.name for path in (tmp_path / "sy").iterdir()] == ["ledger.db"]


@pytest.mark.parametrize("bad", ["nonsense", "sqlite://", "sqlite:///:memory:", "postgresql://h/x"])
def test_a_url_where_no_ledger_can_be_is_told(bad: str) -> None:
    with pytest.raises(ConfigError):
        Ledger.open(bad)


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    file.write_bytes(b"not a database, but somebody's letter " * 200)
    with pytest.raises(ConfigError) as error:
        Ledger.open(url(file))

    assert "cannot be used as a ledger" in error.value.seen
    assert file.read_bytes().startswith(b"not a database")


def test_another_program_s_database_is_left_as_it_is(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "l.db")
    db.execute("CREATE TABLE bookmark (address)")
    db.close()
    before = (tmp_path / "l.db").read_bytes()
    with pytest.raises(ConfigError) as error:
        Ledger.open(url(tmp_path / "l.db"))

    assert "is no ledger: it has tables of another program (bookmark)" in error.value.seen
    assert (tmp_path / "l.db").read_bytes() == before


def test_a_ledger_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    Ledger.open(url(tmp_path / "l.db")).close()
    db = sqlite3.connect(tmp_path / "l.db")
    db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.commit()
    db.close()
    with pytest.raises(ConfigError) as error:
        Ledger.open(url(tmp_path / "l.db"))

    assert "9999" in error.value.seen


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Ledger.open(url(tmp_path / "no" / "l.db"))


async def test_a_paused_central_that_wakes_up_ends_and_harms_nothing(tmp_path: Path) -> None:
    """Mutant 22: its lock file was taken away, another one works with the next epoch."""
    async with desk_on(tmp_path / "l.db") as paused:
        k1 = Station(paused)
        await k1.send(k1.checkin("item-1"))
        (tmp_path / "l.db-lock").unlink()
        async with desk_on(tmp_path / "l.db", seed=False) as other:
            k2 = Station(other, "k2")
            await k2.send(k2.checkin("item-2"))
            late = asyncio.ensure_future(k1.send(k1.checkin("item-3")))
            await asyncio.wait([late])

            assert late.cancelled() or isinstance(late.exception(), LeaseLost)
            assert sorted(other.rows("SELECT item FROM checkin")) == [("item-1",), ("item-2",)]


async def test_a_desk_whose_lease_is_lost_ends_with_that(tmp_path: Path) -> None:
    ledger = Ledger.open(url(tmp_path / "l.db"))
    db = sqlite3.connect(tmp_path / "l.db")
    db.execute("UPDATE lease SET epoch = epoch + 1")
    db.commit()
    db.close()
    from wire.clock import SystemClock

    desk = Desk(ledger, OwnLedger(Policy()), Policy(), SystemClock(), KEY)
    with pytest.raises(LeaseLost):
        await desk.run()
    ledger.close()


async def test_an_open_loan_twice_is_refused_by_the_database_itself(tmp_path: Path) -> None:
    """Second line behind the fold: the unique index."""
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")

        def twice(hot: object) -> None:
            world.ledger.hot.new_loan(
                ("r", "item-1", "p", "k1", "main", 1, None, "2026-01-01", "2026-01-01", 0, False, False, None)
            )

        with pytest.raises(sqlite3.IntegrityError):
            await world.desk.write(twice)


WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from desk_kit import Station, desk_on
from central.results import FromStation

async def main():
    async with desk_on(Path(sys.argv[2])) as world:
        stations = [Station(world, name) for name in ("k1", "k2")]
        number = 0
        while True:
            jobs = []
            for station in stations:
                for _ in range(16):
                    number += 1
                    seq = station.write(station.checkin(f"item-{number % 9 + 1}"))
                    jobs.append((station, world.desk.enqueue(FromStation(station.name, station.entry(seq)))))
            for station, done in jobs:
                said = await done
                if said.resume:
                    print(station.stream, said.resume.upto, said.resume.id, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [3, 40, 90])
def test_what_was_said_survives_kill_9_in_the_midst_of_commits(tmp_path: Path, lines: int) -> None:
    """Whatever number a killed central has said, it has kept; and no number is half applied."""
    script = tmp_path / "writer.py"
    script.write_text(WRITER)
    said: dict[str, int] = {}
    with subprocess.Popen(
        [sys.executable, str(script), str(HERE), str(tmp_path / "l.db")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as writer:
        assert writer.stdout is not None
        for _ in range(lines):
            stream, upto, _ = writer.stdout.readline().split()
            said[stream] = int(upto)
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            stream, upto, _ = line.split()
            said[stream] = int(upto)
    ledger = Ledger.open(url(tmp_path / "l.db"))
    run = ledger.hot.connection.execute
    kept = dict(run("SELECT stream, upto FROM stream").fetchall())
    journal = dict(run("SELECT stream, count(*) FROM journal GROUP BY stream").fetchall())
    checkins = run("SELECT count(*) FROM checkin").fetchone()[0]
    whole = run("PRAGMA integrity_check").fetchone()
    ledger.close()

    assert said
    assert all(kept[stream] >= upto for stream, upto in said.items())
    assert kept == journal
    assert sum(kept.values()) == checkins
    assert whole == ("ok",)


async def test_a_database_that_fails_ends_the_desk_and_nothing_is_said(tmp_path: Path) -> None:
    """A full disk parks nobody: the process ends, and every station sends again."""
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        pages = world.ledger.hot.connection.execute("PRAGMA page_count").fetchone()[0]
        world.ledger.hot.connection.execute(f"PRAGMA max_page_count={pages}")
        sending = [asyncio.ensure_future(k1.send({"schema": "big/1", "x": "y" * 400_000})) for _ in range(3)]
        await asyncio.wait(sending)

        assert all(s.cancelled() for s in sending)
        assert world.rows("SELECT parked_id FROM stream WHERE parked_id IS NOT NULL") == []
        assert world.rows("SELECT upto FROM stream WHERE upto > 0") == []
