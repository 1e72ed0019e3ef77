"""A real kiosk daemon with what not every kiosk has: a PC/SC pad, a scanner, a receipt printer.

Real here: the daemon as a process, the TLS broker, pcscd with its virtual readers, a pseudo terminal, the
page in Chromium, python-escpos. Simulated: the tag behind the reader's transparent session, the scanner that
types into the terminal, the printer's far end.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import PORTRAIT, chromium
from playwright.async_api import Page as Tab
from playwright.async_api import expect
from real_kiosk import CARD, Library, book, library

from sim.devices.printer import CUT, EscposPrinter
from sim.devices.scanner import SerialScannerDevice
from sim.devices.vpcd_card import VpcdCard
from sim.devices.vpcd_tag import Oddities, TagOnReader

pytestmark = [pytest.mark.broker, pytest.mark.pcscd, pytest.mark.browser, pytest.mark.slow]
LONG = 20_000
GOOD, MISREAD = "21234567890124", "21234567890125"
"""A 14-digit library card's number, and the same with a wrong check digit."""


@asynccontextmanager
async def page_of(here: Library) -> AsyncIterator[Tab]:
    async with chromium() as browser:
        tab = await (await browser.new_context(viewport=PORTRAIT)).new_page()
        await tab.goto(here.url)
        yield tab


def part(here: Library, name: str) -> dict[str, Any]:
    parts = here.central.state("kiosk-1", "parts").get("parts", [])
    return next((one for one in parts if one["part"] == name), {})


@pytest.mark.parametrize("way", ["transparent", "utrust"])
async def test_a_book_is_lent_and_returned_on_a_pcsc_pad_beside_a_pcsc_card_reader(
    tmp_path: Path, real_broker: Any, way: Any
) -> None:
    pad_is = 'kind = "pcsc"\nreader = "ACR1552U 00 00"\n' + f'way = "{way}"'
    card_is = '[card]\nreader = "ACR122U 00 00"'
    readers = ("ACS ACR122U", "ACS ACR1552U")
    kiosk = library(tmp_path, real_broker, readers=readers, pad_is=pad_is, more=card_is)
    async with kiosk as here, page_of(here) as tab:
        one, card = TagOnReader(book(1), way, Oddities(lsb_first=True)), VpcdCard(CARD)
        await card.insert(here.cards.port(0, 0))
        await expect(tab.locator("#headline")).to_have_text("Hallo, Greta", timeout=LONG)
        await one.insert(here.cards.port(0, 1))
        await expect(tab.locator(".row.ok")).to_have_count(1, timeout=LONG)
        lent = one.tag.afi
        await one.eject()
        await card.eject()
        await tab.locator("#do-finish").click()
        await expect(tab.locator("#headline")).to_have_text("Welcome", timeout=LONG)

        await one.insert(here.cards.port(0, 1))
        await expect(tab.locator("#number")).to_have_text("1", timeout=LONG)
        await tab.locator("#do-return").click()
        await expect(tab.locator(".row.ok .title")).to_have_text("The Hobbit", timeout=LONG)
        await one.eject()

        assert (lent, one.tag.afi) == (0xC2, 0x07)
        assert [body["item"] for body in here.central.bodies("tag-written/1")] == ["31001"]
        assert (part(here, "pad")["model"], part(here, "pad")["make"]) == ("ACS ACR1552U 00 00", "ACS")
        assert part(here, "card-reader")["model"] == "ACS ACR122U 00 00"
        samples = here.central.samples
        await here.central.until(
            lambda: any(one["values"]["cards"] for one in samples["kiosk-1/card-reader"])
        )
        assert all(one["values"]["unread"] == 0 for one in samples["kiosk-1/card-reader"])

        shown = tab.locator("#screen")
        await tab.locator("#do-finish").click()
        await expect(shown).to_have_attribute("data-screen", "attract", timeout=LONG)
        await here.cards.kill()
        await expect(shown).to_have_attribute("data-screen", "pad-lost", timeout=LONG)
        await here.central.until(lambda: part(here, "card-reader")["state"] == "lost")
        await here.cards.start()
        await expect(shown).to_have_attribute("data-screen", "attract", timeout=LONG)
        await here.central.until(lambda: part(here, "card-reader")["state"] == "ok")


