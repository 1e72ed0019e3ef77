"""The reckoning notices each kind of disagreement; a day that agrees is fine."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, delete, insert, update

from central.ledger import schema
from sim.catalogue import books, people
from sim.onlooker import Onlooker
from sim.reckoning import Reckoning, read_ledger, reckon
from sim.world import SECURED, UNSECURED, World, Written

DUE = datetime.date(2026, 5, 3)
KEPT, BACK, STOLEN = "30000001", "30000002", "30000003"


class Day:
    """Two loans, one of them returned, and one theft: tags, ledger and onlooker agree."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.engine = create_engine(f"sqlite:///{self.path}")
        schema.metadata.create_all(self.engine)
        self.world = World(books(6), people(2), seed=1)
        self.onlooker = Onlooker("127.0.0.1", 1, folder)
        self.world.tags[KEPT].afi = UNSECURED
        self.world.truth.written = [
            Written(KEPT, UNSECURED, "kiosk-2"),
            Written(BACK, UNSECURED, "kiosk-2"),
            Written(BACK, SECURED, "bin-1"),
        ]
        self.world.truth.walks = self.world.truth.thefts = 1
        self.onlooker.feed["gate-alarm"] = 1
        with self.engine.begin() as ledger:
            self._loan(ledger, KEPT, ended=None)
            self._loan(ledger, BACK, ended=5)
            ledger.execute(
                insert(schema.checkin).values(
                    fact_id="c", item=BACK, at=5, station="bin-1", branch="b", via="bin", secured="verified"
                )
            )
            ledger.execute(
                insert(schema.passage).values(
                    fact_id="p", station="gate-2", branch="b", at=6, direction="out", verdict="alarm",
                    degraded=False, foreign_tags=0, silent=0,
                )
            )  # fmt: skip
            ledger.execute(insert(schema.stream).values(stream="s", station="kiosk-2", upto=3, high=3))
            for seq in (1, 2, 3):
                ledger.execute(
                    insert(schema.journal).values(
                        fact_id=f"f{seq}", stream="s", seq=seq, outcome="done", at=seq, received=seq
                    )
                )

    @staticmethod
    def _loan(ledger: Connection, item: str, *, ended: int | None, request: str = "") -> None:
        ledger.execute(
            insert(schema.loan).values(
                request=request or f"r-{item}", item=item, patron="P00002", station="kiosk-2", branch="b",
                start=1, ended=ended, due=DUE, first_due=DUE, tag="written",
            )
        )  # fmt: skip

    def reckon(self, points: int = 7, *, undisturbed: bool = True) -> Reckoning:
        return reckon(self.world, read_ledger(self.path), self.onlooker, points, undisturbed=undisturbed)


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(tmp_path)


def test_a_day_on_which_everything_agrees_is_fine(day: Day) -> None:
    found = day.reckon()

    assert found.ok, found.problems
    assert (found.loans, found.returns, found.tags_written, found.tags_verified) == (2, 1, 3, 3)
    assert (found.passages, found.alarms, found.points, found.lost, found.doubled) == (1, 1, 7, 0, 0)


def _lose_a_loan(day: Day, ledger: Connection) -> None:
    ledger.execute(delete(schema.loan).where(schema.loan.c.item == KEPT))


def _lose_an_ended_loan(day: Day, ledger: Connection) -> None:
    ledger.execute(delete(schema.loan).where(schema.loan.c.item == BACK))


def _lose_a_return(day: Day, ledger: Connection) -> None:
    ledger.execute(delete(schema.checkin))
    ledger.execute(update(schema.loan).where(schema.loan.c.item == BACK).values(ended=None))


def _lose_a_journal_row(day: Day, ledger: Connection) -> None:
    ledger.execute(delete(schema.journal).where(schema.journal.c.seq == 2))


def _fall_behind_a_station(day: Day, ledger: Connection) -> None:
    ledger.execute(update(schema.stream).values(high=5))


