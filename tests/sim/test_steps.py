"""The newcomer's steps are ticked by what is seen, in the right order, and by nothing else."""

from typing import Any

import pytest

from sim.playground import steps
from sim.playground.steps import Progress, Seen

START = Progress("kiosk-1", "gate-1")


def account(station: str = "kiosk-1", *, known: bool = True) -> Seen:
    return Seen(("down", station, "answer"), {"schema": "account/1", "known": known})


def fleet(state: str, station: str = "kiosk-1") -> Seen:
    return Seen(("pub", "harbour", "fleet", station), {"parts": [{"part": "pad", "state": state}]})


ALARM = Seen(("pub", "harbour", "alarms", "a1"), {"rule": "gate-alarm", "station": "gate-1"})


def test_a_known_card_at_the_newcomers_kiosk_is_the_first_step() -> None:
    assert steps.see(START, account()).done[0]


@pytest.mark.parametrize("seen", [account("kiosk-2"), account(known=False), ALARM, fleet("lost")])
def test_nothing_else_is_the_first_step(seen: Seen) -> None:
    assert not steps.see(START, seen).done[0]


def test_three_different_tags_are_the_second_step() -> None:
    once = steps.tag_unsecured(steps.tag_unsecured(steps.tag_unsecured(START, "1"), "1"), "1")
    thrice = steps.tag_unsecured(steps.tag_unsecured(once, "2"), "3")

    assert not once.done[1]
    assert thrice.done[1]


def test_an_alarm_counts_only_after_an_unlent_book_was_carried_out() -> None:
    lent = steps.carried(START, lent=True)
    both = steps.carried(lent, lent=False)

    assert not steps.see(lent, ALARM).alarm_known
    assert steps.see(both, ALARM).done[2]
    assert not steps.see(steps.carried(START, lent=False), ALARM).done[2]


def test_an_alarm_of_another_gate_does_not_count() -> None:
    both = steps.carried(steps.carried(START, lent=True), lent=False)
    other = Seen(ALARM.levels, {**ALARM.body, "station": "gate-2"})

    assert not steps.see(both, other).done[2]


def test_a_pad_that_is_lost_without_the_newcomer_is_no_step() -> None:
    assert not steps.see(steps.see(START, fleet("lost")), fleet("ok")).done[3]


def test_the_cable_is_done_when_it_was_shown_and_cleared() -> None:
    out = steps.see(steps.cable(START, out=True), fleet("lost"))
    still = steps.see(out, fleet("ok"))
    back = steps.see(steps.cable(out, out=False), fleet("ok"))

    assert not out.done[3]
    assert not still.done[3]
    assert back.done[3]


def test_another_stations_pad_does_not_count() -> None:
    out = steps.cable(START, out=True)

    assert steps.see(out, fleet("lost", "kiosk-2")) == out


@pytest.mark.parametrize(("rows", "done"), [(0, False), (1, True), (2, False)])
def test_a_return_while_central_was_away_counts_when_it_is_in_the_ledger_once(rows: int, done: bool) -> None:
    away = steps.returned(steps.central(START, away=True), "1")
    back = steps.central(away, away=False)

    assert steps.recorded(back, "1", rows).done[4] is done


def test_a_return_before_central_went_away_does_not_count() -> None:
    before = steps.central(steps.central(steps.returned(START, "1"), away=True), away=False)

    assert not steps.recorded(before, "1", 1).done[4]


def test_nothing_is_recorded_while_central_is_away() -> None:
    away = steps.returned(steps.central(START, away=True), "1")

    assert not steps.recorded(away, "1", 1).done[4]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"schema": "account/1"},
        {"rule": "paper-low"},
        {"parts": []},
        {"parts": [{"part": "card", "state": "ok"}]},
    ],
)
@pytest.mark.parametrize(
    "levels",
    [("down", "kiosk-1", "answer"), ("pub", "b", "alarms", "a"), ("pub", "b", "fleet", "kiosk-1"), ()],
)
def test_a_message_without_news_changes_nothing(levels: tuple[str, ...], body: dict[str, Any]) -> None:
    assert steps.see(START, Seen(levels, body)) == START
