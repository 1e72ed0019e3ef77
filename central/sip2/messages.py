"""The 31 messages of SIP2 2.00, requests and responses, as frozen values (3M SIP2 2.00, document of 2006).

A request comes from the kiosk (the "SC"), a response from the library system (the "ACS"). Texts are what the
field holds; an absent text is empty. `extra` keeps fields that the message does not declare, in their order:
extensions differ by make and are mapped by a profile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from central.sip2.fields import DATE, ONE_ZERO, Y_N, Fixed, Named, count, digits, one_of, word

At = Annotated[datetime | None, Fixed(18, DATE)]
YesNo = Annotated[bool, Fixed(1, Y_N)]
Ok = Annotated[bool, Fixed(1, ONE_ZERO)]
Language = Annotated[str, Fixed(3, word(3))]
PatronStatus = Annotated[str, Fixed(14, word(14))]
Magnetic = Annotated[str, Fixed(1, one_of("YNU", "U"))]
Count = Annotated[int, Fixed(4, count())]

Institution = Annotated[str, Named("AO", required=True)]
Patron = Annotated[str, Named("AA", required=True)]
Item = Annotated[str, Named("AB", required=True)]
Title = Annotated[str, Named("AJ", required=True)]
Terminal = Annotated[str, Named("AC", required=True)]
"""Terminal password: written even when empty, because many systems insist on it."""
Pin = Annotated[str, Named("AD")]
Texts = tuple[str, ...]
Screen = Annotated[Texts, Named("AF", repeated=True)]
Print = Annotated[Texts, Named("AG", repeated=True)]
Properties = Annotated[str, Named("CH")]


@dataclass(frozen=True, kw_only=True)
class Message:
    """What every message has."""

    code: ClassVar[str]
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Make a message of its values by name; the others are what the class declares.

        For who reads and answers thousands a second: making one field by field takes five times as long.
        """
        made = cls.__new__(cls)
        vars(made).update(said)
        return made


@dataclass(frozen=True, kw_only=True)
class Said(Message):
    """What responses to people have: lines for the screen and for the printer."""

    screen: Screen = ()
    print: Print = ()


@dataclass(frozen=True, kw_only=True)
class Login(Message):
    """93: a terminal says who it is."""

    code: ClassVar[str] = "93"
    uid_algorithm: Annotated[str, Fixed(1, word(1))] = "0"
    password_algorithm: Annotated[str, Fixed(1, word(1))] = "0"  # noqa: S105 - 0 is "in clear"
    user: Annotated[str, Named("CN", required=True)] = ""
    password: Annotated[str, Named("CO", required=True)] = field(default="", repr=False)
    location: Annotated[str, Named("CP")] = ""


@dataclass(frozen=True, kw_only=True)
class LoginResponse(Message):
    """94."""

    code: ClassVar[str] = "94"
    ok: Ok = False


@dataclass(frozen=True, kw_only=True)
class ScStatus(Message):
    """99: how the kiosk is, and which version it speaks."""

    code: ClassVar[str] = "99"
    status: Annotated[str, Fixed(1, word(1))] = "0"
    print_width: Annotated[int, Fixed(3, digits(3))] = 0
    version: Annotated[str, Fixed(4, word(4))] = "2.00"


@dataclass(frozen=True, kw_only=True)
class AcsStatus(Said):
    """98: what the library system can do now."""

    code: ClassVar[str] = "98"
    online: YesNo = False
    checkin: YesNo = False
    checkout: YesNo = False
    renewal: YesNo = False
    status_update: YesNo = False
    offline: YesNo = False
    timeout: Annotated[int, Fixed(3, digits(3))] = 0
    retries: Annotated[int, Fixed(3, digits(3))] = 0
    at: At = None
    version: Annotated[str, Fixed(4, word(4))] = "2.00"
    institution: Institution = ""
    library: Annotated[str, Named("AM")] = ""
    supported: Annotated[str, Named("BX", required=True)] = ""
    terminal_location: Annotated[str, Named("AN")] = ""


