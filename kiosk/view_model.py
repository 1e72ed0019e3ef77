"""What stands on the kiosk's screen at one moment, as frozen values: words, glyphs, buttons.

The page makes HTML of it and decides nothing; whatever is said is said here or in `kiosk.view`.
"""

from dataclasses import dataclass
from typing import Literal

Glyph = Literal["ok", "look", "act", "gone", "rest"]
"""How a thing stands: fine, look, act, silent, resting. Never shown by colour alone."""

ScreenName = Literal[
    "attract", "reading", "lending", "returning", "goodbye", "barred", "returns-only", "closed",
    "pad-lost", "reader-lost", "unread",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Button:
    """One thing the patron can press: an action of `kiosk.visit_events.Pressed` and its words."""

    action: str
    label: str
    icon: str = ""
    value: str = ""
    style: Literal["main", "quiet", "plain"] = "plain"
    pressed: bool | None = None
    """For a switch: whether it is on."""
    lang: str = ""
    """The language of the label where it is not the page's."""


@dataclass(frozen=True, slots=True)
class RowView:
    """One item in the list: its title, what is with it in one word, and a sentence where one is needed."""

    key: str
    glyph: Glyph
    word: str
    title: str
    message: str = ""
    due: str = ""
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence beside the list."""

    glyph: Glyph
    text: str


@dataclass(frozen=True, slots=True)
class Dialog:
    """A question that stands before everything else."""

    name: Literal["warning", "locked", "help"]
    title: str
    text: tuple[str, ...]
    buttons: tuple[Button, ...]
    titles: tuple[str, ...] = ()
    seconds: int | None = None
    """A countdown, in seconds, when there is one."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One whole screen."""

    name: ScreenName
    language: str
    direction: str
    headline: str
    lead: str = ""
    picture: str = ""
    number: int | None = None
    number_words: str = ""
    stamp: str = ""
    """The due date, as stamped on a slip."""
    steps: tuple[tuple[str, str], ...] = ()
    """Pictures with a line each: what to do."""
    rows: tuple[RowView, ...] = ()
    rows_label: str = ""
    notices: tuple[Notice, ...] = ()
    buttons: tuple[Button, ...] = ()
    bar: tuple[Button, ...] = ()
    bar_label: str = ""
    fixed: tuple[Button, ...] = ()
    """Help and start over: at the same place on every screen (WCAG 3.2.6)."""
    fixed_label: str = ""
    dialog: Dialog | None = None
    text: int = 1
    look: str = "light"
    reach: bool = False
    sound: bool = True
    moment: str = ""
    """What the page says while it has no connection to the daemon."""
