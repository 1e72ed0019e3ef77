"""The page in a real Chromium: for everyone, on every panel, and nothing of anybody left behind."""

import asyncio
from dataclasses import replace

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import LANDSCAPE, PORTRAIT, Shown, chromium, shown
from playwright.async_api import expect
from screens import LENDING, SCREENS

from kiosk import visit_state as s
from kiosk.page.render import CAP_HEIGHT, Panel

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NO_TEXT_BELOW = """() => Math.min(...[...document.querySelectorAll('#kiosk *')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
BOXES = """() => [...document.querySelectorAll('button')].map(b => {
  const r = b.getBoundingClientRect();
  return [b.id, r.width, r.height, r.top];
})"""
TOO_WIDE = """() => [...document.querySelectorAll('#kiosk *')]
  .filter(e => !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.id || e.className)"""


async def faults(it: Shown) -> list[str]:
    found = await Axe().run(it.tab, options={"runOnly": RULES})
    return [
        f"{violation['id']}: {[node['html'][:80] for node in violation['nodes'][:2]]}"
        for violation in found.response["violations"]
    ]


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
async def test_no_screen_has_an_accessibility_fault(size: dict[str, int]) -> None:
    async with chromium() as browser, shown(browser, size) as it:
        found = {}
        for name, kiosk in SCREENS.items():
            await it.show(kiosk)
            found[name] = await faults(it)

    assert {name: list_ for name, list_ in found.items() if list_} == {}


@pytest.mark.parametrize("look", ["dark", "contrast"])
async def test_no_other_look_and_no_larger_size_has_one_either(look: str) -> None:
    async with chromium() as browser, shown(browser) as it:
        found = {}
        for name in ("attract", "lending-trouble", "warning", "locked", "goodbye-returns"):
            await it.show(SCREENS[name])
            await it.wear(look=look, text=3)
            found[name] = await faults(it)

    assert {name: list_ for name, list_ in found.items() if list_} == {}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
async def test_nothing_sticks_out_at_any_size_of_text(size: dict[str, int], language: str) -> None:
    async with chromium() as browser, shown(browser, size) as it:
        wrong = []
        for name, kiosk in SCREENS.items():
            for text in (1, 2, 3):
                comfort = s.Comfort(language=language, text=text)
                await it.show(replace(kiosk, comfort=comfort))
                wide = await it.tab.evaluate("document.documentElement.scrollWidth")
                out = await it.tab.evaluate(TOO_WIDE)
                if wide > size["width"] or out:
                    wrong.append((name, text, wide, out))

    assert wrong == []


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
async def test_a_screen_needs_no_scrolling_and_its_button_is_always_in_sight(size: dict[str, int]) -> None:
    async with chromium() as browser, shown(browser, size) as it:
        hidden = []
        for name, kiosk in SCREENS.items():
            for text in (1, 2, 3):
                await it.show(replace(kiosk, comfort=s.Comfort(language="de", text=text)))
                tall = await it.tab.evaluate("document.documentElement.scrollHeight")
                low = await it.tab.evaluate(
                    "Math.max(0, ...[...document.querySelectorAll('#actions button, #dialog button')]"
                    ".map(b => b.getBoundingClientRect().bottom))"
                )
                if (text == 1 and tall > size["height"]) or low > size["height"]:
                    hidden.append((name, text, tall, low))

    assert hidden == []


async def test_letters_and_buttons_are_as_large_as_eyes_and_fingers_need() -> None:
    panel = Panel()
    async with chromium() as browser, shown(browser) as it:
        for text, capital_mm, target_px in ((1, 4.8, 64), (2, 7.33, 80), (3, 7.33, 80)):
            for kiosk in SCREENS.values():
                await it.show(replace(kiosk, comfort=s.Comfort(text=text)))
                smallest = await it.tab.evaluate(NO_TEXT_BELOW)
                boxes = await it.tab.evaluate(BOXES)

                assert smallest * panel.mm_per_px * CAP_HEIGHT >= capital_mm
                assert [box for box in boxes if min(box[1:3]) < target_px] == []


async def test_the_font_of_the_page_is_ours_and_its_capitals_are_as_high_as_computed() -> None:
    async with chromium() as browser, shown(browser) as it:
        share = await it.tab.evaluate("""async () => {
          await document.fonts.ready;
          const c = document.createElement('canvas').getContext('2d');
          c.font = '1000px "Atkinson Hyperlegible Next"';
          return [c.measureText('H').actualBoundingBoxAscent / 1000,
                  document.fonts.check('20px "Atkinson Hyperlegible Next"')];
        }""")

    assert share[1]
    assert CAP_HEIGHT <= share[0] < CAP_HEIGHT + 0.03


async def test_in_reach_mode_every_control_is_in_the_lower_two_fifths() -> None:
    async with chromium() as browser, shown(browser) as it:
        for name in ("attract", "lending", "warning", "locked", "help", "goodbye"):
            await it.show(SCREENS[name])
            await it.wear(reach=True)
            boxes = await it.tab.evaluate(BOXES)

            assert [(name, box) for box in boxes if box[3] < PORTRAIT["height"] * 0.6] == []


async def test_help_and_start_over_stand_at_the_same_place_on_every_screen() -> None:
    async with chromium() as browser, shown(browser) as it:
        places = set()
        for kiosk in SCREENS.values():
            await it.show(kiosk)
            boxes = await it.tab.evaluate(BOXES)
            places.add(tuple(round(box[3]) for box in boxes if box[0].startswith("fixed")))

    assert len(places) == 1


async def test_the_page_asks_nobody_else_for_anything_and_complains_of_nothing() -> None:
    async with chromium() as browser, shown(browser) as it:
        for kiosk in SCREENS.values():
            await it.show(kiosk)
        it.server.tone("done")
        await it.show(SCREENS["attract"])

    assert it.elsewhere == []
    assert it.complaints == []


async def test_everything_can_be_pressed_with_a_keyboard_alone() -> None:
    async with chromium() as browser, shown(browser) as it:
        await it.show(SCREENS["lending"])
        reached = []
        for _ in range(14):
            await it.tab.keyboard.press("Tab")
            reached.append(await it.tab.evaluate("document.activeElement.id"))
        buttons = [box[0] for box in await it.tab.evaluate(BOXES)]

        assert set(buttons) <= set(reached)

        await it.tab.locator("#do-finish").focus()
        await it.tab.keyboard.press("Enter")
        async with asyncio.timeout(5):
            while not it.pressed:
                await asyncio.sleep(0.01)

        assert it.pressed == [("finish", "")]


async def test_a_question_takes_the_keyboard_and_keeps_it() -> None:
    async with chromium() as browser, shown(browser) as it:
        await it.show(SCREENS["warning"])
        await expect(it.tab.locator("#ask-more-time")).to_be_focused()
        places = set()
        for _ in range(4):
            await it.tab.keyboard.press("Tab")
            places.add(await it.tab.evaluate("document.activeElement.id"))

    assert {"ask-more-time", "ask-finish"} == places


async def test_after_goodbye_no_title_and_no_name_is_left_in_the_page() -> None:
    async with chromium() as browser, shown(browser) as it:
        await it.show(SCREENS["lending"])
        assert "The Hobbit" in await it.tab.content()

        for name in ("goodbye", "attract"):
            await it.show(SCREENS[name])
            left = await it.tab.content() + await it.tab.evaluate("JSON.stringify([{...localStorage}, name])")
            assert [w for w in ("Hobbit", "Momo", "Greta", "3100", "PAT-7001") if w in left] == []

        await it.tab.go_back()
        assert "Hobbit" not in await it.tab.content()


async def test_a_title_is_text_and_never_markup() -> None:
    title = "<img src=x onerror=alert(1)> {{ 7*7 }} & Söhne"
    kiosk = s.Kiosk(visit=replace(LENDING, rows=(s.Row("31001", s.Lent(None), title),)))
    async with chromium() as browser, shown(browser) as it:
        await it.show(kiosk)

        assert title == await it.tab.locator(".title").inner_text()
        assert await it.tab.locator("img").count() == 0


async def test_a_page_whose_daemon_is_gone_says_one_moment_and_comes_back_by_itself() -> None:
    async with chromium() as browser, shown(browser) as it:
        await expect(it.tab.locator("#away")).to_be_hidden()
        await it.context.set_offline(True)
        it.server._send("")
        await expect(it.tab.locator("#away")).to_be_visible(timeout=10_000)
        await it.context.set_offline(False)
        await expect(it.tab.locator("#away")).to_be_hidden(timeout=10_000)
        await it.show(SCREENS["lending"])


async def test_a_row_that_stays_is_not_drawn_anew() -> None:
    async with chromium() as browser, shown(browser) as it:
        await it.show(SCREENS["lending"])
        await it.tab.evaluate("document.getElementById('row-31001').mine = true")
        more = replace(LENDING, rows=(*LENDING.rows, s.Row("31009", s.NotNow(), "Last")))
        await it.show(s.Kiosk(visit=more))

        assert await it.tab.evaluate("document.getElementById('row-31001').mine === true")


async def test_nothing_moves_for_who_asks_for_rest() -> None:
    async with chromium() as browser:
        for motion, expected in (("reduce", "none"), ("no-preference", "lay")):
            async with shown(browser, reduced_motion=motion) as it:
                await it.show(SCREENS["lending"])
                moving = await it.tab.evaluate(
                    "getComputedStyle(document.querySelector('.row')).animationName"
                )
                assert expected == moving
