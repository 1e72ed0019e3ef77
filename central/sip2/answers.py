"""Answers about patrons: 24, 26 and 64, from what the ledger says; and what every answer has in common. Pure.

A wrong PIN gets a card's validity and nothing else: no name, no loans, no fees, and every permission denied.
"""

from dataclasses import fields
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from central.ledger.rows import DAY_MS
from central.sip2.accounts import Account
from central.sip2.messages import PatronEnableResponse, PatronInformationResponse, PatronStatusResponse
from central.sip2.reads import Entry, PatronSeen
from central.sip2.sentences import LANGUAGES, sentence
from circulation.blocks import GOOD, Standing, standing
from circulation.model import Block, Patron
from circulation.money import decimal
from circulation.policy import ANY, Policy

Verdict = Literal["right", "wrong", "too-many"]
"""What came of comparing a PIN."""
NOBODY = "YYYY" + " " * 10
"""Patron status of somebody who may nothing: charge, renew, recall and hold are denied."""
NOT_TOLD: dict[Verdict | None, str] = {
    None: "unknown-card",
    "right": "unknown-card",
    "wrong": "wrong-pin",
    "too-many": "too-many-tries",
}
"""Why nothing is told of somebody, by what came of the PIN."""
NOTHING: dict[str, Any] = dict.fromkeys(
    ("holds", "overdue", "charged", "fines", "recalls", "unavailable_holds"), 0
)
"""The counts of 64 of somebody of whom nothing is told."""
REASONS = 3
"""Reasons that are told at once: a terminal's screen has few lines."""
OLDEST_MS = 366 * DAY_MS
"""How long ago something may have happened that a terminal tells; what is older was dated by a dead clock."""
MOST = 9999
"""The largest count that has room (3M SIP2 2.00: 4 digits)."""


@lru_cache(maxsize=256)
def local(second: int, zone: str) -> datetime:
    """Return the local time of a second; thousands of answers are given in each."""
    return datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=None)


class Here(NamedTuple):
    """Where and when something is answered."""

    account: Account
    policy: Policy
    now_ms: int
    language: str = "000"
    """Language code that the terminal told last."""

    @property
    def at(self) -> datetime:
        """The branch's local time, without a zone, as SIP2 has it."""
        return local(self.now_ms // 1000, self.account.zone)

    @property
    def today(self) -> date:
        """The branch's day."""
        return self.at.date()

    @property
    def currency(self) -> str:
        """The library's currency."""
        return self.policy.fees.currency

    def amount(self, minor: int) -> str:
        """Return an amount as BV has it."""
        return decimal(minor, self.currency)

    def say(self, code: str, **params: str | int) -> str:
        """Return a sentence in the language of the terminal."""
        return self.say_in("", code, **params)

    def say_in(self, own: str, code: str, **params: str | int) -> str:
        """Return a sentence in the language of the terminal, else the patron's own, else the profile's."""
        language = LANGUAGES.get(self.language) or own[:2] or self.account.profile.language
        return sentence(code, language, params)

    def ao(self, said: str) -> str:
        """Return the institution of an answer."""
        return self.account.institution or said

    def local_ms(self, at: datetime | None) -> int:
        """Return when a terminal says that something was; without a zone it is the branch's time.

        Clocks that lost their battery say 1970 or 1980: that is now, or a loan would be due decades ago.
        """
        if at is None:
            return self.now_ms
        aware = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(self.account.zone))
        try:
            told = int(aware.timestamp() * 1000)
        except (OverflowError, ValueError):
            return self.now_ms
        return told if told > self.now_ms - OLDEST_MS else self.now_ms

    def local_day(self, at: datetime | None) -> date | None:
        """Return the branch's day of what a terminal says."""
        if at is None:
            return None
        if at.tzinfo is None:
            return at.date()
        try:
            return at.astimezone(ZoneInfo(self.account.zone)).date()
        except OverflowError:
            return at.date()


def carried(here: Here, number: str | None) -> str:
    """Return a number of the ledger's as it is, or nothing where SIP2 could only carry another one."""
    if not number or "|" in number or not number.isprintable():
        return ""
    try:
        number.encode(here.account.profile.encoding)
    except UnicodeEncodeError:
        return ""
    return number


def iso(day: str | None) -> date | None:
    """Return a day as the ledger keeps it."""
    return None if day is None else date.fromisoformat(day)


def compact(day: str | None) -> str:
    """Return a day as SIP2's extensions have it: YYYYMMDD."""
    return "" if day is None else day.replace("-", "")


def due_text(here: Here, due: date | None) -> str:
    """Return AH: the last moment of the day on which an item is due, in the form of the profile."""
    if due is None:
        return ""
    match here.account.profile.due:
        case "sip2":
            return f"{due.year:04d}{due.month:02d}{due.day:02d}    235900"
        case "iso":
            return due.isoformat()
        case "european":
            return f"{due.day:02d}.{due.month:02d}.{due.year:04d}"
        case "american":
            return f"{due.month:02d}/{due.day:02d}/{due.year:04d}"


# --- patrons


def as_patron(seen: PatronSeen) -> Patron:
    """Return a patron as the rules look at one."""
    codes = [seen.blocked] if seen.blocked else []
    codes += [] if seen.barred is None else ["card-barred"]
    blocks = tuple(Block(code) for code in codes)
    return Patron(
        seen.patron,
        seen.patron_class,
        iso(seen.expires),
        loans=seen.charged,
        blocks=blocks,
        overdue=seen.overdue,
        holds=seen.ready + seen.waiting,
        fines=seen.fines,
        fees=seen.fees,
    )


def _standing(here: Here, seen: PatronSeen) -> Standing:
    return standing(here.policy, as_patron(seen), here.today, here.account.branch)


