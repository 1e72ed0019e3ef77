"""What a console shows: order, filters, ages, words. Tables of cases, and what must hold for any fleet."""

from datetime import timedelta

import pytest
from console_scene import (
    BOOT,
    NOW,
    STATIONS,
    ago,
    alarm,
    alarms,
    arrived,
    central,
    connected,
    feed,
    station,
    stations,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import cells, export, top, view
from monitor.feed import Connection
from monitor.fleet import Fleet, fold
from monitor.view import RANK, age, matches
from wire.messages.states import FeedEvent

GLYPH = st.sampled_from(list(RANK))
ENTRY = st.builds(
    lambda n, glyph, branch: station(f"kiosk-{n}", branch, glyph=glyph, word="some"),
    st.integers(0, 40),
    GLYPH,
    st.sampled_from(["main", "west"]),
)
ALARM = st.builds(
    lambda n, severity, state, s: alarm(
        f"a{n}", "kiosk-1", "r", severity, state=state, since=ago(s), seen="x", why="y", do="z"
    ),
    st.integers(0, 30),
    st.sampled_from(["act", "look"]),
    st.sampled_from(list(view.ALARM_WORDS)),
    st.integers(0, 10_000),
)


def fleet_of(*arrivals) -> Fleet:
    return fold(Fleet(), arrivals)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86400, "1 d")],
)
def test_an_age_is_said_in_its_largest_unit(seconds, said):
    assert said == age(NOW - timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", True),
        ("KIOSK", True),
        ("kiosk north", True),
        ("kiosk !north", False),
        ("!", True),
        ("gate", False),
    ],
)
def test_a_filter_wants_every_word_and_leaves_out_the_denied(text, shown):
    assert shown is matches(text, "Kiosk north main")


@given(st.lists(ENTRY, max_size=20))
@settings(max_examples=60)
def test_no_station_stands_above_a_worse_one(entries):
    fleet = fleet_of(*stations(tuple(entries)))

    ranks = [RANK[fleet.stations[key].glyph] for key in view.station_rows(fleet)]

    assert sorted(ranks) == ranks
    assert len(ranks) == len({(e.branch, e.station) for e in entries})


@given(st.lists(ENTRY, max_size=20), st.text(alphabet="kios-1!w ", max_size=8))
@settings(max_examples=60)
def test_a_filter_only_takes_away_and_keeps_the_order(entries, text):
    fleet = fleet_of(*stations(tuple(entries)))

    every, some = view.station_rows(fleet), view.station_rows(fleet, text)

    assert [key for key in every if key in set(some)] == some


@given(st.lists(ENTRY, max_size=20), st.lists(ENTRY, max_size=6), st.sampled_from(["", "west", "!act"]))
@settings(max_examples=100)
def test_an_order_that_is_kept_is_the_order_that_would_be_made(entries, changes, text):
    before = fleet_of(*stations(tuple(entries)))
    after = fold(before, stations(tuple(changes)))

    kept = view.order(after, text, view.order(before, text))

    assert view.station_rows(after, text) == kept.rows
    assert view.counts(after) == kept.counts


@given(st.lists(ALARM, max_size=20))
@settings(max_examples=60)
def test_an_alarm_put_aside_never_stands_above_one_that_is_not(states):
    fleet = fleet_of(*alarms(tuple(states)))

    aside = [fleet.alarms[key].state not in view.STANDING for key in view.alarm_rows(fleet)]

    assert sorted(aside) == aside


@given(st.lists(st.integers(0, 30), unique=True, min_size=1), st.integers(0, 30), st.integers(0, 40))
def test_a_choice_stays_with_its_row_or_near_where_it_was(rows, chosen, index):
    at = view.follow(rows, chosen, index)

    assert 0 <= at < len(rows)
    assert chosen not in rows or rows[at] == chosen


def test_numbers_in_names_are_counted_as_people_do():
    fleet = fleet_of(*stations((station("kiosk-10"), station("kiosk-9"), station("kiosk-100"))))

    assert [name for _, name in view.station_rows(fleet)] == ["kiosk-9", "kiosk-10", "kiosk-100"]


def test_a_value_of_a_lost_part_is_as_old_as_the_loss():
    lost = STATIONS[0]

    assert ago(187) == view.value_at(lost, "pad.response_ms")
    assert ago(2) == view.value_at(lost, "card-reader.response_ms")
    assert cells.value_cells(lost, "pad.response_ms", NOW)[3].text == "3 min"
    assert cells.value_cells(lost, "card-reader.response_ms", NOW)[3].text == ""


def test_a_station_that_was_not_heard_says_for_how_long():
    silent = next(e for e in STATIONS if e.station == "kiosk-3")

    assert cells.station_cells(silent, 0, NOW)[2].text == "no news, 10 min"


@pytest.mark.parametrize(
    ("said", "connection", "begins"),
    [
        ([], Connection("connecting", NOW), "○ Connecting"),
        ([], Connection("away", ago(5), "refused"), "✖ No broker for 5 s"),
        ([], connected(), "○ Central has not said anything"),
        ([central("lost"), *stations()], connected(), "✖ Central is lost"),
        ([central("left"), *stations()], connected(), "✖ Central is switched off"),
        ([central()], connected(), "○ No station yet"),
        ([central(), *stations()], connected(), "✖ Kiosk north: pad lost"),
        ([central(), *stations((station("kiosk-1"),))], connected(), "● All is well"),
        ([central(), *stations((station("kiosk-1"),)), *alarms()], connected(), "✖ Kiosk north: pad is lost"),
        ([central(), *stations((STATIONS[4],))], connected(), "○ Children: no news"),
    ],
)
def test_the_upper_left_says_the_worst_thing(said, connection, begins):
    text, colour = top.worst(view.order(fleet_of(*said)), connection, NOW)

    assert text.startswith(begins), text
    assert colour in {"act", "look", "gone", "rest", "ok"}


def test_the_same_event_twice_is_one_line_and_a_hole_is_counted():
    def event(n):
        said = FeedEvent(boot=BOOT, n=n, at=NOW, station="kiosk-1", event="checkin")
        return arrived("feed", said, branch="main")

    fleet = fleet_of(event(1), event(1), event(4))

    assert [e.told.n for e in fleet.events] == [1, 4]
    assert fleet.missed == 2


def test_events_are_told_newest_first_by_the_names_staff_use():
    fleet = fleet_of(*stations(), *feed())

    assert view.told(fleet, view.event_rows(fleet)[0]) == "An item came back at Kiosk south."
    assert all("sounded" in view.told(fleet, e) for e in view.event_rows(fleet, "sounded"))


def test_a_spreadsheet_runs_nothing_of_an_export():
    text = export.as_csv(("name",), [["=1+1"], ["-2"], ["plain, with comma"]])

    assert text == "name\n'=1+1\n'-2\n\"plain, with comma\"\n"


@pytest.mark.parametrize(
    ("values", "detail", "words"),
    [
        ([], "", "Nothing was measured in this hour."),
        ([], "alice may not history", "No history: alice may not history"),
        ([3.0, 1.5, 2.0], "", "last hour: lowest 1.5, highest 3, last 2"),
    ],
)
def test_a_history_is_said_in_words(values, detail, words):
    assert words == cells.history_words(values, detail)


def test_rows_of_a_history_without_a_number_are_left_out():
    rows = [{"at": "1", "value": 2}, {"at": "2", "value": None}, {"at": "3"}]

    assert cells.history_rows(rows) == (("1", 2.0),)
