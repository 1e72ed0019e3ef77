"""What a person may do at the console: export what is shown, acknowledge and shelve an alarm.

Whatever changes something is asked of central and named before it is done; what came of it is said.
"""

from typing import TYPE_CHECKING

from monitor import export
from monitor.dialogs import SHELVES, AskNote, Pick
from monitor.panes import AlarmsPane
from wire.errors import LinkError
from wire.messages.states import AlarmState

if TYPE_CHECKING:
    from monitor.app import Console

FORMS = (("csv", "CSV, for a spreadsheet"), ("json", "JSON, for a program"))


def export_shown(app: "Console") -> None:
    """Ask for the form and write what the pane shows into a file."""
    pane = app.pane

    def write(form: str | None) -> None:
        if form is None:
            return
        titles, rows = pane.shown()
        chosen: export.Form = "csv" if form == "csv" else "json"
        try:
            path = export.write(app.exports, pane.id or "", chosen, titles, rows, app.clock.now())
        except OSError as error:
            app.notify(f"Not written: {error.strerror}: {error.filename}", severity="error", markup=False)
        else:
            app.notify(f"{len(rows)} rows are in {path}", markup=False)

    app.push_screen(Pick(f"Export what {pane.id} shows", FORMS), write)


def acknowledge(app: "Console") -> None:
    """Ask for a note and say to central that somebody knows of the chosen alarm."""
    alarm = _chosen(app)
    if alarm is None:
        return

    def done(note: str | None) -> None:
        if note is not None:
            app.run_worker(_act(app, "alarm-ack", "Acknowledged.", alarm=alarm.alarm, note=note))

    app.push_screen(AskNote("Acknowledge this alarm? Your name will stand beside it.", alarm.seen), done)


def shelve(app: "Console") -> None:
    """Ask for how long and put the chosen alarm aside."""
    alarm = _chosen(app)
    if alarm is None:
        return

    def done(minutes: str | None) -> None:
        if minutes is not None:
            app.run_worker(_act(app, "alarm-shelve", "Shelved.", alarm=alarm.alarm, minutes=int(minutes)))

    choices = tuple((str(minutes), f"for {text}") for text, minutes in SHELVES)
    app.push_screen(Pick(f"Put this alarm aside? {alarm.seen}", choices), done)


def _chosen(app: "Console") -> AlarmState | None:
    """Return the alarm that is chosen, when it may be acted upon; else say why not."""
    if not app.operate:
        app.notify("Read only. Start it with --operate to act on alarms.", markup=False)
        return None
    pane = app.pane
    key = pane.sheet.chosen if isinstance(pane, AlarmsPane) else None
    if key is None or key not in app.fleet.alarms:
        app.notify("Choose an alarm first (key 3).", markup=False)
        return None
    return app.fleet.alarms[key]


async def _act(app: "Console", verb: str, word: str, **args: str | int) -> None:
    """Ask central to do something and say what came of it."""
    try:
        said = await app.feed.ask(verb, args)
    except LinkError as error:
        app.notify(f"Not done: {error.seen}", severity="error", markup=False)
        return
    if said.outcome == "done":
        app.notify(word, markup=False)
    else:
        app.notify(f"Not done: {said.detail or said.outcome}", severity="error", markup=False)