FINE = " " * 14
_FLAGS = attrgetter(*[one.name for one in fields(Standing) if one.name != "reasons"])


def status_of(found: Standing) -> str:
    """Return the fourteen characters of the patron status."""
    if found is GOOD:
        return FINE
    flags = _FLAGS(found)
    return "".join(["Y" if one else " " for one in flags]) if any(flags) else FINE


class AboutPatron(NamedTuple):
    """What is known for an answer about a patron."""

    seen: PatronSeen | None
    pin: Verdict | None = None
    pin_sent: bool = False
    """Whether the terminal sent a PIN, be it an empty one."""

    @property
    def valid_pin(self) -> bool | None:
        """CQ; None: none was sent, so nothing is said of it."""
        if not self.pin_sent:
            return None
        if self.pin is None:  # an empty PIN proves something only where there is none
            return self.seen is not None and not self.seen.has_pin
        return self.pin == "right" and self.seen is not None

    @property
    def closed(self) -> bool:
        """Whether nothing personal may be told."""
        return self.seen is None or self.pin in ("wrong", "too-many")


def patron_fields(here: Here, asked: Any, about: AboutPatron) -> dict[str, Any]:
    """Return what 24, 26 and 64 have in common."""
    seen = about.seen
    common: dict[str, Any] = {
        "language": here.language,
        "at": here.at,
        "institution": here.ao(asked.institution),
        "patron": asked.patron,
        "valid": seen is not None,
        "valid_pin": about.valid_pin,
    }
    if about.closed or seen is None:
        code = (
            "unknown-card" if about.pin is None else ("too-many-tries", "wrong-pin")[about.pin != "too-many"]
        )
        return common | {"status": NOBODY, "screen": (here.say(code),)}
    found = _standing(here, seen)
    common["status"] = status_of(found)
    common["name"] = seen.name or seen.first_name
    if found.reasons:
        common["screen"] = tuple(
            here.say_in(seen.language, one.code, **one.params) for one in found.reasons[:REASONS]
        )
    return common


def patron_status(here: Here, asked: Any, about: AboutPatron) -> PatronStatusResponse:
    """Answer 23 and 01."""
    more: dict[str, Any] = {}
    if not about.closed and about.seen is not None:
        more = {"currency": here.currency, "fees": here.amount(about.seen.fines + about.seen.fees)}
    return PatronStatusResponse.of(patron_fields(here, asked, about) | more)


def patron_enabled(here: Here, asked: Any, about: AboutPatron) -> PatronEnableResponse:
    """Answer 25."""
    return PatronEnableResponse.of(patron_fields(here, asked, about))


LIST_FIELDS = {
    "AS": "hold_items",
    "AT": "overdue_items",
    "AU": "charged_items",
    "AV": "fine_items",
    "BU": "recall_items",
    "CD": "unavailable_hold_items",
}
"""Field of a list -> its name in 64."""


def patron_information(
    here: Here, asked: Any, about: AboutPatron, lists: dict[str, list[Entry]]
) -> PatronInformationResponse:
    """Answer 63."""
    said = patron_fields(here, asked, about)
    seen = about.seen
    if about.closed or seen is None:
        return PatronInformationResponse.of(said | NOTHING)
    terms, limit = here.policy.terms(seen.patron_class, ANY, here.account.branch), here.policy.block_at
    said |= {
        "holds": seen.ready,
        "overdue": seen.overdue,
        "charged": seen.charged,
        "fines": seen.fee_count,
        "recalls": 0,
        "unavailable_holds": seen.waiting,
        "hold_limit": _four(terms.hold_limit),
        "overdue_limit": _four(terms.overdue_limit),
        "charged_limit": _four(terms.limit),
        "fee_limit": "" if limit is None else here.amount(limit),
        "currency": here.currency,
        "fees": here.amount(seen.fines + seen.fees),
        "address": seen.address,
        "email": seen.email,
        "phone": seen.phone,
        "extra": _extensions(here, seen),
    }
    for which, found in lists.items():
        said[LIST_FIELDS[which]] = _lines(here, which, found)
    return PatronInformationResponse.of(said)


@lru_cache(maxsize=256)
def _four(number: int | None) -> str:
    return "" if number is None else f"{min(number, MOST):04d}"


def _lines(here: Here, which: str, found: list[Entry]) -> tuple[str, ...]:
    wanted = here.account.profile.lists
    told = []
    for one in found:
        text = one.title if wanted == "title" and one.title else one.item
        if which == "AV":
            text += f" {here.amount(one.amount)} {here.currency}"
        if wanted == "item-title" and one.title:
            text += f" {one.title}"
        told.append(text)
    return tuple(told)


def _extensions(here: Here, seen: PatronSeen) -> tuple[tuple[str, str], ...]:
    """Return the fields beyond 2.00, where the profile has them and there is something to say."""
    values = (
        ("AQ", seen.home),
        ("PA", compact(seen.expires)),
        ("PB", compact(seen.birth)),
        ("PC", seen.patron_class),
        ("PI", seen.internet),
    )
    offered = here.account.profile.extensions
    return tuple([one for one in values if one[1] and one[0] in offered])


def span(asked: Any) -> tuple[int, int]:
    """Return which lines of a list are wanted: the first, from 1, and how many (BP, BQ; both inclusive).

    A list that ends at 0 is one whose end was not given.
    """
    first, last = _number(asked.start, 1), _number(asked.end, MOST) or MOST
    return max(first, 1), max(0, min(last, MOST) - max(first, 1) + 1)


def _number(text: str, otherwise: int) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else otherwise


def utc(now_ms: int) -> datetime:
    """Return a moment in UTC, for whoever has no branch."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).replace(microsecond=0)
