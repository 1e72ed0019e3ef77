"""A receipt is offered at the end, printed once, and never claimed when it is not surely out."""

from dataclasses import replace
from datetime import date
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from visit_world import DUE, World

from firmware_bridge.receipt import laid_out
from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.config_patron import ReceiptSettings
from kiosk.receipt_words import receipt
from kiosk.view import screen
from kiosk.visit_slip import SlipLine
from kiosk.words import words

READY = s.Conditions(receipt="ready")
OUTCOMES: list[Literal["printed", "unfinished", "paper-out", "away"]] = [
    "printed", "unfinished", "paper-out", "away",
]  # fmt: skip


def ended(conditions: s.Conditions = READY, *, back: bool = False) -> World:
    """Return a world whose patron has borrowed (or returned) a book and finished."""
    world = World(kiosk=s.Kiosk(conditions=conditions))
    if back:
        world.tell(e.Pressed(world.now, "return"))
    else:
        world.card()
    world.lay("31001")
    world.now += 3
    world.tell(e.Tick(world.now))
    world.settle()
    world.tell(e.TitleKnown(world.now, "31001", "The Hobbit"))
    world.lift("31001")
    world.take_card()
    world.tell(e.Pressed(world.now, "finish"))
    return world


def goodbye(world: World) -> s.Goodbye:
    assert isinstance(world.kiosk.visit, s.Goodbye)
    return world.kiosk.visit


def ask(world: World) -> list[e.PrintReceipt]:
    world.waiting.clear()
    world.tell(e.Pressed(world.now, "receipt"))
    return [one for one in world.waiting if isinstance(one, e.PrintReceipt)]


@pytest.mark.parametrize("back", [False, True])
def test_who_borrowed_or_returned_is_offered_a_receipt(back: bool) -> None:
    world = ended(back=back)

    shown = screen(world.kiosk, world.now)

    assert [button.action for button in shown.buttons] == ["receipt", "finish"]
    kind = "returned" if back else "lent"
    assert goodbye(world).slip == (SlipLine(kind, "31001", "The Hobbit", None if back else DUE),)


def test_nothing_personal_of_it_is_on_the_screen() -> None:
    shown = repr(screen(ended().kiosk, 0))

    assert "Hobbit" not in shown
    assert "31001" not in shown


@pytest.mark.parametrize("receipt_state", ["none", "paper-out", "away"])
def test_where_none_can_be_printed_none_is_offered_and_no_title_is_kept(
    receipt_state: Literal["none", "paper-out", "away"],
) -> None:
    world = ended(s.Conditions(receipt=receipt_state))

    shown = screen(world.kiosk, world.now)

    assert shown.buttons == ()
    assert goodbye(world).slip == ()
    said = {"none": "", "paper-out": "no paper", "away": "does not work"}[receipt_state]
    assert said in " ".join(notice.text for notice in shown.notices)
    assert bool(shown.notices) == bool(said)
    assert ask(world) == []


def test_it_is_printed_once_however_often_the_button_is_pressed() -> None:
    world = ended()

    first, second = ask(world), ask(world)

    assert [len(first), len(second)] == [1, 0]
    assert first[0].slip == (SlipLine("lent", "31001", "The Hobbit", DUE),)
    assert goodbye(world).slip == ()


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_became_of_it_is_said_and_only_a_sure_print_is_called_printed(
    outcome: Literal["printed", "unfinished", "paper-out", "away"],
) -> None:
    world = ended()
    [asked] = ask(world)
    world.now += 2

    world.tell(e.ReceiptEnded(world.now, asked.key, outcome))
    shown = screen(world.kiosk, world.now)
    said = " ".join(notice.text for notice in shown.notices)

    assert ("is printed" in said) == (outcome == "printed")
    assert ("recorded all the same" in said) == (outcome != "printed")
    assert shown.buttons == ()
    assert world.sounds[-1] == ("done" if outcome == "printed" else "look")
    assert ask(world) == []


def test_the_outcome_of_somebody_elses_receipt_changes_nothing() -> None:
    world = ended()
    [asked] = ask(world)
    world.card("PAT-7002")
    before = world.kiosk

    world.tell(e.ReceiptEnded(world.now, asked.key, "printed"))

    assert world.kiosk == before


def test_the_next_patrons_card_takes_the_receipt_away() -> None:
    world = ended()

    world.card("PAT-7002")

    assert "The Hobbit" not in repr(world.kiosk)
    assert isinstance(world.kiosk.visit, s.Lending)
    assert ask(world) == []


@pytest.mark.parametrize(
    ("printing", "slow", "seconds"),
    [("no", False, 12.0), ("no", True, 36.0), ("printed", False, 12.0), ("asked", False, 30.0)],
)
def test_the_offer_and_its_outcome_stand_long_enough_and_not_for_ever(
    printing: Literal["no", "printed", "asked"], slow: bool, seconds: float
) -> None:
    world = ended()
    bye = replace(goodbye(world), printing=printing, since=100.0)
    world.kiosk = replace(world.kiosk, visit=bye, comfort=replace(world.kiosk.comfort, slow=slow))

    world.tell(e.Tick(100.0 + seconds - 0.1))
    still = world.kiosk.visit
    world.tell(e.Tick(100.0 + seconds))

    assert isinstance(still, s.Goodbye)
    assert isinstance(world.kiosk.visit, s.Idle)


def test_who_wants_none_is_gone_at_once() -> None:
    world = ended()

    world.tell(e.Pressed(world.now, "finish"))

    assert isinstance(world.kiosk.visit, s.Idle)


LINES = st.builds(
    SlipLine,
    st.sampled_from(("lent", "renewed", "returned")),
    st.from_regex(r"[0-9]{5,14}", fullmatch=True),
    st.none() | st.text(min_size=1, max_size=90),
    st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1)),
)


@given(st.lists(LINES, max_size=12).map(tuple), st.sampled_from(("en", "de")), st.integers(20, 64))
def test_every_item_has_its_line_in_any_language_and_on_any_paper(
    slip: tuple[SlipLine, ...], language: str, columns: int
) -> None:
    settings = ReceiptSettings(head=("The library",), foot=("Good bye",))

    paper = receipt(words(language), settings, slip, date(2027, 4, 5))

    heads = len({one.kind for one in slip})
    assert len(paper.lines) == 1 + 3 + 2 * heads + len(slip) + 1
    assert all(len(row.text) <= columns for row in laid_out(paper, columns))


@pytest.mark.parametrize(("items", "said"), [("title", "The Hobbit"), ("number", "…1001"), ("none", "")])
def test_how_much_of_an_item_is_said_is_the_librarys_choice(
    items: Literal["title", "number", "none"], said: str
) -> None:
    slip = (SlipLine("lent", "31001", "The Hobbit", DUE),)

    text = " ".join(
        f"{line.text} {line.right}"
        for line in receipt(words("en"), ReceiptSettings(items=items), slip, date(2027, 4, 5)).lines
    )

    assert said in text
    assert "until 3 May" in text
    assert "31001" not in text
    assert ("Hobbit" in text) == (items == "title")
