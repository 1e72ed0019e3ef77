"""The table of alarms: load all, save some. What they mean stands in `central.alarms`."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select
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
    ).compile(dialect=sqlite.dialect(paramstyle="named"))
)


def load_all(db: Connection, *, open_only: bool = True) -> list[AlarmRow]:
    """Return alarms, oldest first: `await ledger.read(alarms.load_all)`."""
    query = select(alarm).order_by(alarm.c.since)
    if open_only:
        query = query.where(alarm.c.closed.is_(None))
    return [AlarmRow(**_fields(row._mapping)) for row in db.execute(query)]


def save(hot: Hot, rows: Iterable[AlarmRow]) -> None:
    """Insert or replace alarms: `await desk.write(lambda hot: alarms.save(hot, rows))`."""
    hot.connection.executemany(_SAVE, [asdict(row) for row in rows])


def _fields(mapping: Any) -> dict[str, Any]:
    return {name: mapping[name] for name in AlarmRow.__dataclass_fields__}
