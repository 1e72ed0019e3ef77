"""A damaged edge.db: set it aside, carry what can still be read into a new stream (docs/streams.md S4).

The new file is finished under another name before the damaged one is moved, so that a power cut at any
moment leaves either the damaged file, to be salvaged again, or the new one, to be moved into place.
What could not be read is not silent: the new stream begins with `began {reason: salvage}`, and central
opens a case for what the old stream had promised and never brought (C1).
"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from wire.clock import Stamper
from wire.edge.model import REQUESTS, Phase
from wire.edge.rows import OutboxRow, crc_of, instant, pack, unreadable, voided
from wire.edge.schema import Connect, prepare
from wire.ids import new_id
from wire.messages.base import stamped
from wire.messages.facts import Began

log = logging.getLogger("turnleaf.wire.edge")

_COMPANIONS = ("-wal", "-shm")
_PROBES = 200_000
"""How many single numbers are tried between the two ends of a damaged table."""

_CLOSED_BY: dict[str, Phase] = {
    "tag-written/1": "done",
    "tag-unknown/1": "unknown",
    "withdrawn/1": "withdrawn",
}


def finish_move(path: Path) -> None:
    """Complete a salvage that was cut between its two moves; drop one that was cut before them."""
    ready = salvaged_name(path)
    if ready.exists() and path.exists():
        _remove(ready)
    elif ready.exists():
        for end in _COMPANIONS:
            path.with_name(path.name + end).unlink(missing_ok=True)
        ready.rename(path)


def salvaged_name(path: Path) -> Path:
    """Return where the new file is built."""
    return path.with_name(path.name + ".salvaged")


def salvage(path: Path, *, stamper: Stamper, connect: Connect) -> Path:
    """Replace the damaged file at `path`; return where the damaged one stands now."""
    ready = salvaged_name(path)
    _remove(ready)
    found = _read(path, connect)
    with closing(connect(ready)) as db:
        prepare(db, "FULL")
        db.execute("BEGIN IMMEDIATE")
        _write(db, found, stamper)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=DELETE")  # one file, complete, before it is moved
    aside = _free_name(path, stamper.clock.now())
    path.rename(aside)
    for end in _COMPANIONS:
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + end))
    ready.rename(path)
    log.error(
        "edge.db was damaged: %d rows carried into a new stream, %d not confirmed lost, the old file is %s",
        len(found.rows),
        found.missing,
        aside,
    )
    return aside


def _free_name(path: Path, now: datetime) -> Path:
    """Return a name that does not stand yet; two salvages may fall into one second."""
    base = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}")
    number = 1
    aside = base
    while aside.exists():
        number += 1
        aside = base.with_name(f"{base.name}-{number}")
    return aside


def _remove(path: Path) -> None:
    for end in ("", *_COMPANIONS, "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@dataclass
class _Found:
    """What can be read in a damaged file."""

    rows: list[OutboxRow] = field(default_factory=list)
    phases: dict[Any, Any] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    confirmed: int = 0
    """How far central has the rows, as it said last."""
    known: int = 0
    """How far it ever had them."""

    @property
    def missing(self) -> int:
        """How many numbers that central had not confirmed are not among the rows, up to the last that is."""
        if not self.rows:
            return 0
        begins = self.confirmed or self.rows[0].seq - 1
        held = sum(row.seq > begins for row in self.rows)
        return max(0, self.rows[-1].seq - begins - held)


def _read(path: Path, connect: Connect) -> _Found:
    found = _Found()
    rows: dict[int, OutboxRow] = {}
    try:
        db = connect(path)
    except sqlite3.Error:
        return found
    with closing(db):
        for stream, older in _each(db, "SELECT stream, parents FROM stream"):
            if isinstance(told := _text(stream), str):
                found.parents = (*_streams(_text(older)), told)
        found.confirmed = _number(db, "confirmed")
        found.known = max(found.confirmed, _number(db, "known"))  # an older file has not the second
        visits = _each(db, "SELECT request_id, phase FROM visit")
        found.phases = {_text(request): _text(phase) for request, phase in visits}
        crc = "crc" if _has_crc(db) else "NULL"
        columns = f"SELECT seq, id, kind, body, at, answer, void_reason, {crc} FROM outbox"  # noqa: S608
        for order in ("seq", "seq DESC"):  # from both ends up to the damage
            for row in _each(db, f"{columns} ORDER BY {order}"):
                rows.setdefault(row[0], _typed(*row))
        for seq in _between(rows):  # and each number in between
            for row in _each(db, f"{columns} WHERE seq = {seq}"):
                rows.setdefault(row[0], _typed(*row))
    found.rows = [row for _, row in sorted(rows.items()) if _is_row(row)]
    if dropped := len(rows) - len(found.rows):
        log.error("edge.db was damaged: %d rows are no rows any more and were dropped", dropped)
    return found


def _number(db: sqlite3.Connection, column: str) -> int:
    values = [value for (value,) in _each(db, f"SELECT {column} FROM stream")]  # noqa: S608 - a constant
    return max((value for value in values if isinstance(value, int)), default=0)


def _has_crc(db: sqlite3.Connection) -> bool:
    """Say whether the damaged file has sums; one of an older program has none."""
    return any(column[1] == "crc" for column in _each(db, "PRAGMA table_info(outbox)"))


def _each(db: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield rows until the damage."""
    try:
        yield from db.execute(query)
    except (sqlite3.Error, UnicodeError):
        return


