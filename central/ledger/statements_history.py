"""How an item's history is found: each loan, each return names what was recorded of its item before it.

Whoever asks goes from `newest` back, event by event. That takes a look-up or two for each, and is seldom
wanted: when something is told late, or a patron is to be forgotten.
"""

from typing import Any

from sqlalchemy import CTE, Insert, Table, bindparam, exists, func, insert, literal_column, select

from central.ledger.schema import checkin, loan, newest

_PREVIOUS = select(newest.c.event).where(newest.c.item == bindparam("of")).scalar_subquery()


def following(table: Table) -> Insert:
    """Return an insert of all columns in the table's order, then the item: what came before is looked up."""
    told: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns}
    return insert(table).values(told | {"previous": _PREVIOUS})


def _back() -> CTE:
    step = select(newest.c.event).where(newest.c.item == bindparam("item")).cte("back", recursive=True)
    lent, returned = loan.alias("lent"), checkin.alias("returned")
    of_loan = select(lent.c.previous).where(lent.c.request == step.c.event).scalar_subquery()
    of_return = select(returned.c.previous).where(returned.c.fact_id == step.c.event).scalar_subquery()
    # Not UNION ALL: where an event of a damaged ledger comes before itself, the way back ends all the same.
    return step.union(select(func.coalesce(of_loan, of_return)).where(step.c.event.is_not(None)))


_BACK = _back()
EVENTS_OF = select(_BACK.c.event)
"""The ids of an item's loans and returns, each once and in no order to count on, and a NULL in the end."""
_RETURNED = (
    exists()
    .where(checkin.c.fact_id == _BACK.c.event)
    .where(checkin.c.at >= bindparam("since"))
    .where(checkin.c.secured.is_distinct_from(literal_column("'undone'")))
)
RETURNED_SINCE = select(select(_BACK.c.event).where(_RETURNED).exists())
