"""The newcomer's page by itself: drag and drop, small screens, both looks, and a kiosk that starts anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from sim.catalogue import books, people
from sim.playground.app import Playground
from sim.playground.table import Table
from sim.world import World

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
BOOK = "30000001"


class Kiosk:
    """The word of a kiosk about where its page is."""

    at = "http://127.0.0.1:9/?key=one"

    def address(self) -> str:
        return self.at


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[Page, World, Kiosk]]:
    """Open the page over a world without daemons: things move, nobody lends."""
    world, kiosk = World(books(10), people(2), seed=1), Kiosk()
    world.add_pad("kiosk-1")
    world.add_pad("bin-1")
    world.add_gate("gate-1")
    stage: Any = SimpleNamespace(world=world, library=books(10), people=people(2), daemons={"kiosk-1": kiosk})
    playground = Playground(Table(stage, "kiosk-1", "bin-1", "gate-1"), lambda _: "", [])
    running = asyncio.create_task(playground.run())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = await browser.new_page(**options)
            await page.goto(playground.url)
            await page.locator(".thing").first.wait_for()
            yield page, world, kiosk
        finally:
            await browser.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
async def test_it_fits_and_has_no_accessibility_fault(size: tuple[int, int], look: Any) -> None:
    viewport = {"width": size[0], "height": size[1]}
    async with opened(viewport=viewport, color_scheme=look) as (page, _, _kiosk):
        found = await Axe().run(page, options={"runOnly": RULES})
        wide = await page.evaluate("document.documentElement.scrollWidth")

        assert [one["id"] for one in found.response["violations"]] == []
        assert wide <= size[0]
        assert await page.evaluate("document.documentElement.dataset.look") == look


async def test_a_book_can_be_dragged_onto_the_pad_and_back() -> None:
    async with opened() as (page, world, _):
        thing = page.locator(f'.thing[data-id="{BOOK}"]')
        await thing.drag_to(page.locator('.zone[data-place="pad"]'))
        await expect(page.locator('.zone[data-place="pad"] .thing')).to_have_count(1)
        assert world.place[BOOK] == "kiosk-1"

        await thing.drag_to(page.locator('.zone[data-place="hands"]'))
        await expect(page.locator('.zone[data-place="pad"] .thing')).to_have_count(0)
        assert world.place[BOOK] == "hands"


async def test_a_kiosk_that_starts_anew_is_shown_at_its_new_address() -> None:
    async with opened() as (page, _, kiosk):
        frame = page.locator("#kiosk-page")
        await expect(frame).to_have_attribute("src", "http://127.0.0.1:9/?key=one")

        kiosk.at = "http://127.0.0.1:9/?key=two"

        await expect(frame).to_have_attribute("src", "http://127.0.0.1:9/?key=two")


async def test_where_a_thing_went_is_said_and_the_focus_goes_to_the_next() -> None:
    async with opened() as (page, _, _kiosk):
        await page.locator(f'.thing[data-id="{BOOK}"]').press("Enter")
        await page.locator('.zone[data-place="pad"] .drop').press("Enter")

        await expect(page.get_by_role("status").first).to_contain_text("on the pad of kiosk 1")
        await expect(page.locator('.thing[data-id="30000002"]')).to_be_focused()
