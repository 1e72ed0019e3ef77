"""Patrons and their cards into the ledger.

A patron is told by `patron` (Koha's borrowernumber), or by whom the card belongs to; a card that nobody has
is a new patron under the card's number. Further rows of a patron with other cards add these. A card is never
taken from one patron for another: that is for somebody to look at.

PINs are hashed with scrypt, which takes its time by intention, so on all cores. A bcrypt hash, as Koha keeps
it, is taken as it is; any other system's hash cannot be compared here, so it is left out, and counted.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from central.imports.records import Outcome, Row
from central.imports.work import Work, among, apart, fault, insert, update
from central.ledger import pins, schema

_FOREIGN = re.compile(
    r"\$(?:2[abxy]?|argon2\w*|[1567y]|scrypt|pbkdf2\S*|bcrypt\S*)\$\S+"
    r"|\{[A-Z0-9-]+\}\S+|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[A-Za-z0-9+/]{22}",
    re.ASCII,
)
"""Hashes of other systems: crypt's, LDAP's {SSHA}, bare MD5, SHA-1 and SHA-256."""

FOREIGN = "PIN left out: a hash of another system; the patron needs a new PIN"
_TRIAL_N = 2
"""Cost of a seal in a copy that is thrown away."""


class PatronWriter:
    """Writes patrons."""

    def __init__(
        self, work: Work, names: Sequence[str], notices: Counter[str], pool: ThreadPoolExecutor
    ) -> None:
        self._work = work
        self._notices = notices
        self._columns = [name for name in names if name not in ("patron", "card")]
        self._told = [name for name in self._columns if name != "pin"]
        self._complete = "class" in names and "home" in names
        self._known = among(schema.patron, "patron", ("patron", "pin", *self._told))
        self._owners = among(schema.card, "card", ("card", "patron"))
        self._insert = insert(schema.patron, ("patron", *self._columns))
        self._update = update(schema.patron, "patron", self._columns) if self._columns else ""
        self._card = insert(schema.card, ("card", "patron"))
        self._pool = pool

    def write(self, rows: Sequence[Row]) -> list[Outcome]:
        """Add or change patrons, and add their cards."""
        done: list[Outcome] = []
        owners = self._owners_of(rows)

        def people(row: Row) -> list[str]:
            card = row.told.get("card")
            return [f"patron {_patron(row, owners)}", *([f"card {card}"] if card else [])]

        for piece in apart(rows, people):
            done += self._piece(piece)
        return done

    def _owners_of(self, rows: Sequence[Row]) -> dict[str, str]:
        cards = json.dumps([row.told["card"] for row in rows if row.told.get("card")])
        return dict(self._work.hot.connection.execute(self._owners, {"keys": cards}).fetchall())

    def _piece(self, rows: list[Row]) -> list[Outcome]:
        run = self._work.hot.connection
        owners = self._owners_of(rows)
        told_by = [_patron(row, owners) for row in rows]
        known = {row[0]: row for row in run.execute(self._known, {"keys": json.dumps(told_by)})}
        sealed = self._seal(rows, [known.get(patron) for patron in told_by])
        new: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        new_cards: list[dict[str, str]] = []
        done: list[Outcome] = []
        for row, patron, pin in zip(rows, told_by, sealed, strict=True):
            card, before = row.told.get("card"), known.get(patron)
            wrong = self._wrong(row.told, patron, owners, fresh=before is None)
            if wrong is not None:
                done.append(fault(row, *wrong))
                continue
            if patron and card and card not in owners:
                new_cards.append({"card": card, "patron": patron})
            told = {name: _plain(row.told[name]) for name in self._told}
            whole = {**told, "patron": patron, **({"pin": pin} if "pin" in self._columns else {})}
            if before is None:
                new.append(whole)
                done.append("added")
            elif before[2:] == tuple(told.values()) and pin == before[1]:
                done.append("changed" if card and card not in owners else "unchanged")
            else:
                changed.append({**whole, "old_patron": patron})
                done.append("changed")
        run.executemany(self._insert, new)
        if changed:
            run.executemany(self._update, changed)
        run.executemany(self._card, new_cards)
        return done

    def _wrong(
        self, told: dict[str, Any], patron: str | None, owners: dict[str, str], *, fresh: bool
    ) -> tuple[str, str] | None:
        card = told.get("card")
        if patron is None:
            return "card", "and patron are empty: nobody can be told by that"
        if card and owners.get(card, patron) != patron:
            return "card", "belongs to another patron of the ledger"
        if not fresh and not told.get("patron") and card not in owners:
            return "card", "is what another patron of the ledger is called; tell patron, too"
        if fresh and not self._complete:
            return "class", "and home are needed: the patron is not in the ledger"
        if "home" in told and told["home"] not in self._work.branches:
            reason = self._work.branch(told["home"])
            return None if reason is None else ("home", reason)
        return None

    def _seal(self, rows: list[Row], known: Sequence[tuple[Any, ...] | None]) -> list[str | None]:
        """Return what is stored of each row's PIN; where the file says nothing, what is stored already."""

        def one(row: Row, stored: str | None) -> Callable[[], str | None]:
            pin = row.told.get("pin")
            if not pin or pin in ("!", "*"):
                return lambda: stored
            if pins.is_sealed(pin):
                return lambda: str(pin)
            if _FOREIGN.fullmatch(pin):
                self._notices[FOREIGN] += 1
                return lambda: stored
            cost = {"n": _TRIAL_N} if self._work.terms.trial else {}
            return lambda: stored if stored and pins.fits(pin, stored) else pins.seal(pin, **cost)

        tasks = [one(row, before[1] if before else None) for row, before in zip(rows, known, strict=True)]
        return list(self._pool.map(lambda task: task(), tasks))


def _patron(row: Row, owners: dict[str, str]) -> str | None:
    """Return the patron of a row: the one it tells, else the owner of its card, else a new one."""
    card = row.told.get("card")
    return row.told.get("patron") or owners.get(card or "") or card


def _plain(value: Any) -> Any:
    """Return a value as SQLite keeps it."""
    return value.isoformat() if isinstance(value, date) else value
