"""What can be pressed now: the buttons of the screen that is shown, in the words of `Pressed`.

A press comes from a page that may be older than the state by one change, from a finger that pressed
twice, or from whoever found the address. So the step asks here first, and takes what the screen offers
and nothing else. A question that stands before everything (a dialog) is all there is to press.

`kiosk.view` draws the buttons; a property test compares the two for any history.
"""

from typing import assert_never

from kiosk import visit_state as s
from kiosk.visit_events import ButtonName, Pressed
from kiosk.visit_slip import offered

Press = tuple[ButtonName, str]
"""A button and the value that it is pressed with; empty where it has none."""

LOOKS: dict[str, str] = {"light": "dark", "dark": "contrast", "contrast": "light"}
"""Which look the button of the contrast brings next."""


def is_offered(kiosk: s.Kiosk, event: Pressed) -> bool:
    """Say whether the screen of this state has the button that was pressed."""
    return (event.button, event.value) in offers(kiosk)


def offers(kiosk: s.Kiosk) -> tuple[Press, ...]:
    """Return every press that the screen of this state has a button for."""
    return _dialog(kiosk) or (*_actions(kiosk), *_always(kiosk))


def other(now: bool) -> str:
    """Return what a switch is set to by pressing it; pressed twice by accident, it is still that."""
    return "off" if now else "on"


def can_return(kiosk: s.Kiosk) -> bool:
    """Say whether returns are taken here now: the pad answers, and what happens can be kept."""
    return kiosk.conditions.pad and kiosk.conditions.returns


def _dialog(kiosk: s.Kiosk) -> tuple[Press, ...]:
    if isinstance(kiosk.visit, s.Listing):
        match kiosk.visit.mood:
            case s.Warned():
                return (("more-time", ""), ("finish", ""))
            case s.Choosing():
                return (("put-back", ""), ("finish", ""))
            case s.Calm() | s.Leaving():
                pass
            case _:
                assert_never(kiosk.visit.mood)
    return (("help", "off"),) if kiosk.help_open else ()


def _actions(kiosk: s.Kiosk) -> tuple[Press, ...]:
    """Return what this screen is about."""
    match kiosk.visit:
        case s.Idle() | s.Barred():
            return (("return", ""),) if can_return(kiosk) else ()
        case s.Greeting():
            return ()
        case s.Lending(mood=mood) | s.Returning(mood=mood) if isinstance(mood, s.Leaving):
            return ()
        case s.Lending():
            return (("finish", ""),)
        case s.Returning(rows=rows):
            undecided = any(isinstance(row.stage, s.Undecided) for row in rows)
            return (("finish", ""), ("return", "")) if undecided else (("finish", ""),)
        case s.Goodbye() as goodbye:
            return (("receipt", ""), ("finish", "")) if offered(goodbye, kiosk.conditions) else ()
        case _:
            assert_never(kiosk.visit)


def _always(kiosk: s.Kiosk) -> tuple[Press, ...]:
    """Return what never moves: help, start over, and how the patron likes it."""
    c = kiosk.comfort
    return (
        ("help", "on"),
        ("start-over", ""),
        *(("language", code) for code in kiosk.rules.languages),
        ("text", str(c.text % 3 + 1)),
        ("look", LOOKS[c.look]),
        ("reach", other(c.reach)),
        ("slow", other(c.slow)),
        ("sound", other(c.sound)),
    )
