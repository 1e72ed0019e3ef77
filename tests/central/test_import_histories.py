"""What holds for any file: repeats, breaks, trials, orders of columns, garbage."""

import csv
import io
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from import_kit import bring, counts, everything, make, rows

from central.imports.records import KINDS, Kind
from central.imports.run import Report
from central.imports.work import Work
from wire.errors import ConfigError

SETTINGS = settings(
    max_examples=30,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # tables are small, and making them smaller takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger to copy: making one runs all migrations."""
    folder = tmp_path_factory.mktemp("made")
    make(folder)
    bring(folder, "patrons", "patron,card,class,home\n8,C8,adult,main\n9,C9,adult,main\n")
    return folder / "ledger.db"


@contextmanager
def ledger(made: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(made, folder)
        yield Path(folder)


word = st.sampled_from(["", "x", "Ünïcode", " padded ", "two\nlines", 'a "quoted" one', "0", "1", "a,b;c\td"])
branch = st.sampled_from(["main", "MAIN", "north", "bad branch!", ""])
day = st.sampled_from(
    ["2026-11-01", "2026-11-02 10:30:00", "2027-01-01", "0000-00-00", "1.11.2026", "1/2/2026", "x", ""]
)
who = st.sampled_from(["C7", "C8", "C9", "C10", ""])
item = st.sampled_from(["i1", "i2", "i3", "i4", "i5", "a|b", ""])
amount = st.sampled_from(["1.00", "0.50", "-1", "0", "2.505", "x", ""])
flag = st.sampled_from(["0", "1", "", "yes", "perhaps"])
COLUMNS: dict[Kind, dict[str, st.SearchStrategy[str]]] = {
    "patrons": {"patron": st.sampled_from(["7", "8", "10", "C7", ""]), "card": who, "class": word, "home": branch,
                "name": word, "email": word, "expires": day, "blocked": word},
    "items": {"item": item, "title": word, "class": word, "branch": branch, "gone": flag, "place": branch,
              "title_id": word, "status": word},
    "loans": {"card": who, "item": item, "start": day, "due": day, "renewals": flag, "branch": branch,
              "returned": st.sampled_from(["", "", "2026-11-03"])},
    "holds": {"card": who, "item": item, "title_id": st.sampled_from(["t1", "t2", "t9", ""]), "placed": day,
              "pickup": branch, "state": st.sampled_from(["", "waiting", "ready", "transit", "collected"]),
              "priority": flag, "expires": day},
    "fees": {"card": who, "item": item, "amount": amount, "owed": amount, "at": day, "kind": word},
}  # fmt: skip
Table = list[dict[str, str]]


@st.composite
def files(draw: st.DrawFn, unique: bool = False) -> tuple[Kind, Table]:
    kind = draw(st.sampled_from(KINDS))
    columns = COLUMNS[kind]
    known: dict[Kind, tuple[str, ...]] = {
        "patrons": ("patron", "card"),
        "items": ("item",),
        "loans": ("item",),
    }
    keys = [lambda row, name=name: row[name] for name in known.get(kind, ())] if unique else []
    table = st.lists(st.fixed_dictionaries(columns), max_size=8, unique_by=tuple(keys) if keys else None)
    return kind, draw(table)


def text(kind: Kind, table: Table, columns: list[str] | None = None) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(COLUMNS[kind]))
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def told(report: Report) -> dict[str, Any]:
    return {"counts": counts(report), "faults": report.faults, "notices": report.tally.notices}


def rejected(folder: Path, kind: Kind) -> bytes:
    path = folder / f"{kind}.csv.rejected.csv"
    return path.read_bytes() if path.exists() else b""


@SETTINGS
@given(files(unique=True))
def test_a_file_that_is_in_is_nothing_new(made: Path, given_file: tuple[Kind, Table]) -> None:
    kind, table = given_file
    with ledger(made) as folder:
        first = bring(folder, kind, text(kind, table), quick=True)
        before = everything(folder)

        again = bring(folder, kind, text(kind, table), quick=True)

        assert counts(again)[:2] == (0, 0)
        assert (again.tally.left_out, again.tally.rejected) == (first.tally.left_out, first.tally.rejected)
        assert first.tally.rows == again.tally.rows == len(table)
        assert everything(folder) == before


@SETTINGS
@given(files())
def test_a_trial_says_what_the_import_then_does_and_changes_nothing(
    made: Path, given_file: tuple[Kind, Table]
) -> None:
    kind, table = given_file
    with ledger(made) as folder:
        before = (folder / "ledger.db").read_bytes()
        trial = bring(folder, kind, text(kind, table), trial=True)
        kept, left = (folder / "ledger.db").read_bytes(), sorted(path.name for path in folder.iterdir())

        real = bring(folder, kind, text(kind, table), quick=True)

        assert told(trial) == told(real)
        assert kept == before
        assert left == sorted(["ledger.db", f"{kind}.csv"])


@SETTINGS
@given(files(), st.randoms(use_true_random=False))
def test_the_order_of_columns_means_nothing(
    made: Path, given_file: tuple[Kind, Table], shuffler: random.Random
) -> None:
    kind, table = given_file
    shuffled = list(COLUMNS[kind])
    shuffler.shuffle(shuffled)
    with ledger(made) as one, ledger(made) as other:
        first, second = (
            bring(one, kind, text(kind, table), quick=True),
            bring(other, kind, text(kind, table, shuffled), quick=True),
        )

        assert counts(first) == counts(second)
        assert everything(one) == everything(other)


class Cut(Exception):
    """The power went."""


@SETTINGS
@given(files(), st.integers(1, 3), st.integers(0, 8), st.booleans())
def test_an_import_that_was_cut_off_anywhere_comes_to_the_same(
    made: Path, given_file: tuple[Kind, Table], batch: int, at: int, committed: bool
) -> None:
    """With the batch that was under way lost, or just committed."""
    kind, table = given_file

    class CutOff(Work):
        commits = 0

        def commit(self) -> None:
            cut = CutOff.commits == at
            CutOff.commits += 1
            if cut and not committed:
                raise Cut
            super().commit()
            if cut:
                raise Cut

    with ledger(made) as whole, ledger(made) as broken:
        expected = bring(whole, kind, text(kind, table), batch=batch, quick=True)
        try:
            bring(broken, kind, text(kind, table), batch=batch, work=CutOff, quick=True)
        except Cut:
            pass

        went_on = bring(broken, kind, text(kind, table), batch=batch, quick=True)

        if CutOff.commits <= at:  # it had come to its end
            return
        assert told(went_on) == told(expected)
        assert went_on.went_on_at == min(len(table), batch * (at + committed))
        assert everything(broken) == everything(whole)
        assert rejected(broken, kind) == rejected(whole, kind)


@SETTINGS
@given(
    st.sampled_from(KINDS),
    st.binary(max_size=400),
    st.sampled_from(["", "header"]),
    st.sampled_from(["utf-8", "cp1252"]),
)
def test_garbage_is_refused_or_told_and_nothing_else(
    made: Path, kind: Kind, garbage: bytes, header: str, encoding: str
) -> None:
    columns = ",".join(COLUMNS[kind]).encode() + b"\n" if header else b""
    with ledger(made) as folder:
        try:
            report = bring(folder, kind, columns + garbage, encoding=encoding, quick=True)
        except ConfigError:
            assert not header
        else:
            assert sum(counts(report)) == report.tally.rows
        assert rows(folder, "SELECT key FROM meta WHERE key LIKE 'import:%'") == []


@SETTINGS
@given(st.sampled_from(["marc", "marcxml"]), st.binary(max_size=300), st.integers(0, 400), st.integers(0, 60))
def test_garbage_in_records_is_told_and_nothing_else(
    made: Path, form: str, garbage: bytes, at: int, cut: int
) -> None:
    from test_import_marc import COPY, marc, xml

    whole = xml(marc(1, COPY), marc(2)) if form == "marcxml" else marc(1, COPY).as_marc() + marc(2).as_marc()
    with ledger(made) as folder:
        for data in (garbage, whole[:at] + garbage + whole[at + cut :]):
            report = bring(folder, "items", data, form=form, quick=True)

            assert sum(counts(report)) == report.tally.rows


@SETTINGS
@given(files())
def test_no_item_is_ever_on_two_loans_and_every_change_is_numbered_once(
    made: Path, given_file: tuple[Kind, Table]
) -> None:
    kind, table = given_file
    with ledger(made) as folder:
        bring(folder, kind, text(kind, table), quick=True)

        assert (
            rows(folder, "SELECT count(*) FROM loan WHERE ended IS NULL GROUP BY item HAVING count(*) > 1")
            == []
        )
        numbers = [n for (n,) in rows(folder, "SELECT n FROM change ORDER BY n")]
        assert numbers == list(range(1, len(numbers) + 1))
        wrong = rows(
            folder,
            "SELECT item FROM item JOIN change USING (item, version)"
            " WHERE state <> CASE WHEN gone THEN 'gone' WHEN loan IS NULL THEN 'available' ELSE 'loan' END",
        )
        assert wrong == []
        assert (
            rows(folder, "SELECT count(*) FROM item")[0]
            == rows(folder, "SELECT count(DISTINCT item) FROM change")[0]
        )