def _forget_that_it_came_back(day: Day, ledger: Connection) -> None:
    ledger.execute(update(schema.loan).where(schema.loan.c.item == BACK).values(ended=None))


@pytest.mark.parametrize(
    "damage",
    [
        _lose_a_loan, _lose_an_ended_loan, _lose_a_return, _lose_a_journal_row, _fall_behind_a_station,
        _forget_that_it_came_back,
    ],
)  # fmt: skip
def test_whatever_the_ledger_lacks_is_lost(day: Day, damage: Callable[[Day, Connection], None]) -> None:
    with day.engine.begin() as ledger:
        damage(day, ledger)

    found = day.reckon()

    assert not found.ok
    assert found.lost > 0


def test_a_loan_that_no_tag_knows_is_doubled(day: Day) -> None:
    with day.engine.begin() as ledger:
        day._loan(ledger, BACK, ended=9, request="again")

    found = day.reckon()

    assert not found.ok
    assert found.doubled == 1


def test_a_fact_that_stands_twice_under_its_number_is_doubled(day: Day) -> None:
    with day.engine.begin() as ledger:
        ledger.execute(
            insert(schema.journal).values(fact_id="f2b", stream="s", seq=2, outcome="done", at=2, received=2)
        )

    assert day.reckon().doubled == 1


def test_a_withdrawn_loan_is_none(day: Day) -> None:
    with day.engine.begin() as ledger:
        ledger.execute(update(schema.loan).where(schema.loan.c.item == KEPT).values(withdrawn=True))
    day.world.tags[KEPT].afi = SECURED
    day.world.truth.written.pop(0)

    assert day.reckon().loans == 1


def test_an_item_with_an_open_case_is_explained_and_with_a_closed_one_is_not(day: Day) -> None:
    with day.engine.begin() as ledger:
        _lose_a_loan(day, ledger)
        ledger.execute(insert(schema.case).values(key="k", kind="tag-not-written", item=KEPT, opened=2))
    explained = day.reckon()
    with day.engine.begin() as ledger:
        ledger.execute(update(schema.case).values(closed=3))

    assert explained.ok, explained.problems
    assert not day.reckon().ok


def test_a_walk_that_is_not_in_the_ledger_is_noticed(day: Day) -> None:
    day.world.truth.walks += 1

    assert "2 walks through the gate, 1 in the ledger" in day.reckon().problems


def test_a_theft_without_alarm_is_noticed(day: Day) -> None:
    day.world.truth.thefts += 1

    assert not day.reckon().ok


def test_an_alarm_that_nobody_heard_counts_on_an_undisturbed_day_alone(day: Day) -> None:
    day.onlooker.feed.clear()

    assert not day.reckon().ok
    assert day.reckon(undisturbed=False).ok


def test_a_day_without_a_measurement_is_not_fine(day: Day) -> None:
    assert day.reckon(points=0).problems == ("no measurement was stored",)


def test_a_tag_that_was_written_and_not_reported_is_noticed(day: Day) -> None:
    with day.engine.begin() as ledger:
        ledger.execute(update(schema.checkin).values(secured=None))

    (found,) = day.reckon().problems
    assert found.startswith("3 tags written, 2 reported and read back")
    assert BACK in found


@pytest.mark.parametrize("reported", ["written", "unknown"])
def test_a_tag_of_which_a_station_was_not_sure_may_have_been_written(day: Day, reported: str) -> None:
    """A kiosk killed before it read back, whose patron was gone when it came again: then the book came back."""
    with day.engine.begin() as ledger:
        ledger.execute(update(schema.loan).where(schema.loan.c.item == BACK).values(tag=reported))
    sure = day.reckon()
    day.world.truth.written.append(Written(BACK, SECURED, "bin-1"))
    with day.engine.begin() as ledger:
        ledger.execute(insert(schema.case).values(key="k", kind="tag-unknown", item=KEPT, opened=2))
    twice = day.reckon()

    assert sure.ok, sure.problems
    assert sure.tags_verified == (3 if reported == "written" else 2)
    assert not twice.ok  # what is open about another item is no reason
