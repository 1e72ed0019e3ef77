"""What patrons owe in another system, into the ledger.

What is paid is left out, and so are credits: a fee here is something that is still owed. A fee that is there
already changes in one way only: more of it was paid.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import bindparam, select
from sqlalchemy import update as sql_update

from central.imports.people import People, identity, told_by
from central.imports.records import LeftOut, Outcome, Pair, Row
from central.imports.work import Work, fault, insert, sql
from central.ledger import schema

PAID = "fee that is paid"
CREDIT = "credit or payment"

_LIKE = ("patron", "card", "item", "kind", "amount", "at")
_fee = schema.fee
_KNOWN = sql(select(_fee.c.paid).where(_fee.c.fee == bindparam("key")))
_PAY = sql(sql_update(_fee).values(paid=bindparam("paid")).where(_fee.c.fee == bindparam("key")))


def apart_from_their_like(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Number the rows that say the same: two fees of 0.50 on one day are two."""
    seen: Counter[str] = Counter()
    for raw, row in pairs:
        if isinstance(row, Row) and not row.told.get("fee"):
            like = identity("like", *(row.told.get(name) for name in _LIKE))
            seen[like] += 1
            row.told["nth"] = seen[like]
        yield raw, row


class FeeWriter:
    """Writes fees."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._people = People(work)
        self._insert = insert(_fee, [column.name for column in _fee.columns])

    def write(self, rows: Sequence[Row]) -> list[Outcome]:
        """Add what is owed."""
        return [self._one(row) for row in rows]

    def _one(self, row: Row) -> Outcome:
        told, run = row.told, self._work.hot.connection.execute
        amount = told["amount"]
        owed = told.get("owed")
        owed = amount if owed is None else owed
        if amount <= 0 or owed < 0:
            return LeftOut(CREDIT)
        if owed > amount:
            return fault(row, "owed", "is more than the amount")
        patron = self._people.find(told)
        if patron is None:
            return (
                LeftOut(PAID)
                if owed == 0
                else fault(row, told_by(told), "is not in the ledger; import patrons first")
            )
        at = self._work.instant(told["at"], patron[1])
        kind, item = told.get("kind", "other"), told.get("item")
        own = (told["fee"],) if told.get("fee") else (item, kind, amount, at, told["nth"])
        key = identity("fee", patron[0], *own)
        known = run(_KNOWN, {"key": key}).fetchone()
        paid = amount - owed
        if known is None and owed == 0:
            return LeftOut(PAID)
        if known is None:
            values = {"fee": key, "patron": patron[0], "item": item, "kind": kind}
            run(self._insert, {**values, "amount": amount, "paid": paid, "at": at})
            return "added"
        if paid <= known[0]:
            return "unchanged"
        run(_PAY, {"paid": paid, "key": key})
        return "changed"
