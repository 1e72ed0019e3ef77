"""A small library kept in memory by the rules alone: three copies of two titles, three patrons, two branches."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from circulation.decide import Granted, decide, decide_happened
from circulation.due import local_date
from circulation.fees import Fee, overdue_fine, owing, pay, settle, struck
from circulation.history import ItemEvent, Lent, Returned
from circulation.hold_requests import AskedHold, decide_cancel, decide_place, own_hold
from circulation.holds import HoldShelf, expire, first_waiting, is_open, on_return, reopen
from circulation.model import Asked, Hold, Item, OpenLoan, Patron, Place
from circulation.policy import Policy
from wire.messages.stream import Refusal

ZONE = "Europe/Copenhagen"
DAY = 86_400_000
BEGIN = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
PATRONS = ("p1", "p2", "p3")
TITLES = {"i1": "t1", "i2": "t1", "i3": "t2"}
BRANCHES = ("main", "north")

Doing = tuple[str, str, str, str, int]
"""What, patron, item, branch, a number."""
Check = Callable[[Policy, "Library", "Library", str], None]


@dataclass(frozen=True)
class Library:
    """All that is kept."""

    at: int = BEGIN
    lies: tuple[tuple[str, str], ...] = tuple((item, "main") for item in TITLES)
    loans: tuple[tuple[str, OpenLoan], ...] = ()
    holds: tuple[Hold, ...] = ()
    fees: tuple[Fee, ...] = ()
    events: tuple[tuple[str, ItemEvent], ...] = ()
    charged: int = 0
    paid: int = 0
    refused: int = 0
    collected: tuple[tuple[str, str | None], ...] = ()
    """Requests that began a loan, and the hold that each collected."""

    @property
    def today(self) -> date:
        return local_date(self.at, ZONE)

    def item(self, item: str) -> Item:
        return Item(item, "book", "main", loan=dict(self.loans).get(item), title=TITLES[item])

    def patron(self, patron: str) -> Patron:
        mine = [loan for _, loan in self.loans if loan.patron == patron]
        known = Patron(
            patron,
            "adult",
            loans=len(mine),
            overdue=sum(loan.due < self.today for loan in mine),
            holds=sum(hold.patron == patron and is_open(hold) for hold in self.holds),
        )
        return owing(known, [fee for fee in self.fees if fee.patron == patron])

    def holds_of(self, item: str, rng: random.Random) -> tuple[Hold, ...]:
        """The open holds on an item and its title, in no order."""
        found = [hold for hold in self.holds if is_open(hold) and hold.title == TITLES[item]]
        rng.shuffle(found)
        return tuple(found)

    def keep(self, *changed: Hold) -> "Library":
        new = {hold.hold: hold for hold in changed}
        kept = tuple(new.pop(hold.hold, hold) for hold in self.holds)
        return replace(self, holds=(*kept, *new.values()))

    def charge(
        self, name: str, patron: str, item: str, kind: Literal["overdue", "rental"], amount: int
    ) -> "Library":
        if amount == 0:
            return self
        fee = Fee(name, patron, item, kind, amount, 0, self.at)
        return replace(self, fees=(*self.fees, fee), charged=self.charged + amount)


@dataclass
class Days:
    """Plays what is done; `rng` disturbs the order in which things are looked at, never what comes of it."""

    policy: Policy
    rng: random.Random
    check: Check

    def play(self, doings: list[Doing]) -> Library:
        library = Library()
        for number, (what, patron, item, branch, days) in enumerate(doings):
            library = replace(library, at=library.at + 60_000)
            after = self.do(library, f"{number:02d}", what, (patron, item, branch), days)
            self.check(self.policy, library, after, what)
            library = after
        return library

    def do(self, library: Library, name: str, what: str, who: tuple[str, str, str], days: int) -> Library:
        patron, item, branch = who
        match what:
            case "lend" | "happened":
                return self.lend(library, name, patron, item, branch, happened=what == "happened")
            case "renew":
                return self.renew(library, name, patron, item, branch)
            case "return":
                return self.come_back(library, name, item, branch)
            case "place" | "place-title":
                return self.place(library, name, patron, item, branch, any_copy=what == "place-title")
            case "cancel":
                return self.cancel(library, patron, item)
            case "withdraw":
                return self.withdraw(library, item)
            case "pay":
                return self.pay(library, patron, days * 50)
            case _:
                later = replace(library, at=library.at + days * DAY)
                ended = expire(later.holds, later.today)
                return self.freed(later.keep(*ended.holds), *ended.freed)

    def ask(
        self, library: Library, name: str, kind: Literal["checkout", "renew"], who: tuple[str, str, str]
    ) -> Asked:
        patron, item, branch = who
        return Asked(
            kind,
            name,
            library.patron(patron),
            library.item(item),
            Place(branch, ZONE),
            holds=library.holds_of(item, self.rng),
            fee_accepted=True,
        )

    def lend(
        self, library: Library, name: str, patron: str, item: str, branch: str, *, happened: bool
    ) -> Library:
        asked = self.ask(library, name, "checkout", (patron, item, branch))
        said = decide(self.policy, asked, library.at)
        if happened:
            said = decide_happened(self.policy, asked, library.at).granted
        if isinstance(said, Refusal):
            return replace(library, refused=library.refused + 1)
        if said.implied_return:
            library = self.fine(library, name, item)
        loan = OpenLoan(name, patron, said.due, said.renewals)
        library = replace(
            library.charge(f"r{name}", patron, item, "rental", said.fee),
            loans=(*(one for one in library.loans if one[0] != item), (item, loan)),
            events=(*library.events, (item, Lent(name, library.at))),
        )
        if not said.implied_return and not said.renewed:
            began = (name, None if said.hold is None else said.hold.hold)
            library = replace(library, collected=(*library.collected, began))
        return self.after_hold(library, said)

    def after_hold(self, library: Library, said: Granted) -> Library:
        if said.hold is not None:
            library = library.keep(said.hold)
        return library if said.freed is None else self.freed(library, said.freed)

    def withdraw(self, library: Library, item: str) -> Library:
        """The tag could not be unlocked: the loan of an item never was, if it began with its request."""
        loan = dict(library.loans).get(item)
        began = dict(library.collected)
        if loan is None or loan.request not in began:
            return replace(library, refused=library.refused + 1)
        fees = tuple(struck(fee) if fee.fee == f"r{loan.request}" else fee for fee in library.fees)
        gone = sum(old.amount - new.amount for old, new in zip(library.fees, fees, strict=True))
        library = replace(
            library,
            loans=tuple(one for one in library.loans if one[0] != item),
            events=tuple(
                (
                    of,
                    event._replace(withdrawn=True)
                    if isinstance(event, Lent) and event.id == loan.request
                    else event,
                )
                for of, event in library.events
            ),
            fees=fees,
            charged=library.charged - gone,
        )
        for hold in library.holds:
            if hold.hold == began[loan.request]:
                library = library.keep(reopen(hold, library.holds))
        return self.shelve(library, item)

    def renew(self, library: Library, name: str, patron: str, item: str, branch: str) -> Library:
        said = decide(self.policy, self.ask(library, name, "renew", (patron, item, branch)), library.at)
        if isinstance(said, Refusal):
            return replace(library, refused=library.refused + 1)
        loans = dict(library.loans)
        assert loans[item].patron == patron
        loans[item] = loans[item]._replace(due=said.due, renewals=said.renewals)
        return replace(
            library.charge(f"r{name}", patron, item, "rental", said.fee), loans=tuple(loans.items())
        )

    def fine(self, library: Library, name: str, item: str) -> Library:
        loan = dict(library.loans).get(item)
        if loan is None or loan.patron is None:
            return library
        terms = self.policy.terms("adult", "book", "main")
        fine = overdue_fine(terms, loan.due, library.today, self.policy.fine_calendar("main"))
        return library.charge(f"f{name}", loan.patron, item, "overdue", fine)

    def come_back(self, library: Library, name: str, item: str, branch: str) -> Library:
        library = self.fine(library, name, item)
        library = replace(
            library,
            loans=tuple(one for one in library.loans if one[0] != item),
            lies=tuple((one, branch if one == item else where) for one, where in library.lies),
            events=(*library.events, (item, Returned(name, library.at))),
        )
        return self.shelve(library, item)

    def shelve(self, library: Library, item: str) -> Library:
        where = dict(library.lies)[item]
        holds = library.holds_of(item, self.rng)
        said = on_return(library.item(item), holds, where, library.today, self.policy)
        if said is None:
            assert first_waiting(library.item(item), holds, library.today) is None
            return library
        assert isinstance(said, HoldShelf) == (said.hold.pickup == where)
        return library.keep(said.hold)

    def freed(self, library: Library, *items: str) -> Library:
        for item in items:
            if item not in dict(library.loans):
                library = self.shelve(library, item)
        return library

    def place(
        self, library: Library, name: str, patron: str, item: str, branch: str, *, any_copy: bool
    ) -> Library:
        copies = tuple(library.item(one) for one in TITLES if TITLES[one] == TITLES[item])
        asked = AskedHold(
            name,
            int(name),
            library.patron(patron),
            copies if any_copy else (library.item(item),),
            branch,
            Place(branch, ZONE),
            title=TITLES[item],
            any_copy=any_copy,
            expires=library.today + timedelta(days=int(name) % 5),
            holds=library.holds_of(item, self.rng),
        )
        said = decide_place(self.policy, asked, library.at)
        if isinstance(said, Refusal):
            return replace(library, refused=library.refused + 1)
        return library.keep(said.hold)

    def cancel(self, library: Library, patron: str, item: str) -> Library:
        held = own_hold(library.holds_of(item, self.rng), patron, library.item(item))
        said = decide_cancel(library.patron(patron), held)
        if isinstance(said, Refusal):
            return replace(library, refused=library.refused + 1)
        library = library.keep(said.hold)
        return library if said.freed is None else self.freed(library, said.freed)

    def pay(self, library: Library, patron: str, amount: int) -> Library:
        mine = [fee for fee in library.fees if fee.patron == patron]
        said = settle(mine, amount)
        if isinstance(said, Refusal):
            return replace(library, refused=library.refused + 1)
        after = {fee.fee: fee for fee in pay(mine, said)}
        fees = tuple(after.get(fee.fee, fee) for fee in library.fees)
        return replace(library, fees=fees, paid=library.paid + said.amount)
