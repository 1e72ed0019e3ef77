"""The console's few questions and its help: each a sheet over the screen that escape puts away."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

HELP = """\
The same keys do the same on every screen.

1 2 3 4     fleet, one station, alarms, events
↑ ↓ enter   choose, open            esc  one step back
/           filter: words, !word without it
space       hold the events         t    another face
a  s        acknowledge, shelve an alarm (with --operate)
e           export what is shown    q    quit

Signs, worst first
✖ act       somebody must go there now
▲ look      have a look today
○ silent    no news; what is shown is old
‖ resting   switched off or put aside
● fine      all is well

A number with an age after it is older than it should be."""

SHELVES = (("15 minutes", 15), ("1 hour", 60), ("8 hours", 480))

CSS = """
ModalScreen { align: center middle; background: $paper 60%; }
ModalScreen > Vertical { width: 66; max-width: 96%; height: auto; max-height: 96%;
    background: $paper; border: solid $line; padding: 0 2; }
ModalScreen Static { background: $paper; color: $ink; }
ModalScreen Input, ModalScreen Input:focus { background: $paper; background-tint: transparent 0%;
    color: $ink; border: none; height: 1; margin: 1 0; padding: 0; }
ModalScreen OptionList, ModalScreen OptionList:focus { background: $paper; background-tint: transparent 0%;
    color: $ink; border: none; height: auto; margin: 1 0; padding: 0; }
ModalScreen OptionList > .option-list--option-highlighted { background: $accent; color: $paper; }
ModalScreen Static.hint { color: $quiet; }
"""
"""For the app's style sheet: a screen's own would not reach the screen itself."""


class HelpScreen(ModalScreen[None]):
    """What the keys and the signs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,question_mark,enter", "dismiss"),
        ("q", "app.quit"),
    ]

    def compose(self) -> ComposeResult:
        """One page."""
        with Vertical():
            yield Static(HELP, markup=False)


class AskNote(ModalScreen[str | None]):
    """Asks for a note; None when it was put away."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)")]

    def __init__(self, title: str, effect: str) -> None:
        super().__init__()
        self._title = title
        self._effect = effect

    def compose(self) -> ComposeResult:
        """What will be done, and a line to write."""
        with Vertical():
            yield Static(self._title, markup=False)
            yield Static(self._effect, classes="hint", markup=False)
            yield Input(placeholder="a note for your colleagues, or nothing", max_length=200)
            yield Static("enter does it · esc leaves it", classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the note."""
        self.dismiss(event.value.strip())


class Pick(ModalScreen[str | None]):
    """Asks for one of a few answers; None when it was put away."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)")]

    def __init__(self, title: str, choices: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        with Vertical():
            yield Static(self._title, markup=False)
            yield OptionList(*(Option(text, id=value) for value, text in self._choices))
            yield Static("enter takes it · esc leaves it", classes="hint", markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the answer."""
        self.dismiss(event.option_id)
