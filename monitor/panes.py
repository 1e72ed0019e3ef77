"""The four panes: fleet, station, alarms, events. Each shows a fleet, has one filter and one choice."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from monitor import cells as rows_of
from monitor import view
from monitor.cells import Cell
from monitor.fleet import Event, Key
from monitor.sheet import Sheet
from monitor.theme import GLYPHS, TOKENS
from monitor.view import Order
from wire.messages.states import FleetEntry

Shown = tuple[Sequence[str], list[list[str]]]
"""Titles and rows of what is shown, for an export."""


ALARM_FIELDS = (
    *("alarm", "station", "branch", "part", "rule", "severity", "state"),
    *("since", "seen", "why", "do", "by", "note"),
)


class Pane(Vertical):
    """One pane of the console."""

    DEFAULT_CSS = "Pane { background: $paper; } Pane Static { background: $paper; padding: 0 1; }"
    filter_text = ""
    _cells: Callable[[Any], tuple[Cell, ...]]
    """What stands in a row of the sheet, as it was shown last."""

    def show(self, order: Order, now: datetime) -> None:
        """Show the fleet of this order."""

    def shown(self) -> Shown:
        """Return what is shown, whole, not only what fits."""
        titles = [column.title or "state" for column in self.sheet.columns]
        return titles, [[cell.text for cell in self._cells(row)] for row in self.sheet.rows]

    @property
    def sheet(self) -> Sheet:
        """The sheet that has the keys."""
        return self.query(Sheet).first()


class FleetPane(Pane):
    """All stations, worst first."""

    _order: view.Order | None = None

    def compose(self) -> ComposeResult:
        """One sheet."""
        yield Sheet(rows_of.FLEET_COLUMNS, "No station yet.", id="fleet-sheet")

    def show(self, order: Order, now: datetime) -> None:
        """Show the stations."""
        fleet = order.fleet
        if self.filter_text:
            self._order = order = view.order(fleet, self.filter_text, self._order)

        def cells(key: Key) -> tuple[Cell, ...]:
            return rows_of.station_cells(fleet.stations[key], order.waiting.get(key[1], 0), now)

        self._cells = cells
        sheet = self.sheet
        sheet.empty = "No station matches." if self.filter_text else "No station yet."
        sheet.show(order.rows, cells)


class AlarmsPane(Pane):
    """All alarms, worst first; the chosen one explains itself."""

    DEFAULT_CSS = """
    AlarmsPane Sheet { height: 1fr; }
    AlarmsPane #alarm-detail { height: auto; min-height: 6; max-height: 12; padding: 1; }
    """

    def compose(self) -> ComposeResult:
        """The list and what the chosen one says."""
        yield Sheet(rows_of.ALARM_COLUMNS, "No alarm. All is well.", id="alarms-sheet")
        yield Static(id="alarm-detail", markup=False)

    def show(self, order: Order, now: datetime) -> None:
        """Show the alarms."""
        fleet = order.fleet

        def cells(key: Key) -> tuple[Cell, ...]:
            return rows_of.alarm_cells(fleet.alarms[key], now)

        self._fleet, self._now = fleet, now
        sheet = self.sheet
        sheet.empty = "No alarm matches." if self.filter_text else "No alarm. All is well."
        sheet.show(view.alarm_rows(fleet, self.filter_text), cells)
        self.explain()

    def explain(self) -> None:
        """Say what was seen, why it matters and what to do about the chosen alarm."""
        alarm = self._fleet.alarms.get(self.sheet.chosen) if self.sheet.chosen else None
        if alarm is None:
            self.query_one("#alarm-detail", Static).update("")
            return
        told = [
            f"Seen  {alarm.seen}",
            f"Why   {alarm.why}",
            f"Do    {alarm.do}",
            f"Since {alarm.since:%H:%M:%S} UTC · {alarm.station} · {alarm.branch}"
            + (f" · {alarm.part}" if alarm.part else ""),
        ]
        if alarm.by:
            told.append(f"By    {alarm.by}{': ' + alarm.note if alarm.note else ''}")
        self.query_one("#alarm-detail", Static).update("\n".join(told))

    def shown(self) -> Shown:
        """Return the alarms with their explanations."""
        fleet = self._fleet
        alarms = [fleet.alarms[key] for key in self.sheet.rows]
        titles = ALARM_FIELDS
        return titles, [[str(getattr(alarm, name)) for name in titles] for alarm in alarms]


class EventsPane(Pane):
    """What happens, newest first, in sentences; space holds it."""

    paused = False

    def compose(self) -> ComposeResult:
        """One sheet."""
        yield Sheet(rows_of.EVENT_COLUMNS, "Nothing has happened since the console was opened.", id="events")

    def show(self, order: Order, now: datetime) -> None:
        """Show the events, unless they are held."""
        if not self.paused:
            self._fleet = order.fleet

        def cells(event: Event) -> tuple[Cell, ...]:
            return rows_of.event_cells(self._fleet, event)

        self._cells = cells
        sheet = self.sheet
        if sheet.index == 0:
            sheet.chosen = None
        sheet.show(view.event_rows(self._fleet, self.filter_text), cells)


class StationPane(Pane):
    """One station: its parts, its live values with their age, the last hour of one, its last events."""

    DEFAULT_CSS = """
    StationPane #head { height: 3; }
    StationPane #parts { height: auto; max-height: 6; }
    StationPane #middle { height: 1fr; }
    StationPane #values { width: 51; }
    StationPane #history { width: 1fr; height: 100%; padding: 0 0 0 2; }
    StationPane Sparkline { height: 4; margin: 1 1 0 1; }
    StationPane Sparkline > .sparkline--max-color { color: $accent; }
    StationPane Sparkline > .sparkline--min-color { color: $accent; }
    StationPane #news { height: 5; padding: 1 1 0 1; }
    """
    key: Key | None = None
    rows: tuple[tuple[str, float], ...] = ()
    """The history that is shown: instant and value."""
    history_of: tuple[Key, str] | None = None

    def compose(self) -> ComposeResult:
        """Head, parts, values beside their history, news."""
        yield Static(id="head", markup=False)
        yield Sheet(rows_of.PART_COLUMNS, "It has not told of its parts.", id="parts", silent=True)
        with Horizontal(id="middle"):
            yield Sheet(rows_of.VALUE_COLUMNS, "No values yet.", id="values")
            with Vertical(id="history"):
                yield Static(id="history-title", markup=False)
                yield Sparkline([], summary_function=max)
                yield Static(id="history-words", markup=False)
        yield Static(id="news", markup=False)

    @property
    def sheet(self) -> Sheet:
        """The values."""
        return self.query_one("#values", Sheet)

    def entry(self, order: Order) -> FleetEntry | None:
        """Return the station that is shown; without a choice, the worst."""
        if self.key is None:
            self.key = next(iter(order.rows), None)
        return order.fleet.stations.get(self.key) if self.key else None

    def show(self, order: Order, now: datetime) -> None:
        """Show the station."""
        fleet = order.fleet
        self._entry = entry = self.entry(order)
        head = self.query_one("#head", Static)
        if entry is None:
            head.update("This station is not in the fleet." if self.key else "No station yet.")
            return
        head.update(self._head(entry, now))
        parts = self.query_one("#parts", Sheet)
        parts.styles.height = min(len(entry.parts), 5) + 1 if entry.parts else 2
        parts.show(rows_of.part_rows(entry), lambda part: rows_of.part_cells(part, now))
        names = [n for n in entry.values if not self.filter_text or view.matches(self.filter_text, n)]
        self.sheet.show(names, lambda name: rows_of.value_cells(entry, name, now))
        self._history()
        last = [e for e in fleet.events if (e.branch, e.told.station) == self.key][-4:]
        news = [f"{event.told.at:%H:%M:%S}  {view.told(fleet, event)}" for event in reversed(last)]
        self.query_one("#news", Static).update("\n".join(news) or "Nothing has happened here since.")

    def _head(self, entry: FleetEntry, now: datetime) -> Any:
        from rich.text import Text

        sign, word, colour = GLYPHS[entry.glyph]
        tokens = TOKENS[self.sheet.look]
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{sign} {word}", style=f"bold {tokens[colour]}")
        text.append(f"  {entry.name or entry.station}", style=f"bold {tokens['ink']}")
        text.append(f": {entry.word}\n", style=tokens[colour if entry.glyph != "ok" else "ink"])
        waits = f"{entry.outbox_open} facts wait" if entry.outbox_open else "nothing waits"
        if entry.outbox_oldest is not None:
            waits += f" since {view.age(entry.outbox_oldest, now)}"
        service = entry.service.replace("-", " ") + (f" ({entry.reason})" if entry.reason else "")
        text.append(f"{service} · {waits} · heard {view.age(entry.at, now)} ago\n", style=tokens["ink"])
        text.append(
            f"{entry.loans_today} lent, {entry.returns_today} back today · {entry.station} · {entry.branch}"
            f" · {entry.kind} · version {entry.version or 'unknown'}",
            style=tokens["quiet"],
        )
        return text

    def wanted(self) -> tuple[Key, str] | None:
        """Return which value's history shall be shown."""
        if self.key is None or self.sheet.chosen is None:
            return None
        return self.key, str(self.sheet.chosen)

    def history(self, of: tuple[Key, str], rows: tuple[tuple[str, float], ...], words: str) -> None:
        """Take the history of a value; `words` says why there is none."""
        if of == self.wanted():
            self.history_of, self.rows = of, rows
            self.query_one("#history-words", Static).update(words)

    def _history(self) -> None:
        title = self.query_one("#history-title", Static)
        line = self.query_one(Sparkline)
        wanted = self.wanted()
        title.update(wanted[1] if wanted else "")
        values = [value for _, value in self.rows] if wanted == self.history_of else []
        line.display = len(values) > 1
        if line.data != values:
            line.data = values

    def shown(self) -> Shown:
        """Return the values of the station."""
        if self._entry is None:
            return ("part.value", "value"), []
        values = self._entry.values
        return ("part.value", "value"), [[name, rows_of.number(values[name])] for name in self.sheet.rows]
