"""The console's screens at three sizes, compared with pictures on disk; and as PNG for the docs."""

import os
import re
from pathlib import Path

import pytest
from console_scene import SIZES, ago, central, console, many, morning, picture, rest, station, stations

from monitor.feed import Connection

PANES = {"1": "fleet", "2": "station", "3": "alarms", "4": "events"}
DOCS = Path(__file__).parents[2] / "docs" / "screens"


@pytest.mark.parametrize("pane", PANES.values())
@pytest.mark.parametrize("size", SIZES)
async def test_each_pane_looks_at_each_size_as_it_did(size, pane, snapshot):
    app = console(morning(), operate=pane == "alarms")
    async with app.run_test(size=SIZES[size]) as pilot:
        await rest(app, pilot, next(key for key, name in PANES.items() if name == pane))

        snapshot(app, f"{pane}-{size}")


WORLDS = {
    "away": (morning, {"connection": Connection("away", ago(12), "connection refused")}, ()),
    "connecting": (list, {"connection": Connection("connecting", ago(1))}, ()),
    "central-lost": (lambda: [central("lost"), *morning()[1:]], {}, ()),
    "calm": (lambda: [central(), *stations((station("kiosk-1"), station("gate-1")))], {}, ()),
    "five-thousand": (lambda: many(5000), {}, ("down", "down", "down")),
    "last-of-many": (lambda: many(200), {}, ("end",)),
    "dark": (morning, {"look": "dark"}, ()),
    "contrast": (morning, {"look": "contrast"}, ()),
    "filter": (morning, {}, ("slash", *"west")),
    "help": (morning, {}, ("question_mark",)),
    "acknowledge": (morning, {"operate": True}, ("3", "a")),
    "shelve": (morning, {"operate": True}, ("3", "s")),
    "no-alarm": (lambda: morning()[:8], {}, ("3",)),
}


@pytest.mark.parametrize("world", WORLDS)
async def test_each_state_of_the_world_looks_as_it_did(world, snapshot):
    said, options, keys = WORLDS[world]
    app = console(said(), **options)
    async with app.run_test(size=SIZES["80x24"]) as pilot:
        await rest(app, pilot, *keys)

        snapshot(app, world)


async def test_without_colour_sign_and_word_still_tell(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(morning())
    async with app.run_test(size=SIZES["80x24"]) as pilot:
        await rest(app, pilot)
        svg = picture(app)

    colours = set(
        re.findall(r"fill: ?#([0-9a-f]{6})", svg)
    )  # classes of text; the window's frame is the export's
    colours -= {"c5c8c6"}
    assert all(c[:2] == c[2:4] == c[4:] for c in colours), colours
    assert "✖&#160;act" in svg


@pytest.mark.browser
@pytest.mark.skipif(not os.environ.get("TURNLEAF_SCREENS"), reason="takes the pictures in docs/screens anew")
async def test_the_screens_of_the_docs_are_taken():
    from playwright.async_api import async_playwright

    shots = {f"{name}-{size}": (key, size, {}) for size in SIZES for key, name in PANES.items()}
    shots["fleet-80x24-dark"] = ("1", "80x24", {"look": "dark"})
    shots["fleet-80x24-away"] = (
        "1",
        "80x24",
        {"connection": Connection("away", ago(12), "connection refused")},
    )
    DOCS.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, (key, size, options) in shots.items():
            app = console(morning(), operate=key == "3", **options)
            async with app.run_test(size=SIZES[size]) as pilot:
                await rest(app, pilot, key)
                svg = picture(app)
            found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
            assert found
            size_px = {"width": int(float(found[1])) + 1, "height": int(float(found[2])) + 1}
            page = await browser.new_page(viewport=size_px)
            await page.set_content(f'<body style="margin:0">{svg}</body>')
            await page.screenshot(path=DOCS / f"console-{name}.png")
            await page.close()
        await browser.close()
