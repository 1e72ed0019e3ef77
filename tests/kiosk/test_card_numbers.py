"""What a kiosk is told of a patron card is the number that the library wrote on it."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from pydantic import ValidationError

from firmware_bridge.ports import CardEvent, CardPlaced, CardRemoved, CardUnread
from kiosk.config_patron import CardSettings
from kiosk.patron_cards import NumberedCards, card_file

UID = "04A1B210250180"


class Told:
    """A reader that says a list of events."""

    def __init__(self, *events: CardEvent) -> None:
        self._events = events

    async def events(self) -> AsyncIterator[CardEvent]:
        for event in self._events:
            yield event


async def heard(settings: CardSettings, *events: CardEvent) -> list[CardEvent]:
    reader = NumberedCards(Told(*events), card_file(settings))
    async with aclosing(reader.events()) as found:  # type: ignore[type-var]  # an async generator
        return [event async for event in found]


async def test_a_card_without_settings_is_known_by_its_uid() -> None:
    assert await heard(CardSettings(), CardPlaced(UID, "card"), CardRemoved()) == [
        CardPlaced(UID, "card"), CardRemoved(),
    ]  # fmt: skip


async def test_a_number_in_the_cards_data_takes_the_place_of_its_uid() -> None:
    settings = CardSettings(number_from="blocks", first_block=4, size=8, encoding="ascii")

    told = await heard(settings, CardPlaced(UID, "card", b"P0012345"))

    assert told == [CardPlaced("P0012345", "card")]
    assert card_file(settings).wanted == 8


async def test_a_card_without_a_number_is_told_as_unread_and_the_log_does_not_hold_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = CardSettings(number_from="blocks", size=4, encoding="bcd")

    told = await heard(
        settings,
        CardPlaced(UID, "card", b"Name"),
        CardRemoved(),
        CardPlaced(UID, "card", b"\x12\x34\x56\x78"),
    )

    assert told == [CardUnread("no-number", "card"), CardPlaced("12345678", "card")]
    assert "packed digits" in caplog.text
    assert "Name" not in caplog.text


def test_a_data_file_without_a_length_is_a_wrong_configuration() -> None:
    with pytest.raises(ValidationError, match="size"):
        CardSettings(number_from="blocks")
