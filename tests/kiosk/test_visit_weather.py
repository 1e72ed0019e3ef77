"""What time, lines and devices do to a visit, told as it happens."""

from dataclasses import replace

import pytest
from visit_world import DUE, World

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.daemon_kiosk import room_of
from kiosk.view import screen
from kiosk.visit import step
from wire.messages.asks import Account
from wire.messages.stream import Refusal

LENT = s.Lent(DUE)


def test_without_central_borrowing_is_not_possible_but_waits_for_it() -> None:
    world = World()
    world.card()
    world.tell(e.ConditionsChanged(world.now, s.Conditions(lending=False)))
    world.lay("31001")
    assert s.NotNow() == world.stage("31001")

    world.tell(e.ConditionsChanged(world.now, s.Conditions()))
    world.settle()

    assert world.stage("31001") == LENT


def test_without_central_a_card_is_told_so_plainly() -> None:
    world = World(kiosk=s.Kiosk(conditions=s.Conditions(lending=False)))
    world.tell(e.CardPlaced(0, "PAT-7001", "v1"))
    world.tell(e.AccountSaid(0, "v1", None))

    refusal = Refusal(code="not-now", next_step="try-later")
    assert s.Barred(refusal, 0, s.NextCard("v1", "PAT-7001")) == world.kiosk.visit

    world.wait(20)

    assert isinstance(world.kiosk.visit, s.Idle)
    assert "PAT-7001" not in repr(world.kiosk)


def test_a_card_that_waits_for_central_is_greeted_when_it_is_back() -> None:
    world = World(kiosk=s.Kiosk(conditions=s.Conditions(lending=False)))
    world.tell(e.CardPlaced(0, "PAT-7001", "v1"))
    world.tell(e.AccountSaid(0, "v1", None))
    world.tell(e.ConditionsChanged(5, s.Conditions()))
    world.settle()

    assert isinstance(world.kiosk.visit, s.Lending)


def test_a_card_that_was_taken_away_meanwhile_is_not() -> None:
    world = World(kiosk=s.Kiosk(conditions=s.Conditions(lending=False)))
    world.tell(e.CardPlaced(0, "PAT-7001", "v1"))
    world.tell(e.AccountSaid(0, "v1", None))
    world.tell(e.CardRemoved(3))
    world.tell(e.ConditionsChanged(5, s.Conditions()))

    assert isinstance(world.kiosk.visit, s.Barred)


def test_a_card_that_nobody_knows_does_not_wait_for_central() -> None:
    world = World()
    world.tell(e.CardPlaced(0, "PAT-7001", "v1"))
    world.carry_out(account=Account(ask="a", known=False))
    world.tell(e.ConditionsChanged(3, s.Conditions(lending=False)))
    world.tell(e.ConditionsChanged(5, s.Conditions()))

    assert isinstance(world.kiosk.visit, s.Barred)


def test_a_card_nobody_knows_is_told_so() -> None:
    world = World()
    world.tell(e.CardPlaced(0, "PAT-7001", "v1"))
    world.carry_out(account=Account(ask="a", known=False))

    assert s.Barred(Refusal(code="unknown-card"), 0) == world.kiosk.visit


def test_a_full_outbox_lends_nothing_and_says_so() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.waiting.clear()
    world.tell(e.Requested(world.now, "v1", "31001", ""))

    assert s.NotLent("full") == world.stage("31001")


def test_a_lost_pad_withdraws_what_was_asked_and_asks_anew_when_it_is_back() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.tell(e.ConditionsChanged(world.now, s.Conditions(pad=False)))
    world.carry_out()
    assert s.NotLent("removed") == world.stage("31001")

    world.tell(e.ConditionsChanged(world.now, s.Conditions()))
    world.settle()

    assert world.stage("31001") == LENT


def test_after_seventy_five_quiet_seconds_the_patron_is_asked_and_after_thirty_more_forgotten() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle()
    world.wait(74.9)
    assert s.Calm() == world.kiosk.visit.mood

    world.wait(0.2)
    assert isinstance(world.kiosk.visit.mood, s.Warned)
    world.press("more-time")
    assert s.Calm() == world.kiosk.visit.mood

    world.wait(75.1 + 30)
    assert isinstance(world.kiosk.visit, s.Goodbye)
    world.wait(5)
    assert isinstance(world.kiosk.visit, s.Idle)


def test_more_time_can_be_had_ten_times_and_more() -> None:
    world = World()
    world.card()
    for _ in range(12):
        world.wait(80)
        assert isinstance(world.kiosk.visit.mood, s.Warned)
        world.press("more-time")

    assert isinstance(world.kiosk.visit, s.Lending)


def test_the_clock_stands_still_while_work_is_in_flight() -> None:
    world = World(kiosk=s.Kiosk(rules=s.Rules(wait_s=500)))
    world.card()
    world.lay("31001")
    world.carry_out()
    world.wait(200)

    assert s.Calm() == world.kiosk.visit.mood


