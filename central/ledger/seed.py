"""Loading a registry file: branches, stations, patrons, items. Idempotent; loans are never touched.

{"branches": [{"branch": "main", "name": "Main library", "zone": "Europe/Copenhagen"}],
 "stations": [{"station": "kiosk-1", "branch": "main", "kind": "kiosk", "name": "By the door"}],
 "patrons":  [{"patron": "p1", "card": "C1", "first_name": "Ada", "class": "adult", "home": "main",
               "language": "en", "expires": "2027-01-31", "blocked": "card-blocked", "pin": "1234",
               "name": "Ada Example", "address": "A street 1", "email": "ada@library.example",
               "phone": "+45 00 00 00 00", "birth": "1990-01-31", "internet": "filtered"}],
 "items":    [{"item": "i1", "title": "A title", "class": "book", "media": "book",
               "owner": "DK-710100", "branch": "main", "gone": false, "title_id": "t1",
               "call_number": "813", "collection": "fiction", "status": "", "properties": "with a map"}]}

What stands here from `name` and from `title_id` on is changed only where it is told: a registry without
addresses leaves those that were imported. `turnleaf ledger import` brings in files of other systems.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from central.ledger import pins, schema
from central.ledger.history import settle_history
from central.ledger.hot_sqlite import Hot
from wire.errors import ConfigError
from wire.ids import CardNumber, Identifier, ItemId, StationName
from wire.messages.states import StationKind


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class BranchIn(_Row):
    """A building, and the zone of its due dates."""

    branch: StationName
    name: str
    zone: str

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("not an IANA time zone, like Europe/Copenhagen") from error
        return zone


class StationIn(_Row):
    """A station, named as its certificate is."""

    station: StationName
    branch: StationName
    kind: StationKind
    name: str = ""


class PatronIn(_Row):
    """A patron with one card."""

    patron: Identifier
    card: CardNumber
    first_name: str = ""
    patron_class: str = Field(alias="class")
    home: StationName
    language: str = ""
    expires: date | None = None
    blocked: str | None = None
    pin: str | None = Field(None, repr=False)
    name: str | None = Field(None, max_length=200, repr=False)
    address: str | None = Field(None, max_length=500, repr=False)
    email: str | None = Field(None, max_length=200, repr=False)
    phone: str | None = Field(None, max_length=60, repr=False)
    birth: date | None = Field(None, repr=False)
    internet: str | None = Field(None, max_length=64)


class ItemIn(_Row):
    """A physical copy."""

    item: ItemId
    title: str = Field("", max_length=300)
    item_class: str = Field(alias="class")
    media: str = ""
    owner: str = ""
    branch: StationName
    gone: bool = False
    title_id: str | None = Field(None, max_length=64)
    call_number: str | None = Field(None, max_length=60)
    collection: str | None = Field(None, max_length=60)
    status: str | None = Field(None, max_length=20)
    properties: str | None = Field(None, max_length=300)


class Registry(_Row):
    """A whole file; every part may be left out."""

    branches: tuple[BranchIn, ...] = ()
    stations: tuple[StationIn, ...] = ()
    patrons: tuple[PatronIn, ...] = ()
    items: tuple[ItemIn, ...] = ()


def read(path: Path) -> Registry:
    """Return the registry in a JSON file; raises ConfigError naming each fault, without quoting values."""
    try:
        return Registry.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", do="Give the path of a file."
        ) from error
    except ValidationError as error:
        faults = [".".join(map(str, fault["loc"])) + ": " + fault["msg"] for fault in error.errors()[:10]]
        raise ConfigError(
            f"{path}: {'; '.join(faults)}",
            why="Nothing of the file was loaded.",
            do="Mend the places that are named; docs/examples/registry.json shows how it should look.",
        ) from error


def upsert(table: Table, key: str, columns: tuple[str, ...]) -> str:
    """Return an insert of named values that replaces `columns` where `key` is there already."""
    statement = insert(table).values(dict.fromkeys((key, *columns)))
    kept = statement.on_conflict_do_update(
        index_elements=[key], set_={name: statement.excluded[name] for name in columns}
    )
    return str(kept.compile(dialect=sqlite.dialect(paramstyle="named")))


_BRANCH = upsert(schema.branch, "branch", ("name", "zone"))
_STATION = upsert(schema.station, "station", ("branch", "kind", "name"))
_PATRON = upsert(
    schema.patron, "patron", ("first_name", "class", "home", "language", "expires", "blocked", "pin")
)
_OF_PATRON = ("name", "address", "email", "phone", "birth", "internet")
_OF_ITEM = ("title_id", "call_number", "collection", "status", "properties")


def where_told(table: Table, key: str, columns: tuple[str, ...]) -> str:
    """Return an update of named values by key that leaves a column as it is where its value is NULL."""
    values: dict[str, Any] = {
        name: func.coalesce(bindparam(f"new_{name}"), table.c[name]) for name in columns
    }
    statement = update(table).values(values).where(table.c[key] == bindparam(key))
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))


_PATRON_TOLD = where_told(schema.patron, "patron", _OF_PATRON)
_ITEM_TOLD = where_told(schema.item, "item", _OF_ITEM)
_CARD = upsert(schema.card, "card", ("patron",))
_GONE = str(select(schema.item.c.item, schema.item.c.gone).compile(dialect=sqlite.dialect()))
_ITEM = upsert(schema.item, "item", ("title", "class", "media", "owner", "branch", "gone"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many of each a file held, and how many items are new or changed for gates."""

    branches: int
    stations: int
    patrons: int
    items: int
    changed: int


