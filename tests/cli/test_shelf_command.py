"""`turnleaf shelf`: a list or a ledger that cannot be read is told, and nothing of the machinery with it."""

from pathlib import Path

import pytest

from turnleaf import cli

STATION = str(Path(__file__).parents[2] / "docs/examples/tags.toml")


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (None, "list.csv: cannot be read: "),
        (b"", "list.csv:1: no column `item`; there are: none"),
        (b"barcode\n1\n", "list.csv:1: no column `item`; there are: barcode"),
        (b"item\n\xff\n", "list.csv: cannot be read: "),
    ],
)
def test_a_list_that_cannot_be_read_is_wrong_use(
    content: bytes | None,
    seen: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("list.csv").write_bytes(content)

    assert cli.main(["shelf", "--station", STATION, "--csv", "list.csv"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(seen)
    assert "What to do: " in err


@pytest.mark.parametrize(
    ("content", "seen"), [(b"a text\n" * 200, "file is not a database"), (b"", "no such table: item")]
)
def test_a_file_that_is_no_ledger_is_told_without_the_statement(
    content: bytes, seen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "text.db"
    ledger.write_bytes(content)

    assert cli.main(["shelf", "--station", STATION, "--ledger", f"sqlite:///{ledger}"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"sqlite:///{ledger}: cannot be read: {seen}\n  What to do: ")
    assert "SELECT" not in err
    assert "sqlalche.me" not in err


def test_a_url_that_is_none_is_told_without_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["shelf", "--station", STATION, "--ledger", "nonsense"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("nonsense: cannot be read: ")
    assert "sqlalche.me" not in err
