"""The plan of faults, and the judge: each wrong it must see is shown to it."""

from collections import Counter
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.chaos.judge import Disk, Ledger, judge
from sim.chaos.plan import KILLS, Fault, plan

STATIONS = ("kiosk-1", "bin-1")

SOUND = Ledger(
    journal={
        "ask": ("s", 1, 10, "applied"),
        "told": ("s", 2, 11, "applied"),
        "back": ("s", 3, 12, "applied"),
    },
    numbers_twice=0,
    stations={"s": "kiosk-1"},
    loans={"ask": ("book", False, "written")},
    renewals=frozenset(),
    checkins=frozenset({"back"}),
    on_loan=frozenset(),
    cases_of_items=frozenset(),
    cases_of_stations={},
    case_subjects=frozenset(),
    parked=0,
    claimed_and_missing=0,
)
DISK = Disk("kiosk-1", ("ask", "back"), frozenset({"ask", "told", "back"}))
TAGS = {"book": [("unsecured", "ask"), ("secured", "back")]}


def without(*facts: str) -> Ledger:
    return replace(SOUND, journal={fact: row for fact, row in SOUND.journal.items() if fact not in facts})


@given(st.integers(), st.floats(160, 400))
def test_three_minutes_have_every_fault_and_twenty_kills_and_the_same_seed_is_the_same_plan(
    seed: int, seconds: float
) -> None:
    steps = plan(seed, seconds, STATIONS, kill_every_s=5)
    count = Counter(step.fault for step in steps)

    assert steps == plan(seed, seconds, STATIONS, kill_every_s=5)
    assert set(count) >= set(get_args(Fault)) - set(KILLS)
    assert sum(count[kill] for kill in KILLS) >= 15
    assert all(0 <= step.at_s <= seconds and step.for_s >= 0 for step in steps)
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)


def test_a_sound_ledger_has_nothing_to_answer_for() -> None:
    found = judge((DISK,), TAGS, SOUND)

    assert found.ok
    assert (found.made, found.lost, found.doubled, found.out_of_order, found.unexplained) == (3, 0, 0, 0, 0)


@pytest.mark.parametrize("fact", ["ask", "told", "back"])
def test_a_committed_fact_that_is_missing_is_lost(fact: str) -> None:
    assert judge((DISK,), {}, without(fact)).lost == 1


def test_what_a_damaged_disk_could_not_bring_is_reported_only_where_a_case_says_so() -> None:
    disk = replace(DISK, damaged=True)
    told = replace(without("told"), cases_of_stations={"kiosk-1": Counter({"stream-began": 1})})

    assert judge((disk,), {}, without("told")).lost == 1
    assert (judge((disk,), {}, told).lost, judge((disk,), {}, told).reported) == (0, 1)
    assert judge((DISK,), {}, told).lost == 1, "a disk that was not damaged has no excuse"


def test_a_written_tag_the_ledger_knows_nothing_of_is_lost() -> None:
    assert judge((DISK,), TAGS, replace(SOUND, checkins=frozenset())).lost == 1
    assert judge((DISK,), TAGS, replace(SOUND, loans={})).lost == 1


def test_a_fact_nobody_made_or_a_number_used_twice_is_doubled() -> None:
    more = {**SOUND.journal, "again": ("s", 4, 13, "applied")}

    assert judge((DISK,), TAGS, replace(SOUND, journal=more)).doubled == 1
    assert judge((DISK,), TAGS, replace(SOUND, numbers_twice=2)).doubled == 2


def test_two_facts_the_other_way_round_are_out_of_order() -> None:
    swapped = {**SOUND.journal, "ask": ("s", 3, 12, "applied"), "back": ("s", 1, 10, "applied")}
    forked = {**SOUND.journal, "back": ("t", 1, 9, "applied")}

    assert judge((DISK,), TAGS, replace(SOUND, journal=swapped)).out_of_order == 1
    assert judge((DISK,), TAGS, replace(SOUND, journal=forked)).out_of_order == 1


def test_tag_and_ledger_that_disagree_need_a_case() -> None:
    lent = replace(SOUND, on_loan=frozenset({"book"}))

    assert judge((DISK,), TAGS, lent).unexplained == 1
    assert judge((DISK,), TAGS, replace(lent, cases_of_items=frozenset({"book"}))).unexplained == 0


@pytest.mark.parametrize(
    "ledger",
    [
        replace(SOUND, parked=1),
        replace(SOUND, claimed_and_missing=1),
        replace(SOUND, journal={**SOUND.journal, "told": ("s", 2, 11, "dead")}),
        replace(SOUND, journal={**SOUND.journal, "told": ("s", 2, 11, "void")}),
    ],
    ids=["a stream stands still", "announced and never came", "a dead letter", "void without a case"],
)
def test_what_nobody_is_told_of_is_unexplained(ledger: Ledger) -> None:
    assert judge((DISK,), TAGS, ledger).unexplained == 1
