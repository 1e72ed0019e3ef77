"""How hot statements are written: parameters by place, named for people."""

from typing import Any

from sqlalchemy import Column, Select, Table, Update, bindparam, select, update


def put(table: Table, *values: Any, where: dict[Any, str]) -> Update:
    """Return an update that sets columns from parameters (or to a fixed value given as a pair)."""
    pairs = [v if isinstance(v, tuple) else (v, bindparam(f"to_{v.name}")) for v in values]
    statement = update(table).ordered_values(*pairs)
    for column, name in where.items():
        statement = statement.where(column == bindparam(name))
    return statement


def by(key: Column[Any], *columns: Any) -> Select[Any]:
    """Return a select of columns by one key."""
    return select(*columns).where(key == bindparam("key"))
