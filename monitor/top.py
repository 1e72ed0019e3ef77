"""The two lines above every pane: the worst thing at the left, then where we are. Words are pure."""

from datetime import datetime

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

from monitor import view
from monitor.feed import Connection
from monitor.theme import GLYPHS, TOKENS
from monitor.view import Order

PANES = (("fleet", "1 Fleet"), ("station", "2 Station"), ("alarms", "3 Alarms"), ("events", "4 Events"))


def worst(order: Order, connection: Connection, now: datetime) -> tuple[str, str]:
    """Return the worst thing in one line, and its colour token."""
    fleet = order.fleet
    if connection.word == "away":
        why = f": {connection.why}" if connection.why else ""
        return f"✖ No broker for {view.age(connection.since, now)}; what you see is older{why}", "act"
    if connection.word == "connecting":
        return "○ Connecting to the broker", "gone"
    central = fleet.central
    if central is None:
        return "○ Central has not said anything yet", "gone"
    if central.state != "online":
        word = "lost" if central.state == "lost" else "switched off"
        return f"✖ Central is {word}; stations take returns and keep them", "act"
    return _worst_station(order)


def _worst_station(order: Order) -> tuple[str, str]:
    if not order.rows:
        return "○ No station yet", "gone"
    fleet = order.fleet
    entry = fleet.stations[order.rows[0]]
    alarm = next((fleet.alarms[key] for key in view.alarm_rows(fleet)), None)
    standing = alarm if alarm is not None and alarm.state == "unacknowledged" else None
    if entry.glyph == "act" or (entry.glyph == "look" and standing is None):
        sign, _, colour = GLYPHS[entry.glyph]
        return f"{sign} {entry.name or entry.station}: {entry.word}", colour
    if standing is not None:
        sign, _, colour = GLYPHS[standing.severity]
        return f"{sign} {standing.seen}", colour
    sign, _, colour = GLYPHS[entry.glyph]
    if entry.glyph == "ok":
        return f"{sign} All is well", colour
    return f"{sign} {entry.name or entry.station}: {entry.word}", colour


class Top(Static):
    """Two lines: the worst thing, badge and time; the panes, and how many stations carry which sign."""

    DEFAULT_CSS = "Top { height: 3; background: $paper; color: $ink; padding: 0 1; }"

    class Picked(Message):
        """A pane was clicked."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def tell(
        self, order: Order, connection: Connection, now: datetime, *, pane: str, badge: str, look: str
    ) -> None:
        """Write both lines."""
        tokens, width = TOKENS[look], self.app.size.width - 2
        text, colour = worst(order, connection, now)
        right = f"{badge}  {now:%H:%M:%S}"
        line = Text(no_wrap=True)
        line.append(text, style=f"bold {tokens[colour]}")
        line.truncate(width - len(right) - 2, overflow="ellipsis", pad=True)
        line.append("  " + right, style=tokens["quiet"])
        self.update(Text("\n").join([line, self._panes(order, pane, tokens, width)]))

    def _panes(self, order: Order, pane: str, tokens: dict[str, str], width: int) -> Text:
        new = sum(1 for alarm in order.fleet.alarms.values() if alarm.state == "unacknowledged")
        line, self._spans = Text(no_wrap=True), []
        for name, title in PANES:
            shown = f"{title} ({new})" if name == "alarms" and new else title
            start = len(line)
            style = f"bold underline {tokens['accent']}" if name == pane else tokens["quiet"]
            line.append(shown, style=style)
            self._spans.append((start, len(line), name))
            line.append("   ")
        tally = Text()
        for glyph, count in order.counts.items():
            if count:
                sign, word, colour = GLYPHS[glyph]
                said = f"{sign} {count} {word}" if width >= 98 else f"{sign} {count}"
                tally.append(("  " if tally else "") + said, style=tokens[colour])
        line.append(" " * max(width - len(line) - len(tally), 1))
        return line + tally

    _spans: list[tuple[int, int, str]] = []  # noqa: RUF012 - replaced whole, never changed

    def on_click(self, event: events.Click) -> None:
        """Go to the pane whose name is clicked."""
        for start, end, name in self._spans:
            if event.y == 1 and start <= event.x - 1 < end:
                self.post_message(self.Picked(name))
