"""The console: a thin view over a fleet that is folded elsewhere.

Twice a second it takes what arrived, folds it and gives the fleet to the pane that is shown; nothing else
moves. It changes nothing unless it was started to operate, and says what it asks of central.
"""

from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Input, Static

from monitor import actions, cells, view
from monitor.dialogs import CSS, HelpScreen
from monitor.feed import Batch, Feed, apply
from monitor.fleet import Fleet, Key
from monitor.panes import AlarmsPane, EventsPane, FleetPane, Pane, StationPane
from monitor.sheet import Sheet
from monitor.theme import LOOKS, theme
from monitor.top import Top
from wire.clock import Clock
from wire.errors import LinkError, TurnleafError

FLUSH_S = 0.4
"""Between two looks at what arrived: about 2.5 a second, whatever arrives."""
HISTORY_S = 30.0
"""After this the shown history is asked for anew."""

KEYS = "/ filter   ? help   esc back   e export   q quit"
ALARM_KEYS = "a acknowledge   s shelve   "


class Console(App[int]):
    """The app. `feed` is where the fleet comes from, `clock` what the time is."""

    TITLE = "Turnleaf"
    ENABLE_COMMAND_PALETTE = False
    CSS = (
        """
    Screen { background: $paper; color: $ink; }
    ContentSwitcher { height: 1fr; background: $paper; }
    #keys { height: 1; background: $paper; color: $quiet; padding: 0 1; }
    #filter { height: 1; border: none; background: $paper; color: $ink; padding: 0 1; display: none; }
    #filter:focus { border: none; background-tint: transparent 0%; }
    Toast { background: $paper; color: $ink; border: solid $line; padding: 0 1; }
    """
        + CSS
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "pane('fleet')"),
        Binding("2", "pane('station')"),
        Binding("3", "pane('alarms')"),
        Binding("4", "pane('events')"),
        Binding("slash", "filter"),
        Binding("question_mark", "help"),
        Binding("escape", "back"),
        Binding("space", "hold"),
        Binding("a", "acknowledge"),
        Binding("s", "shelve"),
        Binding("e", "export"),
        Binding("t", "look"),
        Binding("q", "quit"),
    ]

    def __init__(
        self, feed: Feed, clock: Clock, *, operate: bool = False, look: str = "light", exports: Path = Path()
    ) -> None:
        super().__init__()
        self.feed = feed
        self.clock = clock
        self.operate = operate
        self.exports = exports
        self.fleet = Fleet()
        self.order = view.order(self.fleet)
        self._second = ""
        self.look = look
        self.trouble: TurnleafError | None = None
        """Why the console ended by itself."""
        self._history_at: tuple[tuple[Key, str], int] | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the tokens, so that the style sheet may name them in every theme."""
        return theme("light").variables

    def compose(self) -> ComposeResult:
        """Top, the four panes, the line of keys."""
        yield Top()
        with ContentSwitcher(initial="fleet"):
            yield FleetPane(id="fleet")
            yield StationPane(id="station")
            yield AlarmsPane(id="alarms")
            yield EventsPane(id="events")
        yield Input(id="filter", placeholder="words to find; !word leaves it out")
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Put on the face, begin to read and to show."""
        for look in LOOKS:
            self.register_theme(theme(look))
        self._wear()
        self.run_worker(self._read(), name="feed", exit_on_error=False)
        self.set_interval(FLUSH_S, self.tick)
        self.flush()
        self.pane.sheet.focus()

    async def _read(self) -> None:
        try:
            await self.feed.run()
        except* TurnleafError as group:
            found = group.exceptions[0]
            self.trouble = found if isinstance(found, TurnleafError) else None
            self.exit(return_code=2)

    @property
    def pane(self) -> Pane:
        """The pane that is shown."""
        shown = self.query_one(ContentSwitcher).visible_content
        assert isinstance(shown, Pane)
        return shown

    def tick(self) -> None:
        """Show what arrived; when nothing did, only the clock goes on, once a second."""
        batch = self.feed.take()
        second = f"{self.clock.now():%H:%M:%S} {self.feed.connection.word}"
        if batch != Batch() or second != self._second:
            self._second = second
            self.fleet = apply(self.fleet, batch)
            self.flush()

    def flush(self) -> None:
        """Fold what arrived and show it."""
        self.fleet = apply(self.fleet, self.feed.take())
        if self.is_running and not self._exit:
            self.order = view.order(self.fleet, old=self.order)
            self._show()
            self._ask_history()

    def _show(self) -> None:
        now, base = self.fleet.here(self.clock.now()), self.screen_stack[0]
        switcher = base.query_one(ContentSwitcher)
        pane = switcher.visible_content
        assert isinstance(pane, Pane)
        pane.show(self.order, now)
        badge = "can operate" if self.operate else "read only"
        held = self.query_one(EventsPane).paused if pane.id == "events" else False
        base.query_one(Top).tell(
            self.order,
            self.feed.connection,
            now,
            pane=pane.id or "",
            badge="held" if held else badge,
            look=self.look,
        )
        keys = KEYS if pane.id != "alarms" or not self.operate else ALARM_KEYS + KEYS
        if pane.id == "events":
            missed = f"{self.fleet.missed} missed   " if self.fleet.missed else ""
            keys = f"{missed}space {'go on' if held else 'hold'}   {keys}"
        if pane.filter_text:
            keys = f"filter: {pane.filter_text}   {keys}"
        base.query_one("#keys", Static).update(keys)

    def _wear(self) -> None:
        self.theme = f"turnleaf-{self.look}"
        for sheet in self.screen_stack[0].query(Sheet):
            sheet.restyle(self.look)

    def action_pane(self, name: str) -> None:
        """Show another pane."""
        if self._modal():
            return
        self.query_one(ContentSwitcher).current = name
        if name == "station":
            chosen = self.query_one(FleetPane).sheet.chosen
            station = self.query_one(StationPane)
            station.key = station.key or chosen
        self._line(open_it=False)
        self.pane.sheet.focus()
        self.flush()

    def on_top_picked(self, event: Top.Picked) -> None:
        """Show the pane that was clicked."""
        self.action_pane(event.pane)

    def on_sheet_opened(self, event: Sheet.Opened) -> None:
        """Open the station of the chosen row."""
        match self.pane.id:
            case "fleet":
                self.open_station(event.key)
            case "alarms":
                alarm = self.fleet.alarms.get(event.key)
                if alarm is not None:
                    self.open_station((alarm.branch, alarm.station))
            case "events":
                self.open_station((event.key.branch, event.key.told.station))
            case _:
                self._history_at = None

    def open_station(self, key: Key) -> None:
        """Show one station."""
        self.query_one(StationPane).key = key
        self.action_pane("station")

    def on_sheet_chosen(self, event: Sheet.Chosen) -> None:
        """Let the pane explain what is chosen."""
        if isinstance(self.pane, AlarmsPane):
            self.pane.explain()
        elif isinstance(self.pane, FleetPane) and event.key is not None:
            self.query_one(StationPane).key = event.key
        elif isinstance(self.pane, StationPane):
            self.flush()

    def action_filter(self) -> None:
        """Open the line for a filter."""
        line = self.query_one("#filter", Input)
        line.value = self.pane.filter_text
        self._line(open_it=True)
        line.focus()

    def _line(self, *, open_it: bool) -> None:
        """Show the filter's line in place of the keys, or the keys."""
        self.query_one("#filter", Input).display = open_it
        self.query_one("#keys", Static).display = not open_it

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is written."""
        if event.input.id == "filter" and event.input.display:
            self.pane.filter_text = event.value.strip()
            self.flush()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the rows."""
        if event.input.id == "filter":
            self._line(open_it=False)
            self.pane.sheet.focus()

    async def action_back(self) -> None:
        """One step back: the filter's line, the filter, then the fleet."""
        line = self.query_one("#filter", Input)
        if line.display or self.pane.filter_text:
            self._line(open_it=False)
            self.pane.filter_text = ""
            self.pane.sheet.focus()
            self.flush()
        elif self.pane.id != "fleet":
            self.action_pane("fleet")

    def action_help(self) -> None:
        """Say what the keys do."""
        self.push_screen(HelpScreen())

    def action_hold(self) -> None:
        """Hold the events, or let them go on."""
        events = self.query_one(EventsPane)
        events.paused = not events.paused
        self.flush()

    def action_look(self) -> None:
        """Take the next look: light, dark, contrast."""
        self.look = LOOKS[(LOOKS.index(self.look) + 1) % len(LOOKS)]
        self._wear()
        self.flush()

    def action_export(self) -> None:
        """Write what is shown into a file."""
        actions.export_shown(self)

    def action_acknowledge(self) -> None:
        """Say that somebody knows of the chosen alarm."""
        actions.acknowledge(self)

    def action_shelve(self) -> None:
        """Put the chosen alarm aside for a while."""
        actions.shelve(self)

    def _modal(self) -> bool:
        return len(self.screen_stack) > 1

    def _ask_history(self) -> None:
        pane = self.query_one(StationPane) if not self._modal() else None
        wanted = pane.wanted() if pane is not None and self.pane is pane else None
        if wanted is None:
            return
        known = self._history_at
        if known is None or known[0] != wanted or self.clock.mono() - known[1] > HISTORY_S * 1000:
            self._history_at = (wanted, self.clock.mono())
            self.run_worker(self._history(wanted), group="history", exclusive=True)

    async def _history(self, wanted: tuple[Key, str]) -> None:
        (_, station), measured = wanted
        part, _, name = measured.partition(".")
        pane = self.query_one(StationPane)
        try:
            said = await self.feed.ask(
                "history", {"station": station, "part": part, "name": name, "minutes": 60, "points": 60}
            )
        except LinkError:
            pane.history(wanted, (), "No history: central does not reply.")
            return
        rows = cells.history_rows(said.rows)
        pane.history(wanted, rows, cells.history_words([value for _, value in rows], said.detail))
