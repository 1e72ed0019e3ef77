"""What a person does at the console, key by key and click by click."""

import csv
import json

import pytest
from console_scene import (
    ALARMS,
    NOW,
    SIZES,
    Arrived,
    alarms,
    central,
    console,
    feed,
    morning,
    rest,
    station,
    stations,
    topic,
)
from textual.widgets import Input

from monitor.dialogs import AskNote, HelpScreen
from monitor.panes import EventsPane, StationPane
from monitor.sheet import Sheet
from wire.errors import ConfigError
from wire.messages.states import Operated


def texts(app):
    return [n.message for n in app._notifications]


@pytest.mark.parametrize("size", SIZES)
async def test_the_worst_station_is_chosen_and_enter_opens_it(size):
    app = console(morning())
    async with app.run_test(size=SIZES[size]) as pilot:
        await pilot.press("enter")

        assert app.pane.id == "station"
        assert app.query_one(StationPane).key == ("main", "kiosk-2")


@pytest.mark.parametrize("start", "1234")
async def test_number_keys_go_to_the_same_pane_from_everywhere(start):
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        for key, name in zip("1234", ("fleet", "station", "alarms", "events"), strict=True):
            await pilot.press(start, key)

            assert app.pane.id == name


async def test_a_chosen_row_stays_chosen_when_others_get_worse():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down")
        assert app.pane.sheet.chosen == ("main", "bin-1")
        app.feed.inbox.put(stations((station("gate-1", glyph="act", word="lost"),))[0])
        app.flush()

        assert app.pane.sheet.chosen == ("main", "bin-1")
        assert app.pane.sheet.rows[app.pane.sheet.index] == ("main", "bin-1")
        assert app.pane.sheet.index == 2


async def test_a_filter_narrows_while_it_is_written_and_escape_takes_it_away():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"west !off", "enter")
        assert app.pane.sheet.rows == [("west", "kiosk-4")]
        await pilot.press("4")
        assert app.pane.filter_text == ""
        await pilot.press("1")
        assert len(app.pane.sheet.rows) == 1
        await pilot.press("escape")

        assert len(app.pane.sheet.rows) == 7


async def test_letters_in_the_filter_are_letters_not_commands():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"q4e?")

        assert app.query_one("#filter", Input).value == "q4e?"
        assert app.pane.id == "fleet"


async def test_escape_goes_back_to_the_fleet_and_no_further():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "escape")
        assert app.pane.id == "fleet"
        await pilot.press("escape")

        assert app.is_running


async def test_help_opens_from_every_pane_and_escape_closes_it():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        for key in "1234":
            await pilot.press(key, "question_mark")
            assert isinstance(app.screen, HelpScreen)
            await pilot.press("escape")
            assert not isinstance(app.screen, HelpScreen)


async def test_what_happens_behind_the_help_is_there_when_it_closes():
    app = console([central()])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        app.feed.inbox.put(stations()[0])
        app.flush()
        await pilot.press("escape")

        assert len(app.pane.sheet.rows) == 1


async def test_q_ends_the_console():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await pilot.pause()

        assert app.return_code == 0


async def test_an_alarm_is_acknowledged_with_a_note():
    app = console(morning(), operate=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "a", *"on it", "enter")
        await rest(app, pilot)

        assert ("alarm-ack", {"alarm": "a1", "note": "on it"}) in app.feed.asked
        assert "Acknowledged." in texts(app)


async def test_an_alarm_is_shelved_for_an_hour():
    app = console(morning(), operate=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "down", "s", "down", "enter")
        await rest(app, pilot)

        assert ("alarm-shelve", {"alarm": "a3", "minutes": 60}) in app.feed.asked


async def test_escape_leaves_an_alarm_as_it_is():
    app = console(morning(), operate=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "a", "escape", "s", "escape")
        await rest(app, pilot)

        assert app.feed.asked == []
        assert app.pane.id == "alarms"


async def test_read_only_asks_nothing_of_central_and_says_how_to_operate():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "a", "s")
        await rest(app, pilot)

        assert app.feed.asked == []
        assert not isinstance(app.screen, AskNote)
        assert any("--operate" in text for text in texts(app))


