"""The hot statements of what stands beside lending: terminals, holds, fees. As in `statements`."""

from sqlalchemy import bindparam, false, select

from central.ledger.schema import OPEN, card, item, loan
from central.ledger.statements_base import by, put

__all__ = ["CARD_OF", "ITEMS_OF", "ITEM_SHOWN", "LOAN_ENDED", "LOAN_PATRON"]

ITEM_SHOWN = by(
    item.c.item,
    item.c.title,
    item.c.media,
    item.c.branch,
    item.c.properties,
    item.c.call_number,
    item.c.collection,
)
CARD_OF = by(card.c.patron, card.c.card).order_by(card.c.card)
ITEMS_OF = select(loan.c.item).where(loan.c.patron == bindparam("patron")).where(OPEN).order_by(loan.c.start)
LOAN_ENDED = (
    select(loan.c.request)
    .where(loan.c.item == bindparam("item"))
    .where(loan.c.ended == bindparam("ended"))
    .where(loan.c.withdrawn == false())
    .order_by(loan.c.start.desc())
)
LOAN_PATRON = put(loan, loan.c.patron, where={loan.c.request: "request"})