def _between(rows: dict[int, OutboxRow]) -> list[int]:
    if not rows:
        return []
    low, high = min(rows), max(rows)
    return [seq for seq in range(low, min(high, low + _PROBES)) if seq not in rows]


def _typed(seq: int, *columns: Any) -> OutboxRow:
    """Return a row with the types of its table: one bit of a record tells text from blob, and it may flip.

    The bytes are the same in either type, so the row's sum still proves them.
    """
    row_id, kind, body, at, answer, void_reason, crc = columns
    texts = _text(row_id), _text(kind), _blob(body), _text(at), _blob(answer), _text(void_reason)
    return OutboxRow(seq, *texts, crc)


def _text(value: Any) -> Any:
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _blob(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _is_row(row: OutboxRow) -> bool:
    """Say whether the columns have the types of their table, and those that name the row are not empty."""
    texts: tuple[object, ...] = row.id, row.kind, row.at
    types = [type(part) for part in (row.body, row.answer, row.void_reason)]
    told = types[0] is bytes and types[1] in (bytes, type(None)) and types[2] in (str, type(None))
    return told and all(isinstance(part, str) and part for part in texts)


def _streams(older: object) -> tuple[str, ...]:
    try:
        found = json.loads(str(older))
    except ValueError:
        return ()
    return tuple(str(stream) for stream in found) if isinstance(found, list) else ()


def _write(db: sqlite3.Connection, found: _Found, stamper: Stamper) -> None:
    rows = found.rows
    began = Began(
        parents=found.parents,
        first=rows[0].seq if rows else 0,
        last=rows[-1].seq if rows else 0,
        reason="salvage",
        missing=found.missing or None,
        **stamped(stamper.stamp()),
    )
    packed, _ = pack(began)
    insert = "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    mark = 1 + sum(row.seq <= found.known for row in rows)
    db.execute(
        "INSERT INTO stream VALUES (1, ?, ?, 0, 0, '', ?)", (new_id(), json.dumps(found.parents), mark)
    )
    first = OutboxRow(1, new_id(), began.schema_name, packed, instant(began.at))
    db.execute(insert, (*_columns(first), crc_of(first)))
    seq = 1
    for row in rows:
        carried = replace(row, seq=seq + 1)
        if why := unreadable(row):
            carried = voided(carried, why)
        seq += db.execute(insert, (*_columns(carried), crc_of(carried))).rowcount
    read = {request: phase for request, phase in found.phases.items() if _is_phase(phase)}
    told = _phases_from(rows) | read
    held = {row.id for row in rows}
    db.executemany("INSERT INTO visit VALUES (?, ?)", [pair for pair in told.items() if pair[0] in held])


def _columns(row: OutboxRow) -> tuple[object, ...]:
    return row.seq, row.id, row.kind, row.body, row.at, row.answer, row.void_reason


def _is_phase(phase: object) -> bool:
    return phase in ("waiting", "writing", "done", "refused", "withdrawn", "unknown")


def _phases_from(rows: list[OutboxRow]) -> dict[str, Phase]:
    """Return what the rows themselves say of their requests, where the visit log cannot be read."""
    phases: dict[str, Phase] = {}
    for row in rows:
        if unreadable(row) or row.void_reason is not None:
            continue
        if row.kind in REQUESTS:
            answer = json.loads(row.answer) if row.answer is not None else None
            if answer is None:
                phases[row.id] = "waiting"
            elif answer["outcome"] == "refused":
                phases[row.id] = "refused"
            else:
                phases[row.id] = "writing" if row.kind == "checkout/1" else "done"
        elif row.kind in _CLOSED_BY:
            phases[str(json.loads(row.body).get("request"))] = _CLOSED_BY[row.kind]
    return phases