def load(hot: Hot, registry: Registry, now: int) -> Loaded:
    """Insert or update a registry in one transaction, at `now` (ms)."""
    hot.begin()
    try:
        run = hot.connection.executemany
        run(_BRANCH, [row.model_dump() for row in registry.branches])
        run(_STATION, [row.model_dump() for row in registry.stations])
        run(_PATRON, [_patron(row) for row in registry.patrons])
        run(_PATRON_TOLD, _told(registry.patrons, "patron", _OF_PATRON))
        run(_CARD, [{"card": row.card, "patron": row.patron} for row in registry.patrons])
        before = dict(hot.connection.execute(_GONE).fetchall())
        run(_ITEM, [row.model_dump(by_alias=True, exclude=set(_OF_ITEM)) for row in registry.items])
        run(_ITEM_TOLD, _told(registry.items, "item", _OF_ITEM))
        changed = [row for row in registry.items if before.get(row.item) != row.gone]
        _tell_gates(hot, changed, before, now)
        hot.commit()
    except BaseException:
        hot.rollback()
        raise
    sizes = (registry.branches, registry.stations, registry.patrons, registry.items)
    branches, stations, patrons, items = map(len, sizes)
    return Loaded(branches, stations, patrons, items, len(changed))


def _tell_gates(hot: Hot, changed: list[ItemIn], before: dict[str, bool], now: int) -> None:
    """Number the changes. A new item may have a history: it was returned before it was known."""
    n = hot.last_change()
    numbered = []
    for number, given in enumerate(changed, n + 1):
        row = hot.item(given.item)
        if row is None:
            raise RuntimeError("an item vanished while it was loaded")
        state = row.state if given.item in before else settle_history(hot, given.item)
        row = row._replace(state=state)
        hot.item_state(given.item, row.version + 1, state)
        numbered.append((number, given.item, row.version + 1, row.word, now))
    hot.changes(numbered)


def _patron(row: PatronIn) -> dict[str, Any]:
    told = row.model_dump(by_alias=True, mode="json", exclude={"card", *_OF_PATRON})
    told["pin"] = None if row.pin is None else pins.seal(row.pin)
    return told


def _told(rows: Iterable[PatronIn | ItemIn], key: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the further values of the rows that tell any."""
    found = []
    for row in rows:
        told = row.model_dump(mode="json", include={key, *columns})
        if any(told[name] is not None for name in columns):
            found.append({key: told[key], **{f"new_{name}": told[name] for name in columns}})
    return found
