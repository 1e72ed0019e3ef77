"""The reader of patron cards as a kiosk is configured: what it says of a card is the card's number.

A card that does not hold a number where the configuration looks is told as unread: it is logged with its
reason, never with what was read, and its removal is not told.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from firmware_bridge.card_number import CardFile, CardRefused, number
from firmware_bridge.pcsc import CardHealth, PcscCardReader, PcscSettings
from firmware_bridge.ports import CardEvent, CardPlaced, CardReader, CardRemoved, CardUnread
from kiosk.config_patron import CardSettings

log = logging.getLogger("turnleaf.kiosk.patron_cards")


def card_file(settings: CardSettings) -> CardFile:
    """Return where the number stands on a card, as it is configured."""
    return CardFile(
        source=settings.number_from,
        first=settings.first_block,
        length=settings.length,
        offset=settings.offset,
        size=settings.size,
        encoding=settings.encoding,
        strip=settings.strip,
        digits=settings.digits,
    )


def patron_cards(settings: CardSettings) -> CardReader:
    """Return the card reader of a station over PC/SC."""
    file = card_file(settings)

    def good(placed: CardPlaced) -> bool:
        return not isinstance(number(file, placed.data, placed.uid), CardRefused)

    wanted = PcscSettings(settings.reader, file.wanted, file.first, settings.signals, good)
    return NumberedCards(PcscCardReader(wanted), file)


class NumberedCards:
    """`CardReader` whose cards carry their number in the place of the UID."""

    def __init__(self, reader: CardReader, file: CardFile) -> None:
        self._reader = reader
        self._file = file

    @property
    def health(self) -> CardHealth:
        """The reader's counters; none for a reader that has none."""
        found = getattr(self._reader, "health", None)
        return found if isinstance(found, CardHealth) else CardHealth()

    async def events(self) -> AsyncIterator[CardEvent]:
        """Yield what happens, for ever; a card without a number is unread."""
        refused = False
        async with aclosing(self._reader.events()) as events:  # type: ignore[type-var]  # an async generator
            async for event in events:
                match event:
                    case CardPlaced(uid=uid, data=data):
                        found = number(self._file, data, uid)
                        refused = isinstance(found, CardRefused)
                        if isinstance(found, CardRefused):
                            log.warning("a card holds no number: %s", found.reason)
                            yield CardUnread("no-number", event.kind)
                        else:
                            yield replace(event, uid=found, data=b"")
                    case CardRemoved() if refused:
                        refused = False
                    case _:
                        yield event
