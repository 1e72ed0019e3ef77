"""The table of alarms: load what counts, save some. What they mean stands in `central.alarms`."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, false, literal_column, null, or_, select, true, update
from sqlalchemy import case as _case
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from central.ledger.hot_sqlite import Hot
from central.ledger.schema import alarm


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm with its life cycle (ISA-18.2). Moments are ms since 1970 UTC; None where it has not come."""

    alarm: str
    rule: str
    station: str
    branch: str
    part: str
    severity: str
    state: str
    since: int
    """When the condition began to stand."""
    at: int
    """Last change."""
    seen: str = ""
    why: str = ""
    do: str = ""
    standing: bool = True
    """Whether the condition stands now."""
    returned_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    note: str = ""
    shelved_until: int | None = None
    shelved_by: str = ""
    suppressed_by: str = ""
    """Key of the alarm that makes this one moot (a branch offline)."""
    out_of_service_by: str = ""
    out_of_service_until: int | None = None
    times: int = 1
    """How often it was raised since it was last closed."""
    value: float | None = None
    closed: int | None = None


_INSERT = insert(alarm)
_SAVE = str(
    _INSERT.on_conflict_do_update(
        index_elements=["alarm"],
        set_={c.name: _INSERT.excluded[c.name] for c in alarm.columns if c.name != "alarm"},
        where=alarm.c.at <= _INSERT.excluded.at,
    ).compile(dialect=sqlite.dialect(paramstyle="named"))
)
_AGAIN = str(
    update(alarm)
    .values(
        seen=bindparam("to_seen"),
        at=bindparam("to_at"),
        since=bindparam("to_at"),
        standing=true(),
        returned_at=null(),
        acknowledged_at=null(),
        times=alarm.c.times + literal_column("1"),
        state=_case(
            (
                alarm.c.state == literal_column("'returned-unacknowledged'"),
                literal_column("'unacknowledged'"),
            ),
            else_=alarm.c.state,
        ),
    )
    .where(alarm.c.alarm == bindparam("key"))
    .where(alarm.c.standing == false())
    .compile(dialect=sqlite.dialect(paramstyle="named"))
)


def load_all(db: Connection, *, closed_after: int | None = None) -> list[AlarmRow]:
    """Return alarms that are not closed, oldest first: `await ledger.read(alarms.load_all)`.

    With `closed_after` also those that were closed later than that; all there ever were would be many.
    """
    query = select(alarm).order_by(alarm.c.since)
    if closed_after is None:
        query = query.where(alarm.c.closed.is_(None))
    else:
        query = query.where(or_(alarm.c.closed.is_(None), alarm.c.closed > closed_after))
    return [AlarmRow(**_fields(row._mapping)) for row in db.execute(query)]


def save(hot: Hot, rows: Iterable[AlarmRow]) -> None:
    """Insert or replace alarms: `await desk.write(lambda hot: alarms.save(hot, rows))`.

    What was changed later than a row's `at` (by a commit that let the alarm stand again) is kept.
    """
    hot.connection.executemany(_SAVE, [asdict(row) for row in rows])


def stand_again(hot: Hot, row: AlarmRow) -> None:
    """Let an alarm that was over, but is not closed, stand again since `row.at`; one that stands is left.

    It is dated a millisecond later, so that a closing of the same moment, saved after this, is not kept.
    """
    hot.connection.execute(_AGAIN, {"to_seen": row.seen, "to_at": row.at + 1, "key": row.alarm})


def _fields(mapping: Any) -> dict[str, Any]:
    return {name: mapping[name] for name in AlarmRow.__dataclass_fields__}
