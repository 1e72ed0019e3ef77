"""The items of a ledger, read beside the central that owns it: for tag stations and shelf reading."""

from pathlib import Path

from kiosk.tagging.program import Wanted
from kiosk.tagging.shelf import Holding
from wire.errors import ConfigError


def holdings(url: str) -> list[tuple[Holding, Wanted]]:
    """Return every item that is not gone, in the order of the item ids; raises ConfigError."""
    from sqlalchemy import create_engine, select
    from sqlalchemy.exc import SQLAlchemyError

    from central.ledger.schema import item

    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).exists():
        raise ConfigError(f"{path}: there is no ledger", do="Give the URL of a ledger that exists.")
    try:
        engine = create_engine(url)
        with engine.connect() as db:
            rows = db.execute(
                select(item.c.item, item.c.owner, item.c.loan)
                .where(item.c.gone.is_(False))
                .order_by(item.c.item)
            ).all()
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        why = getattr(error, "orig", None) or str(error).splitlines()[0]  # without the statement and a link
        raise ConfigError(
            f"{url}: cannot be read: {why}",
            do="Give the URL of a ledger, e.g. sqlite:////var/lib/turnleaf/ledger.db.",
        ) from error
    return [(Holding(name, on_loan=loan is not None), Wanted(name, owner)) for name, owner, loan in rows]