async def test_a_scanned_card_begins_the_visit_and_a_bad_code_is_said_in_words(
    tmp_path: Path, real_broker: Any
) -> None:
    scanner = SerialScannerDevice()
    more = (
        f'[card]\nfitted = false\n[scanner]\nkind = "serial"\npath = "{scanner.path}"\n'
        'lengths = [14]\nprefixes = ["2"]\ncheck = "luhn"'
    )
    async with library(tmp_path, real_broker, more=more) as here, page_of(here) as tab:
        shown, headline = tab.locator("#screen"), tab.locator("#headline")
        await expect(headline).to_have_text("Welcome", timeout=LONG)
        await expect(tab.locator("#step-scan")).to_contain_text("scan your card")
        assert part(here, "card-reader") == {}

        scanner.scan("9783608939811")
        await expect(headline).to_have_text("This is not the code of a library card", timeout=LONG)
        scanner.scan(MISREAD, pieces=3)
        await expect(headline).to_have_text("The code could not be read cleanly", timeout=LONG)
        await expect(tab.locator("#lead")).to_contain_text("once more")

        scanner.scan(GOOD, pieces=5)
        await expect(headline).to_have_text("Hallo, Greta", timeout=LONG)
        here.pad.place(book(1))
        await expect(tab.locator(".row.ok")).to_have_count(1, timeout=LONG)
        assert [one["card"] for one in here.central.bodies("checkout/1")] == [GOOD]

        def scanned() -> list[dict[str, float]]:
            return [one["values"] for one in here.central.samples.get("kiosk-1/scanner", [])]

        await here.central.until(lambda: sum(one["scans"] for one in scanned()) >= 1)
        assert sum(one["refused"] for one in scanned()) == 2
        assert sum(one["wrong_checks"] for one in scanned()) == 1

        here.pad.remove(book(1).uid)
        await tab.locator("#do-finish").click()
        scanner.unplug()
        await expect(shown).to_have_attribute("data-screen", "reader-lost", timeout=LONG)
        await here.central.until(lambda: part(here, "scanner")["state"] == "lost")

    told = here.log.read_text()
    assert [word for word in (GOOD, MISREAD, "9783608939811") if word in told] == []
    assert here.process.returncode == 0


async def test_a_receipt_is_printed_once_and_missing_paper_is_said(tmp_path: Path, real_broker: Any) -> None:
    printer = EscposPrinter()
    await printer.start()
    more = (
        f'[printer]\nhost = "127.0.0.1"\nport = {printer.port}\nevery_s = 0.2\n'
        '[receipt]\nhead = ["Bücherei am Hafen"]\nprofile = "TM-T20II"'
    )
    try:
        async with library(tmp_path, real_broker, more=more) as here, page_of(here) as tab:
            shown, card = tab.locator("#screen"), VpcdCard(CARD)
            await here.central.until(lambda: part(here, "printer").get("serial"))
            assert part(here, "printer")["make"] == "EPSON"

            async def borrow_and_finish(number: int) -> None:
                await card.insert(here.cards.port(0))
                await expect(tab.locator("#headline")).to_have_text("Hallo, Greta", timeout=LONG)
                here.pad.place(book(number))
                await expect(tab.locator(".row.ok")).to_have_count(1, timeout=LONG)
                here.pad.remove(book(number).uid)
                await card.eject()
                await tab.locator("#do-finish").click()
                await expect(shown).to_have_attribute("data-screen", "goodbye", timeout=LONG)

            await borrow_and_finish(1)
            await tab.locator("#do-receipt").click()
            await expect(tab.locator("#notices")).to_contain_text("Quittung ist gedruckt", timeout=LONG)
            paper = list(printer.paper)
            await expect(shown).to_have_attribute("data-screen", "attract", timeout=LONG)

            printer.use_up()
            await here.central.until(lambda: "out" in part(here, "printer").get("seen", ""))
            await borrow_and_finish(2)
            await expect(tab.locator("#notices")).to_contain_text("kein Papier")
            await expect(tab.locator("#do-receipt")).to_have_count(0)
    finally:
        await printer.stop()

    text = "\n".join(paper)
    assert "The Hobbit" in text
    assert "bis 3. Mai" in text
    assert "Bücherei am Hafen" in text
    assert [word for word in (CARD, "Greta", "31001") if word in text] == []
    assert paper.count(CUT) == printer.paper.count(CUT) == 1
