"""The hot statements on the sqlite3 driver, part three: what terminals, holds and fees need."""

from central.ledger.hot_sqlite_asked import AskedHot
from central.ledger.rows import ItemShown


class ServicesHot(AskedHot):
    """What the desk needs beside lending itself."""

    def item_shown(self, item: str) -> ItemShown | None:
        """Return what is shown of an item."""
        row = self._run(self._sql.item_shown, (item,)).fetchone()
        return None if row is None else ItemShown(*row)

    def card_of(self, patron: str) -> str | None:
        """Return a card of a patron."""
        row = self._run(self._sql.card_of, (patron,)).fetchone()
        return None if row is None else row[0]

    def items_of(self, patron: str) -> list[str]:
        """Return the items a patron has, longest first."""
        return [row[0] for row in self._run(self._sql.items_of, (patron,))]

    def loan_ended(self, item: str, at: int) -> str | None:
        """Return the loan of an item that ended at this very moment."""
        row = self._run(self._sql.loan_ended, (item, at)).fetchone()
        return None if row is None else row[0]

    def loan_patron(self, request: str, patron: str) -> None:
        """Set whose a loan is that was forgotten too early."""
        self._run(self._sql.loan_patron, (patron, request))
