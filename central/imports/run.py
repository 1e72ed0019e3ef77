"""One file into the ledger: batch by batch, each with its progress in one commit.

What came of each row is counted; what is not taken is set aside with its reason, and the others go in. An
import that was broken off, however, goes on behind its last commit when the same file comes again.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal, assert_never

from central.imports import mapping, progress
from central.imports.fees import FeeWriter, apart_from_their_like
from central.imports.fields import fields
from central.imports.holds import HoldWriter, in_turn
from central.imports.items import ItemWriter
from central.imports.loans import LoanWriter
from central.imports.mapping import Delimiter, Encoding, MapFile
from central.imports.marc import Marc
from central.imports.meter import Meter
from central.imports.patrons import PatronWriter
from central.imports.plan import Plan
from central.imports.progress import Progress
from central.imports.records import Fault, Kind, Pair, Row, Tally
from central.imports.rejects import Rejects
from central.imports.table import Table
from central.imports.values import DateOrder
from central.imports.work import Work, Writer
from wire.errors import ConfigError

Format = Literal["csv", "marc", "marcxml"]

BATCH: dict[Kind, int] = {"patrons": 1000, "items": 5000, "loans": 1000, "holds": 1000, "fees": 1000}
"""Rows in one commit."""

PIN_BATCH = 100
"""Rows in one commit where PINs are hashed: some seconds of work."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read."""

    kind: Kind
    form: Format = "csv"
    told: MapFile = field(default_factory=MapFile)
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    dates: DateOrder | None = None
    currency: str = "EUR"
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a file."""

    file: str
    kind: Kind
    trial: bool
    unit: Literal["line", "record"]
    """What faults count by."""
    tally: Tally
    went_on_at: int
    """Rows that were done before, by an import that was broken off."""
    unused: tuple[str, ...]
    """Columns of which nothing was taken."""
    faults: tuple[Fault, ...]
    """The first of them, in the order in which they were met."""
    rejected_file: str


def import_file(path: Path, reading: Reading, work: Work, meter: Meter) -> Report:
    """Bring a file in; raises ConfigError when it cannot be a file of this kind."""
    try:
        name = progress.key(path, f"{reading} {work.terms.make_branches}")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", do="Give the path of a file."
        ) from error
    source, plan = _open(path, reading, work)
    with closing(source):
        rejects = Rejects(path, source.columns, trial=work.terms.trial)
        run = _Run(name, plan, work, rejects, meter)
        run.go_on()
        before = run.tally.rows
        with ThreadPoolExecutor(work.terms.workers, "pin") as pool:
            writer = _writer(reading.kind, work, plan, pool)
            pairs = _prepare(reading.kind, ((raw, plan.row(raw)) for raw in source.rows()))
            pin = reading.kind == "patrons" and "pin" in plan.names
            try:
                run.all(
                    pairs, writer, reading.batch or (PIN_BATCH if pin else BATCH[reading.kind]), source.part
                )
            finally:
                meter.end()
    progress.drop(work.hot, name)
    return Report(
        file=str(path),
        kind=reading.kind,
        trial=work.terms.trial,
        unit="line" if reading.form == "csv" else "record",
        tally=run.tally,
        went_on_at=before,
        unused=plan.unused,
        faults=tuple(rejects.faults),
        rejected_file=str(rejects.path) if rejects.size else "",
    )


def _open(path: Path, reading: Reading, work: Work) -> tuple[Table | Marc, Plan]:
    told, kind = reading.told, reading.kind
    encoding = reading.encoding or told.encoding or "utf-8"
    source: Table | Marc
    if reading.form == "csv":
        source = Table(path, encoding, reading.delimiter or told.delimiter)
        taken = mapping.wanted_of_table(kind, source.columns, told)
        mapping.check(kind, taken)
    else:
        if kind != "items":
            raise ConfigError(
                f"{kind} are not in MARC records", do="Use --kind items, or a file of another --format."
            )
        taken = mapping.wanted_of_marc(told)
        mapping.check(kind, taken)
        source = Marc(path, taken, encoding, xml=reading.form == "marcxml")
    today = datetime.fromtimestamp(work.terms.now / 1000, UTC).date()
    known = fields(kind, reading.dates or told.dates or "iso", reading.currency)
    return source, Plan(source.columns, taken, known, today)


def _writer(kind: Kind, work: Work, plan: Plan, pool: ThreadPoolExecutor) -> Writer:
    match kind:
        case "patrons":
            return PatronWriter(work, plan.names, plan.notices, pool)
        case "items":
            return ItemWriter(work, plan.names)
        case "loans":
            return LoanWriter(work)
        case "holds":
            return HoldWriter(work)
        case "fees":
            return FeeWriter(work)
        case _:
            assert_never(kind)


def _prepare(kind: Kind, pairs: Iterable[Pair]) -> Iterator[Pair]:
    match kind:
        case "holds":
            return iter(in_turn(pairs))
        case "fees":
            return apart_from_their_like(pairs)
        case _:
            return iter(pairs)


class _Run:
    """The rows of one file on their way."""

    def __init__(self, name: str, plan: Plan, work: Work, rejects: Rejects, meter: Meter) -> None:
        self.tally = Tally()
        self._name = name
        self._plan = plan
        self._work = work
        self._rejects = rejects
        self._meter = meter

    def go_on(self) -> None:
        """Take up what is committed of this file, unless the rows that were set aside are gone."""
        known = progress.read(self._work.hot, self._name)
        if known is not None and self._rejects.go_on(known.rejected_bytes):
            self.tally = known.tally
        else:
            self._rejects.anew()
        self._meter.begin(self.tally.rows)

    def all(self, pairs: Iterator[Pair], writer: Writer, size: int, part: Callable[[], float]) -> None:
        """Bring all rows in that are not in yet."""
        for _ in islice(pairs, self.tally.rows):
            self._meter.tell(self.tally.rows, part())
        self._plan.notices.clear()
        while batch := list(islice(pairs, size)):
            self._batch(batch, writer)
            self._meter.tell(self.tally.rows, part())

    def _batch(self, batch: list[Pair], writer: Writer) -> None:
        self._work.begin()
        try:
            written = iter(writer.write([row for _, row in batch if isinstance(row, Row)]))
            for raw, row in batch:
                outcome = row if isinstance(row, Fault) else next(written)
                if isinstance(outcome, Fault):
                    outcome = replace(outcome, column=self._plan.column(outcome.column))
                    self._rejects.add(raw, outcome)
                self.tally.take(outcome)
            self.tally.note(self._plan.notices)
            self._plan.notices.clear()
            progress.save(self._work.hot, self._name, Progress(self.tally, self._rejects.keep()))
            self._work.commit()
        except BaseException:
            self._work.hot.rollback()
            raise
