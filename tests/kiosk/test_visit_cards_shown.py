"""A card that is scanned begins a visit as one on the reader does; one that cannot be read is told in words."""

from typing import get_args, get_type_hints

import pytest
from visit_world import World

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.view import screen
from kiosk.view_cards import unread_words
from kiosk.visit_rules import Unread
from kiosk.words import words

WHYS = get_args(get_type_hints(Unread)["why"])
SCANS = s.Conditions(scanner=True)


def scan(world: World, card: str = "PAT-7001") -> None:
    world.tell(e.CardScanned(world.now, card, f"v{next(world.ids)}"))
    world.carry_out()


def test_a_scanned_card_begins_a_visit_and_books_are_lent() -> None:
    world = World(kiosk=s.Kiosk(conditions=SCANS))

    scan(world)
    world.lay("31001")
    world.settle()

    assert isinstance(world.kiosk.visit, s.Lending)
    assert isinstance(world.kiosk.visit.rows[0].stage, s.Lent)
    assert not world.kiosk.card_lies


def test_another_scanned_card_hands_over_to_the_next_patron() -> None:
    world = World(kiosk=s.Kiosk(conditions=SCANS))
    scan(world)

    scan(world, "PAT-7002")

    assert isinstance(world.kiosk.visit, s.Lending)
    assert world.kiosk.visit.card == "PAT-7002"


def test_the_same_card_scanned_again_changes_nothing_of_the_visit() -> None:
    world = World(kiosk=s.Kiosk(conditions=SCANS))
    scan(world)
    before = world.kiosk.visit

    scan(world)

    assert world.kiosk.visit == before


@pytest.mark.parametrize("why", WHYS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_what_was_seen_of_a_card_and_what_to_do_stand_on_the_screen(why: str, language: str) -> None:
    world = World(kiosk=s.Kiosk(conditions=SCANS, comfort=s.Comfort(language=language)))

    world.tell(e.CardUnread(world.now, why))  # type: ignore[arg-type]  # every one of them
    shown = screen(world.kiosk, world.now)

    seen, do = unread_words(words(language), s.Unread(why, 0))  # type: ignore[arg-type]  # every one of them
    assert (shown.name, shown.headline, shown.lead) == ("unread", seen, do)
    assert world.sounds == ["look"]
    if language == "de":
        assert (seen, do) != unread_words(words("en"), s.Unread(why, 0))  # type: ignore[arg-type]  # as above


def test_a_card_that_is_read_after_all_takes_the_sentence_away() -> None:
    world = World()
    world.tell(e.CardUnread(world.now, "silent"))

    world.card()

    assert world.kiosk.unread is None
    assert screen(world.kiosk, world.now).name == "lending"


@pytest.mark.parametrize(("slow", "seconds"), [(False, 15.0), (True, 45.0)])
def test_the_sentence_goes_by_itself_later_for_who_asked_for_more_time(slow: bool, seconds: float) -> None:
    world = World(kiosk=s.Kiosk(comfort=s.Comfort(slow=slow)))
    world.tell(e.CardUnread(0, "silent"))

    world.tell(e.Tick(seconds - 0.1))
    still = world.kiosk.unread
    world.tell(e.Tick(seconds))

    assert still is not None
    assert world.kiosk.unread is None


def test_start_over_takes_the_sentence_away() -> None:
    world = World()
    world.tell(e.CardUnread(world.now, "silent"))

    world.tell(e.Pressed(world.now, "start-over"))

    assert world.kiosk.unread is None


def test_a_card_that_cannot_be_read_disturbs_no_visit() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle()
    before = world.kiosk.visit

    world.tell(e.CardUnread(world.now, "no-number"))
    shown = screen(world.kiosk, world.now)

    assert isinstance(before, s.Lending)
    assert isinstance(world.kiosk.visit, s.Lending)
    assert world.kiosk.visit.rows == before.rows
    assert shown.name == "lending"
    assert shown.notices[0].text == "There is no library number on this card."


def test_where_nothing_is_lent_the_screen_says_that_first() -> None:
    world = World(kiosk=s.Kiosk(conditions=s.Conditions(lending=False)))

    world.tell(e.CardUnread(world.now, "silent"))

    assert screen(world.kiosk, world.now).name == "returns-only"


@pytest.mark.parametrize(
    ("reader", "scanner", "picture", "words_of_the_step"),
    [
        (True, False, "card", "To borrow, lay your card on the reader."),
        (True, True, "card-or-scan", "To borrow, lay your card on the reader or scan it."),
        (False, True, "scan", "To borrow, scan your card."),
    ],
)
def test_the_first_screen_says_and_shows_what_this_kiosk_can_do_with_a_card(
    reader: bool, scanner: bool, picture: str, words_of_the_step: str
) -> None:
    shown = screen(s.Kiosk(conditions=s.Conditions(reader=reader, scanner=scanner)), 0)

    assert dict(shown.steps)[picture] == words_of_the_step


def test_without_reader_and_scanner_cards_cannot_be_read() -> None:
    assert screen(s.Kiosk(conditions=s.Conditions(reader=False)), 0).name == "reader-lost"
