"""Pictures of every screen for the documentation. Drawn only when asked for.

TURNLEAF_SCREENS=1 draws all of them, TURNLEAF_SCREENS=closed,help those alone.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from browser import LANDSCAPE, PORTRAIT, chromium, shown
from screens import SCREENS

from kiosk import visit_state as s

pytestmark = pytest.mark.browser
FOLDER = Path(__file__).parents[2] / "docs" / "screens"
VARIANTS = {
    **SCREENS,
    "lending-dark": replace(SCREENS["lending"], comfort=s.Comfort(look="dark")),
    "lending-contrast": replace(SCREENS["lending-trouble"], comfort=s.Comfort(look="contrast")),
    "lending-german-largest": replace(SCREENS["lending"], comfort=s.Comfort(language="de", text=3)),
    "warning-within-reach": replace(SCREENS["warning"], comfort=s.Comfort(reach=True)),
}


@pytest.mark.parametrize(("shape", "size"), [("portrait", PORTRAIT), ("landscape", LANDSCAPE)])
async def test_every_screen_can_be_drawn(shape: str, size: dict[str, int], tmp_path: Path) -> None:
    asked = os.environ.get("TURNLEAF_SCREENS", "")
    folder = FOLDER if asked else tmp_path
    names = VARIANTS if asked == "1" else (asked or "attract").split(",")
    wanted = {name: VARIANTS[name] for name in names}
    async with chromium() as browser, shown(browser, size) as it:
        for name, kiosk in wanted.items():
            await it.show(kiosk)
            await it.tab.evaluate("document.fonts.ready")
            await it.tab.mouse.move(0, 0)
            await it.tab.screenshot(path=folder / f"kiosk-{name}-{shape}.png")

    assert all((folder / f"kiosk-{name}-{shape}.png").stat().st_size > 10_000 for name in wanted)
