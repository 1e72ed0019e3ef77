"""What a group of entries reads, fetched together: one statement for all ids, handed over as a JSON list.

All that is found comes in one value, a JSON list with a list for each row, so that the driver is called once
(`many_rows`). The first column is the id that was looked for.
"""

from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select

from central.ledger import statements
from central.ledger.schema import (
    OPEN,
    branch,
    card,
    case,
    checkin,
    item,
    journal,
    loan,
    patron,
    station,
    stream,
)
from central.ledger.schema_services import QUEUED, hold

_IDS: Any = select(func.json_each(bindparam("ids")).table_valued("value").c.value)
_TITLES: Any = select(func.json_each(bindparam("titles")).table_valued("value").c.value)


def _listed(query: Select[Any]) -> Select[Any]:
    """Return the query with its rows as one JSON list of lists."""
    rows = query.subquery()
    return select(func.json_group_array(func.json_array(*rows.c)))


GATHER_KNOWN = _listed(select(journal.c.fact_id).where(journal.c.fact_id.in_(_IDS)))
GATHER_STREAMS = _listed(
    select(stream.c.stream, *statements.STREAM.selected_columns).where(stream.c.stream.in_(_IDS))
)
GATHER_PLACES = _listed(
    select(station.c.station, station.c.branch, branch.c.zone)
    .join(branch, branch.c.branch == station.c.branch)
    .where(station.c.station.in_(_IDS))
)
GATHER_ITEMS = _listed(select(item.c.item, *statements.ITEM.selected_columns).where(item.c.item.in_(_IDS)))
GATHER_PATRONS = _listed(
    select(
        card.c.card,
        patron.c.patron,
        patron.c["class"],
        patron.c.expires,
        patron.c.blocked,
        patron.c.barred,
    )
    .join(patron, card.c.patron == patron.c.patron)
    .where(card.c.card.in_(_IDS))
)
GATHER_COUNTS = _listed(
    select(loan.c.patron, func.count()).where(loan.c.patron.in_(_IDS)).where(OPEN).group_by(loan.c.patron)
)
GATHER_CLASSES = _listed(
    select(loan.c.patron, item.c["class"], func.count())
    .join(item, item.c.item == loan.c.item)
    .where(loan.c.patron.in_(_IDS))
    .where(OPEN)
    .group_by(loan.c.patron, item.c["class"])
)
GATHER_LOANS = _listed(
    select(loan.c.request, *statements.LOAN.selected_columns).where(loan.c.request.in_(_IDS))
)
GATHER_CHECKINS = _listed(
    select(checkin.c.fact_id, *statements.CHECKIN.selected_columns).where(checkin.c.fact_id.in_(_IDS))
)
GATHER_CASED = _listed(select(case.c.item).where(case.c.item.in_(_IDS)).where(case.c.closed.is_(None)))
GATHER_WANTED = _listed(
    select(hold.c.item, hold.c.title_id)
    .where(QUEUED)
    .where(or_(hold.c.item.in_(_IDS), hold.c.title_id.in_(_TITLES)))
)
