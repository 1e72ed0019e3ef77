"""`turnleaf sip2 probe` and `bench` as a person runs them, with our server, a strict one and one that misbehaves."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sip2_peers_kit import strict_library
from sip2_server_kit import SECRET, library

from sim.sip2_faults import Fault
from sim.sip2_ils import Ils, Traits
from turnleaf import cli


async def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Run a command; returns its exit code and what it printed."""
    code = await asyncio.to_thread(cli.main, ["sip2", *words, "--json"])
    out = capsys.readouterr().out.strip().splitlines()
    found = [json.loads(line) for line in out if line.startswith("{")]
    return code, found[-1] if found else {}


def secret(folder: Path, word: str = SECRET) -> str:
    file = folder / "password"
    file.write_text(word + "\n")
    file.chmod(0o600)
    return str(file)


def wrong(report: dict[str, Any]) -> list[str]:
    return [one["what"] for one in report["findings"] if not one["ok"]]


async def test_our_own_server_is_found_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with library(tmp_path) as here:
        code, report = await said(
            capsys, "probe", f"127.0.0.1:{here.port}", "--user", "selfcheck-1", "--password-file",
            secret(tmp_path), "--patron", "CARD4711", "--item", "ITEM-0001",
        )  # fmt: skip
        refused, _ = await said(
            capsys, "probe", f"127.0.0.1:{here.port}", "--user", "selfcheck-1", "--password-file",
            secret(tmp_path, "another-password"),
        )  # fmt: skip

    assert (code, wrong(report), all(report["supported"].values())) == (0, [], True)
    assert report["quirks"] == ["field AQ (not in 2.00)", "field PC (not in 2.00)"]
    assert refused == 2


async def test_a_strict_server_is_found_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with strict_library().start() as port:
        code, report = await said(
            capsys, "probe", f"127.0.0.1:{port}", "--user", "kiosk", "--password-file", secret(tmp_path),
            "--encoding", "cp850", "--item", "item-1",
        )  # fmt: skip

    assert "expects checksums" in report["quirks"]
    assert code == 1
    assert wrong(report) == ["nobody's account (63)"]  # it takes everybody for a patron, and is told on


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.HANG_UP_AFTER, "hangs up or stays silent at 17"),
        (Fault.BROKEN_ALWAYS, "hangs up or stays silent at 17"),
        (Fault.MUTE, "hangs up or stays silent at 17"),
    ],
)
async def test_what_a_peer_does_wrong_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Fault, told: str
) -> None:
    ils = Ils(Traits())
    ils.always["17"] = fault
    async with ils.serving() as port:
        code, report = await said(
            capsys, "probe", f"127.0.0.1:{port}", "--user", "kiosk", "--password-file",
            secret(tmp_path, "right"), "--timeout", "0.2",
        )  # fmt: skip

    assert code == 1
    assert "nothing's item (17)" in wrong(report)
    assert told in report["quirks"]


async def test_a_peer_that_is_off_line_or_away_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    async with Ils(Traits(online=False)).serving() as port:
        code, report = await said(
            capsys, "probe", f"127.0.0.1:{port}", "--user", "kiosk", "--password-file",
            secret(tmp_path, "right"),
        )  # fmt: skip
    away, _ = await said(capsys, "probe", f"127.0.0.1:{unused_tcp_port}")

    assert (code, wrong(report)[0]) == (1, "status (98)")
    assert away == 3


async def test_a_server_is_measured_and_no_answer_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    async with library(tmp_path) as here:
        common = (f"127.0.0.1:{here.port}", "--user", "selfcheck-1", "--password-file", secret(tmp_path))
        reads, read = await said(
            capsys, "bench", *common, "--messages", "63,17", "--patron", "CARD4711", "--item", "ITEM-000{n}",
            "--connections", "4", "--count", "41",
        )  # fmt: skip
        careless, _ = await said(capsys, "bench", *common, "--messages", "11,09")
        lends, lent = await said(
            capsys, "bench", *common, "--messages", "11,09", "--patron", "CARD4711", "--item", "ITEM-000{n}",
            "--connections", "2", "--count", "20", "--change",
        )  # fmt: skip
        unknown, no = await said(
            capsys, "bench", *common, "--messages", "11,09", "--patron", "NOBODY", "--item", "ITEM-0001",
            "--count", "2", "--change",
        )  # fmt: skip
        loans = here.ledger.hot.connection.execute("SELECT count(*), sum(ended IS NULL) FROM loan").fetchone()
    away, _ = await said(capsys, "bench", f"127.0.0.1:{unused_tcp_port}")

    assert (reads, read["answers"], read["others"], set(read["ms"])) == (0, 41, 0, {"63", "17"})
    assert (lends, lent["answers"], lent["others"]) == (1, 20, 10)  # ITEM-0000 is none of theirs
    assert (unknown, no["others"] > 0) == (1, True)
    assert loans == (5, 0)
    assert (careless, away) == (2, 3)
