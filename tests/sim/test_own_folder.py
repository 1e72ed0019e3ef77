"""The simulator makes a folder new only when nobody else's files are in it."""

from pathlib import Path

import pytest

from sim.own_folder import MARK, make_new
from wire.errors import ConfigError


def test_a_new_an_empty_and_an_own_folder_are_made_new(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_new(folder)
    (folder / "ledger.db").write_text("of the last run")
    (folder / "sub").mkdir()
    (folder / "sub" / "file").touch()
    make_new(folder)

    assert [one.name for one in folder.iterdir()] == [MARK]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_files_of_others_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "sub").mkdir()

    with pytest.raises(ConfigError, match=r"notes\.txt and 1 more"):
        make_new(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["notes.txt", "sub"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_link_in_an_own_folder_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    theirs, folder = tmp_path / "theirs", tmp_path / "own"
    theirs.mkdir()
    (theirs / "notes.txt").touch()
    make_new(folder)
    (folder / "link").symlink_to(theirs)
    make_new(folder)

    assert (theirs / "notes.txt").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        make_new(tmp_path / "file")
