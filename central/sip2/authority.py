"""A library system that speaks SIP2, as the authority of loans (`central.authority.RemoteAuthority`).

What was asked and not answered is a `Doubt`, and is settled by looking: does the item stand as charged (17),
and is it on this patron's list (63)? A second checkout (11) would lend twice or be refused as a renewal, so
it is never sent. What could not be sent at all is `Away`.

A request that has happened already goes with *no block*, with its own time: it must be recorded there. A
checkout is taken back by a checkin with `BI` (cancel), which is no loan in their statistics.
"""

import re
from datetime import date, datetime, time
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from central.authority import Away, Done, Doubt, Request, Said
from central.sip2.client import Connection, LoginRefused, Unheard, Unreachable
from central.sip2.fields import read_date
from central.sip2.messages import Message, PatronInformation, PatronInformationResponse
from central.sip2.messages_items import (
    Checkin,
    CheckinResponse,
    Checkout,
    CheckoutResponse,
    ItemInformation,
    ItemInformationResponse,
    LoanAnswer,
    Renew,
    RenewResponse,
)
from central.sip2.pool import Pool
from wire.clock import Clock
from wire.messages.stream import Refusal

CHARGED = frozenset({4, 5, 7})
"""Circulation statuses of an item that somebody has: charged, not to be recalled yet, recalled."""
NOT_CHARGED = frozenset({3, 8, 9, 10, 6})
"""available, on the hold shelf, to be reshelved, in transit, in process: nobody has it."""
VITAL = frozenset({"ok", "renewed", "circulation_status", "charged"})
"""Fields whose value decides; an answer in which one cannot be read is no answer."""
DAYS_END = time(23, 59)
"""When a date that was told as a day ends."""
LISTS_CHARGED = "  Y       "
"""Summary of 63: the list of charged items (AU)."""


