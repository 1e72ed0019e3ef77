"""The hot statements on the sqlite3 driver, part three: what terminals, holds and fees need."""

from datetime import date
from typing import Any

from central.ledger.hot_sqlite_asked import AskedHot
from central.ledger.hot_sqlite_streams import iso_date
from central.ledger.rows import ItemShown
from circulation.fees import Fee
from circulation.model import Hold


def _hold(row: tuple[Any, ...]) -> Hold:
    hold, patron, item, title, pickup, placed, expires, state, ready_item, ready_until, order = row
    return Hold(
        hold,
        patron or "",
        item,
        title,
        pickup,
        placed,
        iso_date(expires),
        state,
        ready_item,
        iso_date(ready_until),
        order,
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


class ServicesHot(AskedHot):
    """What the desk needs beside lending itself."""

    # --- what is shown at a terminal

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

    # --- loans, patrons, items

    def loan_ended(self, item: str, at: int) -> str | None:
        """Return the loan of an item that ended at this very moment."""
        row = self._run(self._sql.loan_ended, (item, at)).fetchone()
        return None if row is None else row[0]

    def checkin_station(self, fact: str) -> str | None:
        """Return where an item was taken back."""
        row = self._run(self._sql.checkin_station, (fact,)).fetchone()
        return None if row is None else row[0]

    def loan_patron(self, request: str, patron: str | None) -> None:
        """Forget whose a loan was, or set it where that was forgotten too early."""
        self._run(self._sql.loan_patron, (patron, request))

    def overdue(self, patron: str, today: date) -> int:
        """Count a patron's open loans that were due before `today`."""
        return int(self._run(self._sql.overdue, (patron, today.isoformat())).fetchone()[0])

    def patron_class(self, patron: str) -> str | None:
        """Return the class of a patron."""
        row = self._run(self._sql.patron_class, (patron,)).fetchone()
        return None if row is None else row[0]

    def bar(self, patron: str, reason: str | None) -> None:
        """Bar a patron's cards, or (None) let them go again."""
        self._run(self._sql.bar, (reason, patron))

    def properties(self, item: str, properties: str) -> None:
        """Set an item's properties."""
        self._run(self._sql.properties, (properties, item))

    def whereabouts(self, item: str, status: str, place: str | None) -> None:
        """Set an item's status word, and the branch where it was last seen, if that is not its own."""
        self._run(self._sql.whereabouts, (status, place, item))

    def copies(self, title: str) -> list[str]:
        """Return the copies of a title."""
        return [row[0] for row in self._run(self._sql.copies, (title,))]

    # --- holds

    def hold(self, hold: str) -> Hold | None:
        """Return a hold; its patron is empty once that was forgotten."""
        row = self._run(self._sql.hold, (hold,)).fetchone()
        return None if row is None else _hold(row)

    def holds_of(self, item: str, title: str) -> list[Hold]:
        """Return the open holds on an item, and those on its title (empty: it has none)."""
        return [_hold(row) for row in self._run(self._sql.holds_of, (item, title or None, item))]

    def holds_by(self, patron: str) -> int:
        """Count a patron's open holds."""
        return int(self._run(self._sql.holds_by, (patron,)).fetchone()[0])

    def holds_collected(self, at: int) -> list[Hold]:
        """Return the holds that were collected by loans that began at `at`."""
        return [_hold(row) for row in self._run(self._sql.holds_collected, (at,))]

    def free_copies(self, title: str, besides: str) -> int:
        """Count the copies of a title on the shelf, kept for nobody, besides one."""
        return int(self._run(self._sql.free_copies, (title, besides)).fetchone()[0])

    def holds_over(self, day: date) -> list[Hold]:
        """Return the open holds that may be over on a date."""
        return [_hold(row) for row in self._run(self._sql.holds_over, (day.isoformat(), day.isoformat()))]

    def next_hold(self) -> int:
        """Return the number of the next hold."""
        return int(self._run(self._sql.last_hold).fetchone()[0] or 0) + 1

    def new_hold(self, hold: Hold) -> None:
        """Insert a hold."""
        head = (hold.hold, hold.order, hold.patron, hold.item, hold.title, hold.pickup, hold.placed)
        tail = (_iso(hold.expires), hold.state, hold.ready_item, _iso(hold.ready_until), None)
        self._run(self._sql.new_hold, head + tail)

    def hold_state(self, hold: Hold, ended: int | None = None) -> None:
        """Store what became of a hold."""
        what = (hold.patron, hold.pickup, _iso(hold.expires), hold.state, hold.ready_item)
        self._run(self._sql.hold_state, (*what, _iso(hold.ready_until), ended, hold.hold))

    # --- fees

    def fee(self, fee: str) -> Fee | None:
        """Return a fee; its patron is empty once that was forgotten."""
        row = self._run(self._sql.fee, (fee,)).fetchone()
        return None if row is None else Fee(row[0], row[1] or "", *row[2:])

    def fees_of(self, patron: str) -> list[Fee]:
        """Return what a patron owes."""
        return [Fee(*row) for row in self._run(self._sql.fees_of, (patron,))]

    def new_fee(self, fee: Fee) -> None:
        """Insert a fee."""
        self._run(self._sql.new_fee, (fee.fee, fee.patron, fee.item, fee.kind, fee.amount, fee.paid, fee.at))

    def fee_amount(self, fee: str, amount: int) -> None:
        """Set what a fee comes to; one that comes to nothing is gone."""
        if amount:
            self._run(self._sql.fee_amount, (amount, fee))
        else:
            self._run(self._sql.drop_fee, (fee,))

    def fee_paid(self, fee: str, paid: int) -> None:
        """Set how much of a fee has been paid."""
        self._run(self._sql.fee_paid, (paid, fee))

    def payment(self, key: str) -> tuple[str | None, int] | None:
        """Return a payment's patron and amount."""
        row: tuple[str | None, int] | None = self._run(self._sql.payment, (key,)).fetchone()
        return row

    def payment_under(self, begins: str) -> tuple[str | None, int] | None:
        """Return the patron and the time of the last payment whose key is `begins`, a colon, and more."""
        found = self._run(self._sql.payment_under, (f"{begins}:", f"{begins};"))  # ; comes after : in ASCII
        row: tuple[str | None, int] | None = found.fetchone()
        return row

    def new_payment(self, key: str, patron: str, amount: int, at: int, terminal: str, means: str) -> None:
        """Insert a payment."""
        self._run(self._sql.new_payment, (key, patron, amount, at, terminal, means))

    # --- what may be repeated

    def repeat(self, digest: str) -> tuple[int, str, str] | None:
        """Return when a request was first carried out, as which fact, and its outcome."""
        row: tuple[int, str, str] | None = self._run(self._sql.repeat, (digest,)).fetchone()
        return row

    def new_repeat(self, digest: str, at: int, fact: str, outcome: str) -> None:
        """Keep the outcome of a request, instead of one that is over."""
        self._run(self._sql.drop_repeat, (digest,))
        self._run(self._sql.new_repeat, (digest, at, fact, outcome))
