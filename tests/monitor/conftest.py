"""The snapshot fixture: a screen as SVG, compared byte for byte with the one on disk."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from console_scene import picture

from monitor.app import Console

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture
def snapshot(tmp_path: Path) -> Callable[[Console, str], None]:
    """Compare the screen with snapshots/NAME.svg; TURNLEAF_SNAPSHOTS=1 writes it anew."""

    def compare(app: Console, name: str) -> None:
        path = SNAPSHOTS / f"{name}.svg"
        now = picture(app)
        if os.environ.get("TURNLEAF_SNAPSHOTS"):
            path.write_text(now, encoding="utf-8")
        assert path.exists(), f"no snapshot {path.name}; look at it after TURNLEAF_SNAPSHOTS=1"
        if now != path.read_text(encoding="utf-8"):
            seen = tmp_path / path.name
            seen.write_text(now, encoding="utf-8")
            pytest.fail(f"the screen is not {path.name} any more; compare it with {seen}")

    return compare
