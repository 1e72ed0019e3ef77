"""A sheet: fixed columns over any number of rows, of which only those on the screen are ever made.

Textual's own table draws all its visible lines for each changed cell, and asks for widths over all rows.
Here a look at 5,000 stations costs what 20 lines cost: rows are keys, a line is made when it is drawn, and
only lines whose cells changed are drawn anew. A band at the left carries the choice.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from monitor.cells import Cell, Column
from monitor.theme import TOKENS
from monitor.view import follow

GAP = 2
Cells = Callable[[Any], tuple[Cell, ...]]


class Sheet(ScrollView, can_focus=True):
    """Rows under a line of titles; arrows, page keys and the mouse choose one, enter opens it."""

    DEFAULT_CSS = """
    Sheet { background: $paper; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0;
            scrollbar-background: $paper; scrollbar-color: $line; scrollbar-color-hover: $accent;
            scrollbar-color-active: $accent; scrollbar-background-hover: $paper;
            scrollbar-background-active: $paper; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "move(-1)"),
        ("down", "move(1)"),
        ("pageup", "page(-1)"),
        ("pagedown", "page(1)"),
        ("home", "move(-1000000)"),
        ("end", "move(1000000)"),
        ("enter", "open"),
    ]

    class Chosen(Message):
        """Another row is chosen."""

        def __init__(self, sheet: "Sheet", key: Any) -> None:
            super().__init__()
            self.sheet = sheet
            self.key = key

    class Opened(Chosen):
        """The chosen row shall be opened."""

    def __init__(
        self, columns: Sequence[Column], empty: str = "", *, silent: bool = False, **more: Any
    ) -> None:
        super().__init__(**more)
        self.can_focus = not silent
        self.columns = tuple(columns)
        self.empty = empty
        self.rows: list[Any] = []
        self.chosen: Any = None
        self.index = 0
        self.look = "light"
        self._cells: Cells = lambda _: ()
        self._drawn: LRUCache[int, tuple[Any, ...]] = LRUCache(400)

    def show(self, rows: list[Any], cells: Cells) -> None:
        """Show these rows; the chosen one stays chosen wherever it stands now."""
        was = self.rows
        self.rows, self._cells = rows, cells
        self.index = follow(rows, self.chosen, self.index)
        chosen = rows[self.index] if rows else None
        if chosen != self.chosen:
            self.chosen = chosen
            self.post_message(self.Chosen(self, chosen))
        if len(rows) != len(was):
            self.virtual_size = Size(self.size.width, len(rows) + 1)
            self.refresh()
            return
        for y in range(1, self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def restyle(self, look: str) -> None:
        """Take another look."""
        self.look = look
        self.refresh()

    def choose(self, index: int) -> None:
        """Choose the row at `index`, as near as there is one, and bring it into sight."""
        if not self.rows:
            return
        self.index = max(min(index, len(self.rows) - 1), 0)
        top, height = int(self.scroll_offset.y), max(self.size.height - 1, 1)
        if self.index < top:
            self.scroll_to(y=self.index, animate=False)
        elif self.index >= top + height:
            self.scroll_to(y=self.index - height + 1, animate=False)
        if self.rows[self.index] != self.chosen:
            self.chosen = self.rows[self.index]
            self.post_message(self.Chosen(self, self.chosen))
        self.refresh()

    def action_move(self, by: int) -> None:
        """Choose another row."""
        self.choose(self.index + by)

    def action_page(self, by: int) -> None:
        """Choose a row one screen away."""
        self.choose(self.index + by * max(self.size.height - 2, 1))

    def action_open(self) -> None:
        """Open the chosen row."""
        if self.chosen is not None:
            self.post_message(self.Opened(self, self.chosen))

    def on_click(self, event: events.Click) -> None:
        """Choose the row that is clicked; a click on the chosen one opens it."""
        index = int(self.scroll_offset.y) + event.y - 1
        if not self.can_focus or event.y < 1 or index >= len(self.rows):
            return
        if index == self.index:
            self.action_open()
        else:
            self.choose(index)

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)
        self.choose(self.index)

    def _line(self, y: int) -> tuple[Any, ...]:
        """Return what the line at `y` is made from."""
        index = int(self.scroll_offset.y) + y - 1
        if index >= len(self.rows):
            return ("empty",) if index == 0 else ()
        chosen = index == self.index and self.can_focus
        return ("row", chosen, *self._cells(self.rows[index]))

    def render_line(self, y: int) -> Strip:
        """Return one line; 0 is the titles."""
        tokens = TOKENS[self.look]
        paper = Style(color=tokens["ink"], bgcolor=tokens["paper"])
        width = self.size.width
        if y == 0:
            titles = tuple(Cell(column.title, "quiet") for column in self.columns)
            return self._strip(" ", titles, paper, tokens).adjust_cell_length(width, paper)
        line = self._line(y)
        self._drawn[y] = line
        if not line:
            return Strip.blank(width, paper)
        if line[0] == "empty":
            text = Segment(f" {self.empty}", Style(color=tokens["quiet"], bgcolor=tokens["paper"]))
            return Strip([text]).adjust_cell_length(width, paper)
        _, chosen, *cells = line
        style = paper + Style(bold=True) if chosen else paper
        strip = self._strip("▌" if chosen else " ", cells, style, tokens)
        return strip.adjust_cell_length(width, paper)

    def _strip(self, band: str, cells: Sequence[Cell], style: Style, tokens: dict[str, str]) -> Strip:
        segments = [Segment(band, style + Style(color=tokens["accent"]))]
        for number, (column, width) in enumerate(zip(self.columns, self._widths(), strict=True)):
            if not width:
                continue
            cell = cells[number]
            gap = Segment(" " * GAP, style) if len(segments) > 1 else Segment("", style)
            text = fit(cell.text, width, right=column.right)
            segments += [gap, Segment(text, style + Style(color=tokens[cell.colour]))]
        return Strip(segments)

    def _widths(self) -> list[int]:
        """Return the width of each column; 0 hides it. What is left over goes to the growing one."""
        screen = self.app.size.width
        widths = [column.width if screen >= column.least else 0 for column in self.columns]
        shown = [width for width in widths if width]
        left = self.size.width - 2 - sum(shown) - GAP * (len(shown) - 1)
        for number, column in enumerate(self.columns):
            if column.grow and widths[number]:
                widths[number] = min(max(widths[number] + left, 4), column.most)
        return widths


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` cells, with … where it is cut."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - cell_len(text)) + text if right else set_cell_size(text, width)
