"""Who and what a row of loans, holds or fees is about."""

import hashlib
from typing import Any

from sqlalchemy import bindparam, select

from central.imports.work import Work, sql
from central.ledger import schema


class People:
    """Finds patrons, by their id or their card."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._by_id = sql(
            select(schema.patron.c.patron, schema.patron.c.home).where(
                schema.patron.c.patron == bindparam("key")
            )
        )
        self._by_card = sql(
            select(schema.patron.c.patron, schema.patron.c.home)
            .join(schema.card, schema.card.c.patron == schema.patron.c.patron)
            .where(schema.card.c.card == bindparam("key"))
        )

    def find(self, told: dict[str, Any]) -> tuple[str, str] | None:
        """Return a patron and the home branch; None when the ledger has nobody like that."""
        run = self._work.hot.connection.execute
        for key, query in (("patron", self._by_id), ("card", self._by_card)):
            if told.get(key):
                found: tuple[str, str] | None = run(query, {"key": told[key]}).fetchone()
                if found is not None:
                    return found
        return None


def told_by(told: dict[str, Any]) -> str:
    """Return the field by which a row tells the patron."""
    return "patron" if told.get("patron") else "card"


def identity(kind: str, *parts: object) -> str:
    """Return the id of what a row tells: the same row has the same id however often it comes."""
    told = "\x1f".join(["import", kind, *("" if part is None else str(part) for part in parts)])
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
