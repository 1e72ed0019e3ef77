"""How lines of text stand on the page: no word alone on its line, and one edge for what belongs together."""

import pytest
from browser import LANDSCAPE, PORTRAIT, chromium, shown
from screens import SCREENS

pytestmark = pytest.mark.browser
LINES = """() => [...document.querySelectorAll('.notice span, #lead')].map(e => {
  const all = document.createRange();
  all.selectNodeContents(e);
  return [...all.getClientRects()].map(line => line.width);
})"""
EDGES = "() => ['#number', '.notices'].map(e => document.querySelector(e).getBoundingClientRect().left)"
LEADS = (
    "closed-needs-staff",
    "returns-only-needs-staff",
    "unread-code",
    "pad-lost",
    "returns-only",
    "barred",
)
WITH_NOTICES = ("goodbye", "goodbye-returns", "goodbye-no-paper", "goodbye-printing", "goodbye-printed")


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
async def test_no_notice_leaves_a_word_alone_and_each_begins_where_the_number_does(
    size: dict[str, int],
) -> None:
    edges, shortest = {}, {}
    async with chromium() as browser, shown(browser, size) as it:
        await it.tab.evaluate("document.fonts.ready")
        for name in WITH_NOTICES:
            await it.show(SCREENS[name])
            number, notices = await it.tab.evaluate(EDGES)
            edges[name] = abs(number - notices)
            shortest[name] = min(min(line) / max(line) for line in await it.tab.evaluate(LINES))

    assert {name: gap for name, gap in edges.items() if gap > 20} == {}
    assert {name: share for name, share in shortest.items() if share < 0.4} == {}


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
async def test_what_stands_below_a_headline_is_broken_in_its_middle(size: dict[str, int]) -> None:
    shortest = {}
    async with chromium() as browser, shown(browser, size) as it:
        await it.tab.evaluate("document.fonts.ready")
        for name in LEADS:
            await it.show(SCREENS[name])
            shortest[name] = min(min(line) / max(line) for line in await it.tab.evaluate(LINES))

    assert {name: share for name, share in shortest.items() if share < 0.4} == {}
