"""Local sockets have a place whatever the folder is called."""

import socket
import tempfile
from pathlib import Path

import pytest

from sim.sockets import gone, place_of


def test_a_short_path_is_its_own_place() -> None:
    wanted = Path("/tmp/a.comm")
    assert place_of(wanted) == wanted


@pytest.mark.parametrize("temporary", ["/tmp", "far down"])
def test_a_folder_with_a_long_path_has_its_sockets_elsewhere_and_leaves_nothing(
    tmp_path: Path, temporary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tmp_path / ("long" * 30) / "pcscd.comm"
    wanted.parent.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(wanted.parent) if temporary == "far down" else temporary)
    place = place_of(wanted)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(place))
        assert place.is_socket()
    gone(place, wanted)
    assert not place.parent.exists()
    assert list(wanted.parent.iterdir()) == []
