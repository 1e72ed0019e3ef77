"""The newcomer's first minutes, walked in a real browser on real parts, by pointer and by keyboard."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import FrameLocator, Locator, Page, async_playwright, expect
from terminal import ROOT, Terminal, demo, left_behind

from sim.onlooker import Message, Onlooker

pytestmark = [
    pytest.mark.slow, pytest.mark.broker, pytest.mark.pcscd, pytest.mark.browser, pytest.mark.timeout(170),
]  # fmt: skip
SCREENS = Path(__file__).parents[2] / "docs" / "screens"
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PATIENCE_MS = 15_000
NO_MACHINE = """() => { for (const code of document.querySelectorAll('#doors code'))
  code.textContent = code.textContent.replaceAll(/\\/(?!\\/)\\S*?\\/demo\\//g, '/home/you/.local/state/turnleaf/demo/') }"""
"""Pictures show the folder that the demo takes by itself, not the test's."""


@asynccontextmanager
async def page_of(terminal: Terminal, **options: object) -> AsyncIterator[Page]:
    address = await asyncio.to_thread(terminal.wait_for, r"Open this page:\s+(\S+)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        try:
            page = await browser.new_page(viewport={"width": 1280, "height": 800}, **options)  # type: ignore[arg-type]  # options by name
            page.set_default_timeout(PATIENCE_MS)
            await page.goto(address)
            await page.locator(".thing").first.wait_for()
            yield page
        finally:
            await browser.close()


def kiosk(page: Page) -> FrameLocator:
    return page.frame_locator("#kiosk-page")


def zone(page: Page, place: str) -> Locator:
    return page.locator(f'.zone[data-place="{place}"]')


async def put(page: Page, thing: Locator, place: str) -> str:
    """Choose a thing, then where it goes, with the pointer; return which it was."""
    name = await thing.get_attribute("data-id") or ""
    await thing.click()
    await zone(page, place).locator(".drop").click()
    return name


async def ticked(page: Page, step: int) -> None:
    await expect(page.locator("#steps li").nth(step - 1)).to_have_attribute(
        "data-done", "true", timeout=PATIENCE_MS
    )


async def picture(page: Page, name: str) -> None:
    if os.environ.get("TURNLEAF_SCREENS"):
        await page.evaluate("document.fonts.ready")
        await page.evaluate(NO_MACHINE)
        await page.screenshot(path=SCREENS / f"demo-{name}.png", full_page=True)


def book(page: Page, name: str) -> Locator:
    return page.locator(f'.thing[data-id="{name}"]')


def technicians_words(terminal: Terminal) -> tuple[str, Path]:
    """Return broker and certificate as the demo printed them."""
    found = re.search(r"console --broker (\S+) --cert (\S+)", terminal.said)
    assert found, terminal.said
    return found[1], Path(found[2])


@asynccontextmanager
async def pad_as_the_fleet_sees_it(terminal: Terminal) -> AsyncIterator[asyncio.Queue[str]]:
    """Read `pub/…/fleet/kiosk-1` as the technician: each state of the pad that central says."""
    states: asyncio.Queue[str] = asyncio.Queue()
    broker, identity = technicians_words(terminal)
    host, port = broker.split(":")
    onlooker = Onlooker(host, int(port), identity)

    def take(message: Message) -> None:
        if message.levels[0] == "pub" and message.levels[2:] == ("fleet", "kiosk-1"):
            for part in message.body().get("parts", ()):
                if part["part"] == "pad":
                    states.put_nowait(str(part["state"]))

    onlooker.listeners.append(take)
    reading = asyncio.create_task(onlooker.run())
    try:
        yield states
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def until(states: asyncio.Queue[str], wanted: str) -> float:
    """Return after how many seconds the fleet says `wanted`; at most five."""
    began = time.monotonic()
    async with asyncio.timeout(5):
        while await states.get() != wanted:
            pass
    return time.monotonic() - began


async def alarms(terminal: Terminal) -> list[dict[str, object]]:
    """Return the alarms as the technician sees them, by the command that the demo printed."""
    broker, cert = technicians_words(terminal)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "turnleaf", "alarms", "--json", "--broker", broker, "--cert", str(cert)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["alarms"])


async def test_the_five_steps_are_walked_with_the_pointer(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder) as terminal:
        async with page_of(terminal) as page:
            await picture(page, "start")
            await _says_hello(page)
            books = await _lends_three(page)
            await _walks_out(page, terminal, books[0])
            await _pulls_the_cable(page, terminal)
            await _loses_the_centre(page, folder, books[1])
            await picture(page, "done")
            found = await Axe().run(page, options={"runOnly": RULES})
            assert [one["id"] for one in found.response["violations"]] == []
        terminal.press("q")
        assert terminal.end() == 0, terminal.said[-2000:]

    assert "lost 0, doubled 0" in terminal.said, terminal.said[-2000:]
    assert left_behind(folder) == []


async def _says_hello(page: Page) -> None:
    await put(page, page.locator('.thing[data-kind="card"]'), "reader")
    await expect(kiosk(page).locator("#screen")).to_contain_text("Hello, Rowan", timeout=PATIENCE_MS)
    await ticked(page, 1)


async def _lends_three(page: Page) -> list[str]:
    names = []
    for _ in range(3):
        held = zone(page, "hands").locator('.thing[data-kind="book"]').first
        await expect(held.locator(".afi")).to_contain_text("AFI 07")
        names.append(await put(page, held, "pad"))
        await zone(page, "pad").locator(f'.thing[data-id="{names[-1]}"]').wait_for()
    for name in names:
        await expect(book(page, name).locator(".afi")).to_contain_text("AFI C2", timeout=PATIENCE_MS)
    await expect(kiosk(page).locator("#screen")).to_contain_text("3", timeout=PATIENCE_MS)
    await ticked(page, 2)
    await picture(page, "lent")
    return names


async def _walks_out(page: Page, terminal: Terminal, lent: str) -> None:
    lamp = page.locator("#lamp")
    await page.evaluate(
        "() => { window.lit = 0; new MutationObserver(() => { lit += lamp.dataset.lit === 'true' })"
        ".observe(lamp, {attributes: true}) }"
    )
    await put(page, book(page, lent), "gate")
    await zone(page, "outside").locator(f'.thing[data-id="{lent}"]').wait_for()
    assert await page.evaluate("lit") == 0, "the lamp was lit for a lent book"
    before = {str(one["alarm"]) for one in await alarms(terminal) if one["station"] == "gate-1"}
    assert before == set()
    await put(page, zone(page, "hands").locator('.thing[data-kind="book"]').first, "gate")
    await expect(lamp).to_have_attribute("data-lit", "true", timeout=PATIENCE_MS)
    await picture(page, "alarm")
    await ticked(page, 3)
    seen = [one for one in await alarms(terminal) if one["station"] == "gate-1"]
    assert [one["rule"] for one in seen] == ["gate-alarm"]


async def _pulls_the_cable(page: Page, terminal: Terminal) -> None:
    cable = page.locator('button[data-fault="pad-cable"]')
    async with pad_as_the_fleet_sees_it(terminal) as states:
        await until(states, "ok")
        await cable.click()
        lost = await until(states, "lost")
        await expect(kiosk(page).locator("#screen")).to_contain_text(
            "cannot see books just now", timeout=PATIENCE_MS
        )
        await picture(page, "cable")
        await cable.click()
        back = await until(states, "ok")
    print(f"the fleet said lost after {lost:.2f} s and ok after {back:.2f} s")
    await ticked(page, 4)


async def _loses_the_centre(page: Page, folder: Path, lent: str) -> None:
    stop = page.locator('button[data-fault="central"]')
    await stop.click()
    await expect(stop).to_have_text("Start central")
    await put(page, book(page, lent), "bin")
    await expect(book(page, lent).locator(".afi")).to_contain_text("AFI 07", timeout=PATIENCE_MS)
    await picture(page, "central-away")
    assert _returns(folder, lent) == 0
    await stop.click()
    await ticked(page, 5)
    assert _returns(folder, lent) == 1


def _returns(folder: Path, item: str) -> int:
    with sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True) as ledger:
        return int(ledger.execute("SELECT count(*) FROM checkin WHERE item = ?", (item,)).fetchone()[0])


async def _tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on an element."""
    for _ in range(60):
        if await page.evaluate("s => document.activeElement?.matches(s) ?? false", wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {wanted}")


async def test_the_first_steps_are_walked_with_the_keyboard_alone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder) as terminal:
        async with page_of(terminal, color_scheme="dark") as page:
            await _tab_to(page, '.thing[data-kind="card"]')
            await page.keyboard.press("Enter")
            await _tab_to(page, '.zone[data-place="reader"] .drop:enabled')
            await page.keyboard.press("Enter")
            await ticked(page, 1)
            for number in range(3):
                await _tab_to(page, '.zone[data-place="hands"] .thing[data-kind="book"]')
                await page.keyboard.press("Enter")
                await _tab_to(page, '.zone[data-place="pad"] .drop:enabled')
                await page.keyboard.press("Enter")
                await expect(zone(page, "pad").locator(".thing")).to_have_count(number + 1)
            await ticked(page, 2)
            await expect(page.locator("#hint")).to_contain_text("Lend three books")
            await _tab_to(page, 'button[data-fault="pad-cable"]')
            await picture(page, "keyboard-dark")
        terminal.press("q")
        assert terminal.end() == 0, terminal.said[-2000:]

    assert left_behind(folder) == []
