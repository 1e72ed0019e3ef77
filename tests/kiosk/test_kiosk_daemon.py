"""A real kiosk daemon, process and all: TLS broker, FEIG bytes, PC/SC daemon, its page in Chromium."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from browser import PORTRAIT, chromium
from playwright.async_api import expect
from real_kiosk import CARD, book, library

from sim.devices.threem_pad import ThreeMPad
from sim.devices.vpcd_card import VpcdCard

pytestmark = [pytest.mark.broker, pytest.mark.pcscd, pytest.mark.browser, pytest.mark.slow]


async def test_a_patron_lends_three_books_and_brings_one_back(tmp_path: Path, real_broker: Any) -> None:
    async with library(tmp_path, real_broker) as here, chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        await expect(tab.locator("#headline")).to_have_text("Welcome")

        card = VpcdCard(CARD)
        await card.insert(here.cards.port(0))
        await expect(tab.locator("#headline")).to_have_text("Hallo, Greta")
        books = [book(n) for n in (1, 2, 3)]
        for one in books:
            here.pad.place(one)
        await expect(tab.locator("#number")).to_have_text("3", timeout=15_000)
        await expect(tab.locator(".row.ok")).to_have_count(3)
        written = here.central.bodies("tag-written/1")

        assert [one.afi for one in books] == [0xC2] * 3
        assert sorted(one["item"] for one in written) == ["31001", "31002", "31003"]

        for one in books:
            here.pad.remove(one.uid)
        await card.eject()
        await tab.locator("#do-finish").click()
        await expect(tab.locator("#screen")).to_have_attribute("data-screen", "goodbye")
        words = await tab.content()
        assert [word for word in ("Hobbit", "Momo", "Dune", "Greta", "3100") if word in words] == []
        await expect(tab.locator("#headline")).to_have_text("Welcome")

        here.pad.place(books[0])
        await expect(tab.locator("#number")).to_have_text("1", timeout=15_000)
        await tab.locator("#do-return").click()
        await expect(tab.locator(".row.ok .title")).to_have_text("The Hobbit", timeout=15_000)
        assert books[0].afi == 0x07
        outcomes = here.central.bodies("secured/1")
        assert [(one["item"], one["outcome"]) for one in outcomes] == [("31001", "verified")]

    assert here.process.returncode == 0
    told = here.log.read_text()
    assert [word for word in (CARD, "Hobbit", "31001", "Greta") if word in told] == []


async def test_where_eas_alone_secures_a_book_is_lent_and_brought_back_by_it(
    tmp_path: Path, real_broker: Any
) -> None:
    marks = 'marks = ["eas"]'
    async with library(tmp_path, real_broker, more=marks) as here, chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        card, one = VpcdCard(CARD), book(1, afi=0x42)
        one.eas = True
        await card.insert(here.cards.port(0))
        await expect(tab.locator("#headline")).to_have_text("Hallo, Greta", timeout=15_000)
        here.pad.place(one)
        await expect(tab.locator(".row.ok")).to_have_count(1, timeout=15_000)
        assert (one.eas, one.afi_log) == (False, [])
        await here.central.until(lambda: here.central.bodies("tag-written/1"))
        assert [told["afi"] for told in here.central.bodies("tag-written/1")] == [0x42]
        here.pad.remove(one.uid)
        await card.eject()
        await tab.locator("#do-finish").click()
        await expect(tab.locator("#headline")).to_have_text("Welcome", timeout=15_000)

        here.pad.place(one)
        await expect(tab.locator("#number")).to_have_text("1", timeout=15_000)
        await tab.locator("#do-return").click()
        await expect(tab.locator(".row.ok .title")).to_have_text("The Hobbit", timeout=15_000)
        assert (one.eas, one.afi_log) == (True, [])


async def test_with_a_3m_pad_a_book_is_lent_and_brought_back(tmp_path: Path, real_broker: Any) -> None:
    async with library(tmp_path, real_broker, ThreeMPad()) as here, chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        card, one = VpcdCard(CARD), book(1)
        await card.insert(here.cards.port(0))
        await expect(tab.locator("#headline")).to_have_text("Hallo, Greta", timeout=15_000)
        here.pad.place(one)
        await expect(tab.locator(".row.ok")).to_have_count(1, timeout=15_000)
        assert one.afi == 0xC2
        here.pad.remove(one.uid)
        await card.eject()
        await tab.locator("#do-finish").click()
        await expect(tab.locator("#headline")).to_have_text("Welcome", timeout=15_000)

        here.pad.place(one)
        await expect(tab.locator("#number")).to_have_text("1", timeout=15_000)
        await tab.locator("#do-return").click()
        await expect(tab.locator(".row.ok .title")).to_have_text("The Hobbit", timeout=15_000)
        assert one.afi == 0x07
        outcomes = here.central.bodies("secured/1")
        assert [(told["item"], told["outcome"]) for told in outcomes] == [("31001", "verified")]

    assert here.process.returncode == 0


async def test_without_central_returns_are_taken_and_borrowing_says_so(
    tmp_path: Path, real_broker: Any
) -> None:
    async with library(tmp_path, real_broker) as here, chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        await expect(tab.locator("#headline")).to_have_text("Welcome")
        await here.broker.kill()
        await expect(tab.locator("#screen")).to_have_attribute("data-screen", "returns-only", timeout=15_000)

        lent = book(1, afi=0xC2)
        here.pad.place(lent)
        await expect(tab.locator(".row.ok")).to_have_count(1, timeout=15_000)
        assert lent.afi == 0x07
        assert here.central.bodies("checkin/1") == []

        await here.broker.start()
        await here.central.until(lambda: here.central.bodies("secured/1"), timeout=60)
        assert len(here.central.bodies("checkin/1")) == 1


async def test_a_book_that_slips_away_between_loan_and_tag_can_be_put_back(
    tmp_path: Path, real_broker: Any
) -> None:
    async with library(tmp_path, real_broker) as here, chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        card = VpcdCard(CARD)
        await card.insert(here.cards.port(0))
        await expect(tab.locator("#screen")).to_have_attribute("data-screen", "lending", timeout=15_000)
        one = book(1)
        one.leaves = "before"
        here.pad.place(one)
        await expect(tab.locator(".row.act .title")).to_have_text("The Hobbit", timeout=15_000)
        assert one.afi == 0x07

        await tab.locator("#do-finish").click()
        await expect(tab.locator("#dialog-title")).to_have_text("Das ist noch gesperrt")
        here.pad.remove(one.uid)
        one.leaves, one.gone = "stays", False
        here.pad.place(one)
        await expect(tab.locator(".row.ok")).to_have_count(1, timeout=15_000)
        await expect(tab.locator("#dialog")).to_have_count(0)
        assert one.afi == 0xC2
        await here.central.until(lambda: here.central.bodies("tag-written/1"))
        assert here.central.bodies("withdrawn/1") == []
        await card.eject()


async def test_a_pulled_cable_and_a_lost_card_reader_are_said_and_mend_by_themselves(
    tmp_path: Path, real_broker: Any
) -> None:
    async with library(tmp_path, real_broker) as here, chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        shown = tab.locator("#screen")
        await expect(shown).to_have_attribute("data-screen", "attract", timeout=15_000)
        await here.pad.unplug()
        await expect(shown).to_have_attribute("data-screen", "pad-lost", timeout=5_000)
        await here.central.until(lambda: here.central.state("kiosk-1", "work")["reason"] == "pad lost")
        await here.pad.plug()
        await expect(shown).to_have_attribute("data-screen", "attract", timeout=10_000)

        await here.cards.stop()
        await expect(shown).to_have_attribute("data-screen", "reader-lost", timeout=10_000)
        await here.cards.start()
        await expect(shown).to_have_attribute("data-screen", "attract", timeout=10_000)


async def test_a_killed_kiosk_leaves_no_loan_without_its_tag_or_a_case(
    tmp_path: Path, real_broker: Any
) -> None:
    async with library(tmp_path, real_broker) as here:
        here.central.slow = True
        card = VpcdCard(CARD)
        await card.insert(here.cards.port(0))
        one = book(1)
        here.pad.place(one)
        await here.central.until(lambda: here.central.bodies("checkout/1"))
        here.process.kill()
        await here.process.wait()
        await card.eject()
        asked = here.central.taken[-1].id
    async with library(tmp_path, real_broker) as here:
        await here.central.until(lambda: here.central.bodies("withdrawn/1"))

    withdrawn = here.central.bodies("withdrawn/1")
    assert [(body["request"], body["reason"]) for body in withdrawn] == [(asked, "restart")]
    assert one.afi == 0x07


async def test_a_kiosk_is_small_and_quick(
    tmp_path: Path, real_broker: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with library(tmp_path, real_broker) as here:
        clock = asyncio.get_running_loop().time
        card = VpcdCard(CARD)
        laid = clock()
        await card.insert(here.cards.port(0))
        await here.central.until(lambda: here.central.asks)
        greeted_s = clock() - laid
        laid = clock()
        for number in (1, 2, 3):
            here.pad.place(book(number))
        await here.central.until(lambda: len(here.central.bodies("tag-written/1")) == 3)
        lent_s = clock() - laid
        rss = here.rss_mb()
        await card.eject()
        figures = {"rss_mb": rss, "ready_s": here.ready_s, "greeted_s": greeted_s, "three_lent_s": lent_s}
        for name, value in figures.items():
            record_property(name, round(value, 2))
        with capsys.disabled():
            print("\nkiosk: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))

    assert rss < 70
    assert lent_s < 8