class Sip2Authority:
    """A library system behind a pool of connections."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        *,
        institution: str = "",
        terminal: str = "",
        zone: str = "UTC",
        late_s: float = 30.0,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._institution = institution
        self._terminal = terminal
        self._zone = ZoneInfo(zone)
        self._late_ms = int(late_s * 1000)
        """So long after a request the system may still act on it: before, "not there" is not final."""

    async def carry_out(self, request: Request) -> Said:
        """Lend, lend on or take back an item; called again for the same request only after `Away`."""
        return await self._said(self._message(request))

    def _message(self, request: Request) -> Message:
        match request.kind:
            case "checkout":
                return Checkout(
                    renewal_allowed=True,
                    no_block=request.happened,
                    at=self._at(request.at_ms),
                    no_block_due=self._no_due(request),
                    patron=request.card or "",
                    item=request.item,
                    institution=self._institution,
                    terminal=self._terminal,
                )
            case "renew":
                return Renew(
                    no_block=request.happened,
                    at=self._at(request.at_ms),
                    no_block_due=self._no_due(request),
                    patron=request.card or "",
                    item=request.item,
                    institution=self._institution,
                    terminal=self._terminal,
                )
            case "checkin":
                return self._checkin(request)
            case _:
                assert_never(request.kind)

    async def settle(self, request: Request) -> Said:
        """Look whether what the request wants is so there; changes nothing."""
        found = await self._ask(
            ItemInformation(
                at=self._now(), item=request.item, institution=self._institution, terminal=self._terminal
            )
        )
        if not isinstance(found, ItemInformationResponse):
            return (
                found
                if isinstance(found, Doubt | Away | Refusal)
                else Doubt("something else than an item came")
            )
        if found.item not in ("", request.item):
            return Doubt("the answer is about another item")
        charged = found.circulation_status in CHARGED
        if not charged and found.circulation_status not in NOT_CHARGED:
            return Doubt(f"the item's circulation status is {found.circulation_status:02d}")
        if request.kind == "checkin":
            return self._not_there(request, "still-charged") if charged else Done()
        if not charged:
            return self._not_there(request, "not-lent")
        if request.kind == "renew":
            return Doubt("SIP2 does not tell whether a loan was renewed")
        return await self._settle_loan(request, due_of(found.due))

    def _not_there(self, request: Request, code: str) -> Said:
        """Say that it did not happen, once the system can no longer be at it."""
        if int(self._clock.now().timestamp() * 1000) - request.at_ms < self._late_ms:
            return Doubt("it is not there yet, and the system may still be at it")
        return Refusal(code=code)

    async def _settle_loan(self, request: Request, due: date | None) -> Said:
        found = await self._ask(
            PatronInformation(
                at=self._now(),
                summary=LISTS_CHARGED,
                patron=request.card or "",
                start="1",
                end="999",
                institution=self._institution,
                terminal=self._terminal,
            )
        )
        if not isinstance(found, PatronInformationResponse):
            return (
                found
                if isinstance(found, Doubt | Away | Refusal)
                else Doubt("something else than an account came")
            )
        if found.patron and found.patron.casefold() != (request.card or "").casefold():
            return Doubt("the answer is about another patron")
        if any(_names(line, request.item) for line in found.charged_items):
            return Done(due)
        if found.valid and found.charged == 0 and not found.charged_items:
            return self._not_there(request, "on-loan-elsewhere")
        return Doubt("the patron's list does not say whether the item is on it")

    async def undo(self, request: Request) -> Said:
        """Take a checkout back, as one that failed."""
        return await self._said(self._checkin(request, cancel=True))

    def _checkin(self, request: Request, *, cancel: bool = False) -> Checkin:
        at = self._now() if cancel else self._at(request.at_ms)
        return Checkin(
            no_block=request.happened and not cancel,
            at=self._now(),
            returned=at,
            location=request.branch,
            item=request.item,
            cancel=True if cancel else None,
            institution=self._institution,
            terminal=self._terminal,
        )

    async def _said(self, message: Message) -> Said:
        found = await self._ask(message)
        if isinstance(found, LoanAnswer | CheckinResponse) and found.item not in (
            "",
            getattr(message, "item", ""),
        ):
            return Doubt("the answer is about another item")
        match found:
            case CheckoutResponse() | RenewResponse():
                return _loan(found)
            case CheckinResponse():
                return Done() if found.ok else _refused(found.screen)
            case Doubt() | Away() | Refusal():
                return found
            case _:
                return Doubt("something else than the answer came")

    async def _ask(self, message: Message) -> Message | Refusal | Doubt | Away:
        try:
            async with self._pool.connection() as connection:
                if _asks(message) and not await _allowed(connection, message):
                    return Refusal(code="not-possible-now", next_step="try-later")
                frame = await connection.request(message)
        except ValueError as error:  # before anything was sent
            return Refusal(code="not-sendable", params={"seen": str(error)}, next_step="desk")
        except (Unreachable, LoginRefused) as error:
            return Away(error.seen)
        except Unheard as error:
            return Doubt(error.seen)
        unread = [problem for problem in frame.problems if problem.partition(":")[0] in VITAL]
        return Doubt(f"the answer cannot be read: {unread[0]}") if unread else frame.message

    def _no_due(self, request: Request) -> datetime | None:
        """Return the *nb due date*: of what has happened, the one that the patron was told.

        Strict systems want a date there even where it counts for nothing. Blanks leave it to them.
        """
        if not request.happened:
            return self._at(request.at_ms)
        return None if request.due is None else datetime.combine(request.due, DAYS_END)

    def _at(self, at_ms: int) -> datetime:
        """Return a moment as the library's local time: what SIP2 takes without a zone."""
        return datetime.fromtimestamp(at_ms / 1000, self._zone).replace(tzinfo=None, microsecond=0)

    def _now(self) -> datetime:
        return self._clock.now().astimezone(self._zone).replace(tzinfo=None, microsecond=0)

    async def close(self) -> None:
        """Hang up."""
        await self._pool.close()


def _asks(message: Message) -> bool:
    """Say whether this asks, which 98 can forbid; what has happened, or is taken back, is told."""
    return not getattr(message, "no_block", False) and not getattr(message, "cancel", False)


async def _allowed(connection: Connection, message: Message) -> bool:
    """Say whether the system lets us ask this now; raises Unreachable where it does not answer."""
    try:
        return await connection.allows(message.code)
    except Unheard as error:
        raise Unreachable(error.seen, why="The library system was asked nothing.", do=error.do) from error


def _names(line: str, item: str) -> bool:
    """Say whether a line of a list names an item: it is the number, alone or before the title."""
    return re.match(rf"{re.escape(item)}(?![\w.-])", line.strip()) is not None


def _loan(found: LoanAnswer) -> Said:
    return Done(due_of(found.due), found.renewed) if found.ok else _refused(found.screen)


def _refused(screen: tuple[str, ...]) -> Refusal:
    params: dict[str, Any] = {"said": screen[0][:200]} if screen else {}
    return Refusal(code="refused-there", params=params, next_step="desk")


def due_of(text: str) -> date | None:
    """Return a due date that systems write in many ways; None where it cannot be told without guessing."""
    sip2 = read_date(text.ljust(18)[:18])
    if sip2 is not None:
        return sip2.date()
    if re.match(r"\d{8}(?!\d)", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})", text.strip())
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None
