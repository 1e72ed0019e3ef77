"""Whose the ledger's files are, when root has worked on them, and what is said to who may not open them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from copies_kit import NOW, quiet

from central.ledger.backup import back_up, restore
from central.ledger.ledger import Ledger
from turnleaf.cli import main
from wire.errors import ConfigError

SERVICE = 54321
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@contextmanager
def as_the_service() -> Iterator[None]:
    os.seteuid(SERVICE)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def home() -> Iterator[Path]:
    """The service's folder, in which root works; all that is above it may be passed by anybody."""
    with tempfile.TemporaryDirectory(prefix="turnleaf-rights-") as name:
        os.chown(name, SERVICE, SERVICE)
        yield Path(name)


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(path.stat().st_uid, path.stat().st_gid) for path in folder.glob("l.db*")}


def test_what_root_makes_is_the_service_s(home: Path) -> None:
    url = f"sqlite:///{home / 'l.db'}"
    ledger = Ledger.open(url)
    assert len(list(home.glob("l.db*"))) == 4, "ledger, lock, log and its index"
    assert owners(home) == {(SERVICE, SERVICE)}
    ledger.close()

    copy, _ = back_up(home / "l.db", home / "copies", NOW, 5, quiet)
    restore(copy, home / "l.db", NOW, quiet)
    assert owners(home) == {(SERVICE, SERVICE)}
    for path in home.glob("l.db*"):
        path.unlink()
    restore(copy, home / "l.db", NOW, quiet)
    assert owners(home) == {(SERVICE, SERVICE)}

    with as_the_service():
        Ledger.open(url).close()


@pytest.mark.parametrize("which", ["l.db-lock", "l.db", ""])
def test_a_want_of_rights_names_owner_and_user_and_the_way_out(home: Path, which: str) -> None:
    if which:
        Ledger.open(f"sqlite:///{home / 'l.db'}").close()
    os.chown(home / which, 0, 0)

    with as_the_service(), pytest.raises(ConfigError) as error:
        Ledger.open(f"sqlite:///{home / 'l.db'}")

    assert "permission denied" in error.value.seen
    assert "belongs to root, and this is the user 54321" in error.value.seen
    assert f"chown 54321: {home / which}" in error.value.do


def test_root_gives_away_no_file_that_a_link_names(home: Path) -> None:
    (home / "precious").touch()
    (home / "l.db-lock").symlink_to(home / "precious")

    with pytest.raises(ConfigError):
        Ledger.open(f"sqlite:///{home / 'l.db'}")

    assert (home / "precious").stat().st_uid == 0


@pytest.mark.parametrize("which", ["copies", "copies/20260303T023000Z.turnleaf-ledger"])
def test_a_copy_that_may_not_be_read_is_not_called_damaged(
    home: Path, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    db = f"sqlite:///{home / 'l.db'}"
    Ledger.open(db).close()
    copy, _ = back_up(home / "l.db", home / "copies", NOW, 5, quiet)
    os.chown(home / "copies", SERVICE, SERVICE)
    os.chown(home / which, 0, 0)

    for command in (["verify", str(copy)], ["verify", str(copy.parent)], ["restore", str(copy.parent)]):
        with as_the_service():
            code = main(["ledger", *command, "--db", db])
        said = "".join(capsys.readouterr())

        assert code != 0
        assert "permission denied" in said
        assert "damaged" not in said
        assert "turnleaf ledger backup" not in said
