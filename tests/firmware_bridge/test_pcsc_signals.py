"""Light and beep of card readers: the bytes of their makers, and that they never cost a card its reading."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartcard import scard

from firmware_bridge.pcsc_card import CardHealth, PcscSettings, ReaderTalk, version_of
from firmware_bridge.pcsc_signals import MODELS, Led122, led_buzzer, signals_of, text_of
from firmware_bridge.ports import CardPlaced, CardUnread, DeviceInfo
from sim.devices.pcscd import Pcscd
from sim.devices.vpcd_card import ATR_ISO14443A, VpcdCard

UID = "04A1B210250180"


@pytest.mark.parametrize(
    ("reader", "model"),
    [
        ("ACS ACR122U PICC Interface 00 00", "ACR122"),
        ("ACS ACR1252 1S CL Reader [ACR1252 Reader PICC] 01 00", "ACR1252"),
        ("ACS ACR1552 1S CL Reader [ACR1552 Reader PICC] 00 00", "ACR1552"),
        ("Identiv uTrust 3720 Contactless Reader [CCID Interface] 00 00", None),
        ("HID Global OMNIKEY 5022 Smart Card Reader 00 00", None),
        ("", None),
    ],
)
def test_a_reader_is_known_by_its_name_and_an_unknown_one_shows_nothing(
    reader: str, model: str | None
) -> None:
    found = signals_of(reader)

    assert (found.model if found else None) == model


def test_an_acr122_blinks_and_beeps_as_its_manual_says() -> None:
    accepted = led_buzzer(Led122(blink_green=True), on_100ms=2, off_100ms=1, times=1)
    refused = led_buzzer(Led122(blink_red=True), on_100ms=3, off_100ms=2, times=2)

    assert accepted.hex(" ").upper() == "FF 00 40 AC 04 02 01 01 01"
    assert refused.hex(" ").upper() == "FF 00 40 5C 04 03 02 02 01"


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_each_bit_of_the_led_state_stands_where_the_table_has_it(
    red: bool, green: bool, blink_red: bool, blink_green: bool
) -> None:
    p2 = Led122(red, green, blink_red, blink_green).p2
    bits = [bool(p2 & 1 << n) for n in range(8)]

    assert bits == [red, green, True, True, blink_red, blink_green, blink_red, blink_green]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"ACR122U214", "ACR122U214"),
        (bytes.fromhex("E10000000F") + b"ACR1252U_V100.4", "ACR1252U_V100.4"),
        (bytes.fromhex("E1000000") + b"\x13ACR1552 R FW 1.0000" + b"\x90\x00", "ACR1552 R FW 1.0000"),
        (bytes.fromhex("E1000000FF") + b"short", ""),
        (bytes.fromhex("6300"), ""),
        (bytes.fromhex("6A81"), ""),
        (b"", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_what_a_reader_says_of_itself_is_text_or_nothing(answer: bytes, text: str) -> None:
    assert text_of(answer) == text


@given(st.binary(max_size=40))
def test_no_answer_of_a_reader_is_more_than_plain_text(answer: bytes) -> None:
    text = text_of(answer)

    assert text.isascii()
    assert text == "" or text.isprintable()


def test_a_readers_version_has_major_minor_and_build() -> None:
    assert version_of(bytes.fromhex("05000204")) == "4.2.5"
    assert version_of(b"") == ""


class Reader(SimpleNamespace):
    """The PC/SC library's calls over one reader with one card; keeps what was sent."""

    def __init__(self, *, card: bytes = bytes.fromhex(UID) + b"\x90\x00", control: int = 0) -> None:
        constants = {name: getattr(scard, name) for name in dir(scard) if name.startswith("SCARD_")}
        super().__init__(**constants)
        self.card = card
        self.control = control
        self.sent: list[str] = []
        self.escaped: list[str] = []
        self.open = 0

    def SCardConnect(self, *_: object) -> tuple[int, int, int]:  # noqa: N802 - the library's name
        self.open += 1
        return 0, 7, scard.SCARD_PROTOCOL_T1

    def SCardDisconnect(self, *_: object) -> int:  # noqa: N802 - the library's name
        self.open -= 1
        return 0

    def SCardTransmit(self, _card: int, _pci: object, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802 - the library's name
        self.sent.append(bytes(command).hex().upper())
        if command[1] == 0xCA:
            return 0, list(self.card)
        return scard.SCARD_W_REMOVED_CARD, []

    def SCardControl(self, _card: int, code: int, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802 - the library's name
        assert code == scard.SCARD_CTL_CODE(1)
        self.escaped.append(bytes(command).hex().upper())
        answers = {0x18: b"ACR1252U_V100.4", 0x33: b"RR123-456"}
        text = answers.get(command[3], b"\x01")
        return self.control, [0xE1, 0, 0, 0, len(text), *text]

    def SCardGetAttrib(self, *_: object) -> tuple[int, list[int]]:  # noqa: N802 - the library's name
        return scard.SCARD_E_UNSUPPORTED_FEATURE, []

    def SCardGetErrorMessage(self, _result: int) -> str:  # noqa: N802 - the library's name
        return "gone"

    def talk(self, name: str, **settings: Any) -> ReaderTalk:
        return ReaderTalk(self, 1, name, PcscSettings(**settings), CardHealth(), lambda: 0.0)


ACR1252 = "ACS ACR1252 1S CL Reader [ACR1252 Reader PICC] 00 00"


def test_a_card_that_is_taken_is_green_with_a_short_beep_and_dark_when_it_is_gone() -> None:
    reader = Reader()
    talk = reader.talk(ACR1252)

    placed = talk.read(ATR_ISO14443A)
    talk.rest()

    assert isinstance(placed, CardPlaced)
    assert reader.escaped == ["E00000290102", "E00000280108", "E00000290100"]
    assert reader.open == 0


def test_a_card_that_is_not_one_of_ours_is_red_with_a_long_beep() -> None:
    reader = Reader()

    placed = reader.talk(ACR1252, good=lambda _: False).read(ATR_ISO14443A)

    assert isinstance(placed, CardPlaced)
    assert reader.escaped == ["E00000290101", "E00000280128"]


def test_a_card_without_a_uid_is_told_as_unknown_and_shown_as_refused() -> None:
    reader = Reader(card=b"\x6a\x81")

    found = reader.talk(ACR1252).read(ATR_ISO14443A)

    assert isinstance(found, CardUnread)
    assert found.why == "unknown"
    assert reader.escaped[:1] == ["E00000290101"]


@pytest.mark.parametrize("name", [ACR1252, "ACS ACR122U PICC Interface 00 00"])
def test_a_reader_that_cannot_show_anything_still_reads_the_card(name: str) -> None:
    reader = Reader(control=scard.SCARD_E_UNSUPPORTED_FEATURE)

    placed = reader.talk(name).read(ATR_ISO14443A)

    assert isinstance(placed, CardPlaced)
    assert placed.uid == UID
    assert reader.open == 0


@pytest.mark.parametrize(
    ("name", "settings"), [(ACR1252, {"signals": False}), ("Identiv uTrust 3720 00 00", {}), ("x", {})]
)
def test_nothing_is_sent_to_a_reader_that_is_unknown_or_told_to_be_quiet(
    name: str, settings: dict[str, Any]
) -> None:
    reader = Reader()
    talk = reader.talk(name, **settings)

    talk.read(ATR_ISO14443A)
    talk.rest()

    assert reader.escaped == []
    assert reader.sent == ["FFCA000000"]


def test_make_firmware_and_serial_number_are_asked_of_the_reader() -> None:
    reader = Reader()

    assert reader.talk(ACR1252).info() == DeviceInfo("ACS", ACR1252, "ACR1252U_V100.4", "RR123-456")
    assert reader.open == 0


def test_a_reader_that_tells_nothing_is_known_by_its_name() -> None:
    reader = Reader(control=scard.SCARD_E_UNSUPPORTED_FEATURE)

    assert reader.talk(ACR1252).info() == DeviceInfo("ACS", ACR1252)


def test_every_model_shows_both_verdicts() -> None:
    assert all(set(model.shows) == {"accepted", "refused"} for model in MODELS)


WATCH = """
import asyncio, json, sys
from contextlib import aclosing
from firmware_bridge.pcsc import PcscCardReader, PcscSettings

async def main():
    reader = PcscCardReader(PcscSettings(reader=sys.argv[1]))
    async with aclosing(reader.events()) as events:
        async for event in events:
            print(json.dumps([type(event).__name__, getattr(event, "why", "")]), flush=True)

asyncio.run(main())
"""


class Lit(VpcdCard):
    """A card on a reader that takes commands for its lights; keeps what came."""

    def __init__(self, uid: str, *, answers: bool = True) -> None:
        super().__init__(uid)
        self.answers = answers
        self.commands: list[str] = []

    def respond(self, command: bytes) -> bytes:
        self.commands.append(command.hex().upper())
        if command[:3] == bytes.fromhex("FF0040"):
            return b"\x90\x00"
        return super().respond(command) if self.answers else b"\x6a\x81"


async def told(daemon: Pcscd, reader: str) -> AsyncIterator[list[str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCH, reader,
        env=os.environ | daemon.environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            yield json.loads(line)
    finally:
        process.kill()
        await process.wait()


@pytest.mark.pcscd
async def test_behind_a_real_daemon_an_acr122_lights_up_for_a_card_and_warns_of_a_strange_one(
    tmp_path: Path,
) -> None:
    daemon = Pcscd(tmp_path / "pcscd", ("Patron Card", "ACS ACR122U"))
    await daemon.start()
    known, strange, elsewhere = Lit(UID), Lit(UID, answers=False), Lit(UID)
    try:
        async with asyncio.timeout(30), aclosing(told(daemon, "ACR122U 00 00")) as events:
            assert (await anext(events))[0] == "ReaderFound"
            await elsewhere.insert(daemon.port(0))
            await known.insert(daemon.port(0, 1))
            assert (await anext(events))[0] == "CardPlaced"
            await known.eject()
            assert (await anext(events))[0] == "CardRemoved"
            await strange.insert(daemon.port(0, 1))
            assert await anext(events) == ["CardUnread", "unknown"]
            while "FF00405C0403020201" not in strange.commands:
                await asyncio.sleep(0.01)
    finally:
        for card in (known, strange, elsewhere):
            await card.eject()
        await daemon.stop()

    assert "FF0040AC0402010101" in known.commands
    assert elsewhere.commands == []
