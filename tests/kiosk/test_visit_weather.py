"""What time, lines and devices do to a visit, told as it happens."""

import pytest
from visit_world import DUE, World

from kiosk import visit_events as e
from kiosk import visit_state as s
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


@pytest.mark.parametrize("afi", [None, 0, 0xC2])
def test_the_afi_that_is_told_is_the_one_that_was_read_back(afi: int | None) -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_one(world.waiting.pop(0))
    world.answer(world.answers.pop())
    (write,) = (effect for effect in world.waiting if isinstance(effect, e.WriteTags))
    world.waiting.clear()

    world.tell(e.WriteEnded(world.now, write.key, "verified", afi))

    assert world.waiting == [e.NoteWritten(write.key, "31001", afi)]
