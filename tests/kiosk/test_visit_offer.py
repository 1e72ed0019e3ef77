"""What the screen offers and says when little works: presses that count, and where it sends patrons."""

from dataclasses import replace

import pytest
from visit_world import World

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.daemon_kiosk import room_of
from kiosk.view import screen
from kiosk.visit import step
from wire.messages.stream import Refusal

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
