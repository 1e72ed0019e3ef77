"""The demo's keys, pressed in a real terminal; and kiosk 1 that dies under the newcomer's hands."""

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.async_api import expect
from terminal import ROOT, Terminal, demo, left_behind
from test_first_minutes import PATIENCE_MS, _lends_three, _says_hello, book, kiosk, page_of, put, zone

pytestmark = [
    pytest.mark.slow, pytest.mark.broker, pytest.mark.pcscd, pytest.mark.browser, pytest.mark.timeout(170),
]  # fmt: skip


def rules_on(words: str) -> set[str]:
    """Return which rules stand at kiosk 2, by the technician's own command."""
    done = subprocess.run(
        [sys.executable, "-m", "turnleaf", "alarms", "--json", *words.split()],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)["alarms"]
    over = "returned-unacknowledged"
    return {str(one["rule"]) for one in found if one["station"] == "kiosk-2" and one["state"] != over}


def until_rule(terminal: Terminal, words: str, rule: str, *, there: bool) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if (rule in rules_on(words)) is there:
            return
    raise AssertionError(f"{rule} {'never came' if there else 'never went'}: {terminal.said[-500:]}")


def test_each_key_does_what_the_welcome_says(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder) as terminal:
        words = terminal.wait_for(r"turnleaf console (--broker \S+ --cert \S+)")
        terminal.wait_for(r"(steps \d/5)")

        terminal.press("c")
        terminal.wait_for(r"(\x1b\[\?1049h)")  # the console takes the screen
        terminal.wait_for(r"(gate-2)")
        terminal.press("q")
        terminal.wait_for(r"(\x1b\[\?1049l)")  # and gives it back
        terminal.forget()
        terminal.wait_for(r"(steps \d/5)")

        terminal.press("m")
        terminal.wait_for(r"(messages in plain words: on)")
        terminal.wait_for(r"(kiosk-2 \S+.*)")
        terminal.press("m")
        terminal.wait_for(r"(messages in plain words: off)")

        terminal.press("f")
        terminal.wait_for(r"4  (Use up kiosk 2's paper)")
        terminal.press("4")
        until_rule(terminal, words, "paper-low", there=True)
        terminal.press("4")
        until_rule(terminal, words, "paper-low", there=False)

        terminal.press("q")
        assert terminal.end() == 0, terminal.said[-2000:]

    assert "lost 0, doubled 0" in terminal.said
    assert left_behind(folder) == []


async def test_a_kiosk_that_dies_under_the_newcomer_comes_back_and_lends_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder) as terminal:
        async with page_of(terminal) as page:
            await _says_hello(page)
            names = await _lends_three(page)
            power = page.locator('button[data-fault="kiosk"]')
            await power.click()
            await expect(power).to_have_text("Switch kiosk 1 on", timeout=PATIENCE_MS)
            before = await page.locator("#kiosk-page").get_attribute("data-address")
            await power.click()
            await expect(power).to_have_text("Cut kiosk 1's power", timeout=PATIENCE_MS)
            await expect(page.locator("#kiosk-page")).not_to_have_attribute("data-address", str(before))
            await expect(kiosk(page).locator("#screen")).to_contain_text("Hello, Rowan", timeout=PATIENCE_MS)
            renewed = kiosk(page).get_by_text("Renewed", exact=True)  # lent before the power went: theirs
            await expect(renewed).to_have_count(3, timeout=PATIENCE_MS)

            for name in names:
                await put(page, book(page, name), "hands")
                await expect(book(page, name).locator(".afi")).to_contain_text("AFI C2")
            fourth = zone(page, "hands").locator('.thing[data-kind="book"]', has_text="AFI 07").first
            name = await put(page, fourth, "pad")
            await expect(book(page, name).locator(".afi")).to_contain_text("AFI C2", timeout=PATIENCE_MS)
            lent = kiosk(page).get_by_text("Lent", exact=True)  # the others were lent before the power went
            await expect(lent).to_have_count(1, timeout=PATIENCE_MS)
            await put(page, book(page, name), "hands")
            await put(page, page.locator('.thing[data-kind="card"]'), "hands")
            await kiosk(page).get_by_role("button", name=re.compile("finish", re.I)).click()
            await expect(kiosk(page).locator("#screen")).to_contain_text("Thank you", timeout=PATIENCE_MS)
        terminal.press("q")
        assert await asyncio.to_thread(terminal.end) == 0, terminal.said[-2000:]

    assert "lost 0, doubled 0" in terminal.said
    assert left_behind(folder) == []