@pytest.mark.parametrize(
    ("central_says", "shown"),
    [
        (Operated(request="r", outcome="refused", detail="no such alarm; it may be over"), "no such alarm"),
        (None, "no reply came from central"),
    ],
)
async def test_what_central_did_not_do_is_said(central_says, shown):
    app = console(morning(), operate=True)

    async def answer(verb, args):
        return central_says

    app.feed.central = answer if central_says else None
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "a", "enter")
        await rest(app, pilot)

        assert any(text.startswith("Not done:") and shown in text for text in texts(app))


async def test_enter_on_an_alarm_opens_its_station():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "down", "enter")

        assert app.query_one(StationPane).key == ("main", "gate-1")


async def test_space_holds_the_events_and_lets_them_go_on():
    app = console([central(), *stations()])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "space")
        for one in feed():
            app.feed.inbox.put(one)
        app.flush()
        assert app.query_one(EventsPane).sheet.rows == []
        await pilot.press("space")

        assert len(app.query_one(EventsPane).sheet.rows) == len(feed())


async def test_events_that_never_came_are_counted_on_the_screen():
    said = feed()
    app = console([central(), said[1], said[-1]])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(app, pilot, "4")

        assert str(app.query_one("#keys").content).startswith("8 missed")


async def test_the_history_of_the_chosen_value_is_asked_for_once_in_a_while():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await rest(app, pilot)
        await rest(app, pilot)
        assert [verb for verb, _ in app.feed.asked] == ["history"]
        _, args = app.feed.asked[0]
        assert (args["station"], args["part"], args["name"]) == ("kiosk-2", "pad", "response_ms")
        assert len(app.query_one(StationPane).rows) == 60
        app.clock.advance(31)
        await rest(app, pilot)

        assert [verb for verb, _ in app.feed.asked] == ["history", "history"]


@pytest.mark.parametrize(("keys", "form"), [(("enter",), "csv"), (("down", "enter"), "json")])
async def test_what_is_shown_is_exported(keys, form, tmp_path):
    app = console(morning(), exports=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "e", *keys)
        await pilot.pause()

    path = tmp_path / f"turnleaf-alarms-{NOW:%Y%m%d-%H%M%S}.{form}"
    text = path.read_text()
    rows = json.loads(text) if form == "json" else list(csv.DictReader(text.splitlines()))
    assert [row["alarm"] for row in rows] == ["a1", "a3", "a2", "a4"]
    assert rows[0]["do"] == ALARMS[0].do


async def test_an_export_that_cannot_be_written_is_said(tmp_path):
    app = console(morning(), exports=tmp_path / "nowhere")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e", "enter")
        await pilot.pause()

        assert any(text.startswith("Not written:") for text in texts(app))


async def test_a_click_chooses_a_row_and_a_second_one_opens_it():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("#fleet-sheet", offset=(14, 3))
        assert app.pane.sheet.chosen == ("main", "kiosk-3")
        await pilot.click("#fleet-sheet", offset=(14, 3))

        assert app.query_one(StationPane).key == ("main", "kiosk-3")


async def test_a_click_on_a_pane_s_name_goes_there():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("Top", offset=(28, 1))
        await pilot.pause()

        assert app.pane.id == "alarms"


async def test_a_station_that_is_removed_leaves_the_screen_standing(tmp_path):
    app = console(morning(), exports=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        app.feed.inbox.put(Arrived(topic("fleet", branch="main", station="kiosk-2"), b""))
        app.flush()
        await pilot.press("e", "enter")
        await pilot.press("1")

        assert ("main", "kiosk-2") not in app.pane.sheet.rows


async def test_the_look_changes_and_comes_round():
    app = console(morning())
    async with app.run_test(size=(80, 24)) as pilot:
        for look in ("dark", "contrast", "light"):
            await pilot.press("t")
            assert app.look == look
            assert {sheet.look for sheet in app.query(Sheet)} == {look}


async def test_the_console_survives_a_window_of_one_line():
    app = console(morning() + alarms())
    async with app.run_test(size=(20, 5)) as pilot:
        for key in ("2", "3", "4", "1", "end", "home", "pagedown"):
            await pilot.press(key)

        assert app.is_running


async def test_a_certificate_that_cannot_be_used_ends_the_console_with_its_mend():
    app = console(morning())

    async def run():
        raise ExceptionGroup("feed", [ConfigError("the certificate cannot be used", do="Enrol it again.")])

    app.feed.run = run
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()

    assert app.return_code == 2
    assert isinstance(app.trouble, ConfigError)