@dataclass(frozen=True, kw_only=True)
class PatronStatusRequest(Message):
    """23."""

    code: ClassVar[str] = "23"
    language: Language = "000"
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)
    pin: Annotated[str, Named("AD", required=True)] = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class PatronAnswer(Said):
    """What 24, 26 and 64 say of a patron."""

    status: PatronStatus = " " * 14
    language: Language = "000"
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    name: Annotated[str, Named("AE", required=True)] = field(default="", repr=False)
    valid: Annotated[bool | None, Named("BL", Y_N)] = None
    valid_pin: Annotated[bool | None, Named("CQ", Y_N)] = None


@dataclass(frozen=True, kw_only=True)
class PatronStatusResponse(PatronAnswer):
    """24."""

    code: ClassVar[str] = "24"
    currency: Annotated[str, Named("BH")] = ""
    fees: Annotated[str, Named("BV")] = ""


@dataclass(frozen=True, kw_only=True)
class BlockPatron(Message):
    """01: a kiosk kept a card, or saw misuse."""

    code: ClassVar[str] = "01"
    card_retained: YesNo = False
    at: At = None
    institution: Institution = ""
    reason: Annotated[str, Named("AL", required=True)] = ""
    patron: Patron = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class PatronEnable(Message):
    """25."""

    code: ClassVar[str] = "25"
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class PatronEnableResponse(PatronAnswer):
    """26."""

    code: ClassVar[str] = "26"


@dataclass(frozen=True, kw_only=True)
class PatronInformation(Message):
    """63: a patron's account; `summary` names the one list that is wanted by a Y in its place."""

    code: ClassVar[str] = "63"
    language: Language = "000"
    at: At = None
    summary: Annotated[str, Fixed(10, word(10))] = " " * 10
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)
    start: Annotated[str, Named("BP")] = ""
    end: Annotated[str, Named("BQ")] = ""


@dataclass(frozen=True, kw_only=True)
class PatronInformationResponse(PatronAnswer):
    """64. A count of -1 is not kept."""

    code: ClassVar[str] = "64"
    holds: Count = -1
    overdue: Count = -1
    charged: Count = -1
    fines: Count = -1
    recalls: Count = -1
    unavailable_holds: Count = -1
    hold_limit: Annotated[str, Named("BZ")] = ""
    overdue_limit: Annotated[str, Named("CA")] = ""
    charged_limit: Annotated[str, Named("CB")] = ""
    currency: Annotated[str, Named("BH")] = ""
    fees: Annotated[str, Named("BV")] = ""
    fee_limit: Annotated[str, Named("CC")] = ""
    hold_items: Annotated[Texts, Named("AS", repeated=True)] = ()
    overdue_items: Annotated[Texts, Named("AT", repeated=True)] = ()
    charged_items: Annotated[Texts, Named("AU", repeated=True)] = ()
    fine_items: Annotated[Texts, Named("AV", repeated=True)] = ()
    recall_items: Annotated[Texts, Named("BU", repeated=True)] = ()
    unavailable_hold_items: Annotated[Texts, Named("CD", repeated=True)] = ()
    address: Annotated[str, Named("BD")] = field(default="", repr=False)
    email: Annotated[str, Named("BE")] = field(default="", repr=False)
    phone: Annotated[str, Named("BF")] = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class EndSession(Message):
    """35: the patron goes."""

    code: ClassVar[str] = "35"
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class EndSessionResponse(Said):
    """36."""

    code: ClassVar[str] = "36"
    ended: YesNo = False
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class RequestResend(Message):
    """97: the kiosk could not read the last reply."""

    code: ClassVar[str] = "97"


@dataclass(frozen=True, kw_only=True)
class ResendRequest(Message):
    """96: the library system could not read the last request."""

    code: ClassVar[str] = "96"
