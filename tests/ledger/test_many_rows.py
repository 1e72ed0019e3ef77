"""One call for many rows does what a call for each does, and finds each row by its key."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.ledger.hot_sqlite import Hot
from central.ledger.ledger import Ledger
from central.ledger.many_rows import for_rows, read_rows, write_rows
from circulation.policy import Policy

UPDATES = ("item_state", "end_loan", "loan_tag", "checkin_secured", "move")
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ANY_ID = ANY_TEXT.filter(lambda text: "\0" not in text)  # SQLite's JSON ends a text there


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hot]:
    path = tmp_path_factory.mktemp("ledger") / "a.db"
    ledger = Ledger.open(f"sqlite:///{path}", policy=Policy())
    yield ledger.hot
    ledger.close()


def journal(count: int) -> list[tuple[Any, ...]]:
    return [(f"f{n}", "s", n, "applied", "count", n, n, None if n % 2 else f"i{n}") for n in range(count)]


@given(st.integers(0, 20) | st.sampled_from([31, 32, 255, 256, 257, 519]))
def test_many_rows_are_written_as_one_by_one(hot: Hot, count: int) -> None:
    sql, rows = hot._sql, journal(count)
    hot.begin()
    assert write_rows(hot.connection, sql.journal, rows) == count
    found = hot.connection.execute("SELECT * FROM journal ORDER BY seq").fetchall()
    hot.rollback()
    assert found == rows


@given(st.sets(st.integers(0, 60), max_size=60), st.integers(0, 60))
def test_many_rows_are_changed_by_their_keys_alone(hot: Hot, changed: set[int], there: int) -> None:
    sql, run = hot._sql, hot.connection
    hot.begin()
    for number in range(there):
        run.execute(sql.new_stream, (f"s{number}", "k1"))
    moves = [(n + 1, f"f{n}", n, f"s{n}", n % 2, "") for n in sorted(changed)]
    expected = {n for n in changed if n < there and n % 2 == 0}  # an odd one compares with what is not so

    assert write_rows(run, sql.move, moves) == len(expected)
    moved = run.execute("SELECT stream, upto, id, last_at FROM stream WHERE upto > 0").fetchall()
    hot.rollback()
    assert set(moved) == {(f"s{n}", n + 1, f"f{n}", n) for n in expected}


def test_a_row_that_breaks_a_rule_fails_the_whole_call(hot: Hot) -> None:
    hot.begin()
    with pytest.raises(sqlite3.IntegrityError):
        write_rows(hot.connection, hot._sql.journal, [*journal(9), *journal(1)])
    hot.rollback()


@pytest.mark.parametrize("name", UPDATES)
def test_each_row_is_found_by_its_key(hot: Hot, name: str) -> None:
    """Never the other way round: the whole table gone through for some rows."""
    statement = for_rows(getattr(hot._sql, name), 8)
    nothing = [None] * statement.count("?")
    steps = [row[3] for row in hot.connection.execute(f"EXPLAIN QUERY PLAN {statement}", nothing)]
    assert any(step.startswith("SEARCH ") for step in steps)
    assert {step.split()[1] for step in steps if step.startswith("SCAN ")} <= {"v", "8"}


@given(st.lists(st.tuples(ANY_ID, ANY_TEXT), max_size=8, unique_by=lambda row: row[0]))
def test_what_is_read_in_one_value_is_what_stands_there(hot: Hot, rows: list[tuple[str, str]]) -> None:
    hot.begin()
    for item, title in rows:
        hot.connection.execute(
            "INSERT INTO item (item, title, class, branch) VALUES (?, ?, ?, ?)", (item, title, "book", "main")
        )
    found = read_rows(hot.connection.execute, hot._sql.gather_items, [item for item, _ in rows])
    plain = [(item, *hot.connection.execute(hot._sql.item, (item,)).fetchone()) for item, _ in rows]
    hot.rollback()
    assert sorted(map(tuple, found)) == sorted(plain)