def test_who_has_taken_books_and_card_is_asked_sooner() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle()
    world.lift("31001")
    world.take_card()
    world.wait(20.1)

    assert isinstance(world.kiosk.visit.mood, s.Warned)


def test_slow_mode_waits_three_times_as_long() -> None:
    world = World()
    world.card()
    world.press("slow", "on")
    world.wait(220)
    assert s.Calm() == world.kiosk.visit.mood

    world.wait(10)
    assert isinstance(world.kiosk.visit.mood, s.Warned)


def test_what_a_patron_chose_is_forgotten_with_the_visit() -> None:
    world = World()
    world.press("language", "de")
    world.press("text", "2")
    world.press("text", "3")
    world.press("look", "dark")
    world.press("look", "contrast")
    world.card()
    assert s.Comfort(language="de", text=3, look="contrast") == world.kiosk.comfort

    world.press("start-over")

    assert s.Comfort() == world.kiosk.comfort
    assert isinstance(world.kiosk.visit, s.Idle)


def test_a_language_left_alone_on_the_first_screen_goes_back_by_itself() -> None:
    world = World()
    world.press("language", "de")
    world.wait(76)

    assert s.Comfort() == world.kiosk.comfort


def test_help_opens_over_any_screen_and_closes_again() -> None:
    world = World()
    world.press("help", "on")
    assert world.kiosk.help_open
    world.press("help", "off")
    assert not world.kiosk.help_open


CLOSED = s.Conditions(lending=False, returns=False)


@pytest.mark.parametrize(
    ("kiosk", "button", "value"),
    [
        (s.Kiosk(conditions=CLOSED), "return", ""),
        (s.Kiosk(conditions=s.Conditions(pad=False)), "return", ""),
        (s.Kiosk(visit=s.Goodbye(0.0, lent=1)), "return", ""),
        (s.Kiosk(visit=s.Barred(Refusal(code="card-expired"), 0.0), conditions=CLOSED), "return", ""),
        (s.Kiosk(visit=s.Returning()), "return", ""),
        (s.Kiosk(visit=s.Lending("v1", "PAT-7001", "Greta", mood=s.Warned(0.0))), "start-over", ""),
        (s.Kiosk(visit=s.Greeting("v1", "PAT-7001")), "finish", ""),
        (s.Kiosk(help_open=True), "return", ""),
        (s.Kiosk(), "language", "fr"),
        (s.Kiosk(), "text", "3"),
    ],
)
def test_a_button_that_is_not_on_the_screen_does_nothing(kiosk: s.Kiosk, button: str, value: str) -> None:
    assert step(kiosk, e.Pressed(3.0, button, value)) == (kiosk, ())


@pytest.mark.parametrize("conditions", [CLOSED, s.Conditions(pad=False)])
def test_who_may_not_borrow_is_not_sent_to_returns_that_are_closed(conditions: s.Conditions) -> None:
    shown = screen(s.Kiosk(visit=s.Barred(Refusal(code="card-expired"), 0.0), conditions=conditions), 1.0)

    assert (shown.buttons, shown.notices) == ((), ())


LITTLE = s.Conditions(lending=False, room="little")
NO_ROOM = s.Conditions(lending=False, returns=False, room="none")
NEEDS_STAFF = {"en": "The staff must look at", "de": "Das Personal muss"}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "kiosk",
    [
        s.Kiosk(conditions=LITTLE),
        s.Kiosk(conditions=NO_ROOM),
        s.Kiosk(conditions=LITTLE, visit=s.Lending("v1", "PAT-7001", "Greta")),
        s.Kiosk(conditions=LITTLE, visit=s.Barred(Refusal(code="station-needs-staff", next_step="none"), 0)),
    ],
)
def test_a_station_that_cannot_keep_much_more_asks_for_the_staff(kiosk: s.Kiosk, language: str) -> None:
    shown = screen(replace(kiosk, comfort=s.Comfort(language=language)), 1.0)
    said = " ".join((shown.lead, *(notice.text for notice in shown.notices)))

    assert NEEDS_STAFF[language] in said
    assert "records" not in said


def test_a_card_at_a_station_that_cannot_keep_much_more_is_sent_to_the_staff() -> None:
    world = World(kiosk=s.Kiosk(conditions=LITTLE))
    world.tell(e.CardPlaced(0.0, "PAT-7001", "v1"))
    world.tell(e.AccountSaid(0.1, "v1", None))

    assert isinstance(world.kiosk.visit, s.Barred)
    assert world.kiosk.visit.refusal == Refusal(code="station-needs-staff", next_step="none")


@pytest.mark.parametrize(
    ("fill", "room"),
    [(0.0, "enough"), (0.79, "enough"), (0.8, "little"), (0.97, "little"), (0.98, "none"), (1.0, "none")],
)
def test_the_room_that_patrons_are_told_of_is_that_of_the_outbox(fill: float, room: str) -> None:
    assert room_of(fill) == room
