"""The messages of SIP2 2.00 about items: lending, returning, renewing, holds, fees."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from central.sip2.fields import Y_N, Fixed, Named, digits, one_of, word
from central.sip2.messages import (
    At,
    Institution,
    Item,
    Magnetic,
    Message,
    Ok,
    Patron,
    Pin,
    Properties,
    Said,
    Terminal,
    Texts,
    Title,
    YesNo,
)

FeeType = Annotated[str, Fixed(2, word(2))]


@dataclass(frozen=True, kw_only=True)
class Checkout(Message):
    """11. `no_block`: it has happened already, off line; it must be recorded and not refused."""

    code: ClassVar[str] = "11"
    renewal_allowed: YesNo = False
    no_block: YesNo = False
    at: At = None
    no_block_due: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    item: Item = ""
    terminal: Terminal = field(default="", repr=False)
    properties: Properties = ""
    pin: Pin = field(default="", repr=False)
    fee_acknowledged: Annotated[bool | None, Named("BO", Y_N)] = None
    cancel: Annotated[bool | None, Named("BI", Y_N)] = None


@dataclass(frozen=True, kw_only=True)
class LoanAnswer(Said):
    """What 12 and 30 say. The tag is unsecured only when `desensitize` says so."""

    ok: Ok = False
    renewed: YesNo = False
    magnetic: Magnetic = "U"
    desensitize: YesNo = False
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    item: Item = ""
    title: Title = ""
    due: Annotated[str, Named("AH", required=True)] = ""
    """Free text: systems write it in many ways; it is shown as it stands."""
    fee_type: Annotated[str, Named("BT")] = ""
    security_inhibit: Annotated[bool | None, Named("CI", Y_N)] = None
    currency: Annotated[str, Named("BH")] = ""
    fee: Annotated[str, Named("BV")] = ""
    media: Annotated[str, Named("CK")] = ""
    properties: Properties = ""
    transaction: Annotated[str, Named("BK")] = ""


@dataclass(frozen=True, kw_only=True)
class CheckoutResponse(LoanAnswer):
    """12."""

    code: ClassVar[str] = "12"


@dataclass(frozen=True, kw_only=True)
class Checkin(Message):
    """09."""

    code: ClassVar[str] = "09"
    no_block: YesNo = False
    at: At = None
    returned: At = None
    location: Annotated[str, Named("AP", required=True)] = ""
    institution: Institution = ""
    item: Item = ""
    terminal: Terminal = field(default="", repr=False)
    properties: Properties = ""
    cancel: Annotated[bool | None, Named("BI", Y_N)] = None


@dataclass(frozen=True, kw_only=True)
class CheckinResponse(Said):
    """10. `alert` is Y when staff should look at the item."""

    code: ClassVar[str] = "10"
    ok: Ok = False
    resensitize: YesNo = False
    magnetic: Magnetic = "U"
    alert: YesNo = False
    at: At = None
    institution: Institution = ""
    item: Item = ""
    permanent_location: Annotated[str, Named("AQ", required=True)] = ""
    title: Annotated[str, Named("AJ")] = ""
    sort_bin: Annotated[str, Named("CL")] = ""
    patron: Annotated[str, Named("AA")] = field(default="", repr=False)
    media: Annotated[str, Named("CK")] = ""
    properties: Properties = ""


@dataclass(frozen=True, kw_only=True)
class ItemInformation(Message):
    """17."""

    code: ClassVar[str] = "17"
    at: At = None
    institution: Institution = ""
    item: Item = ""
    terminal: Terminal = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class ItemInformationResponse(Said):
    """18."""

    code: ClassVar[str] = "18"
    circulation_status: Annotated[int, Fixed(2, digits(2))] = 1
    security_marker: Annotated[int, Fixed(2, digits(2))] = 0
    fee_type: FeeType = "01"
    at: At = None
    hold_queue: Annotated[str, Named("CF")] = ""
    due: Annotated[str, Named("AH")] = ""
    recall_date: Annotated[str, Named("CJ")] = ""
    hold_pickup_date: Annotated[str, Named("CM")] = ""
    item: Item = ""
    title: Title = ""
    owner: Annotated[str, Named("BG")] = ""
    currency: Annotated[str, Named("BH")] = ""
    fee: Annotated[str, Named("BV")] = ""
    media: Annotated[str, Named("CK")] = ""
    permanent_location: Annotated[str, Named("AQ")] = ""
    current_location: Annotated[str, Named("AP")] = ""
    properties: Properties = ""


@dataclass(frozen=True, kw_only=True)
class ItemStatusUpdate(Message):
    """19."""

    code: ClassVar[str] = "19"
    at: At = None
    institution: Institution = ""
    item: Item = ""
    terminal: Terminal = field(default="", repr=False)
    properties: Annotated[str, Named("CH", required=True)] = ""


@dataclass(frozen=True, kw_only=True)
class ItemStatusUpdateResponse(Said):
    """20."""

    code: ClassVar[str] = "20"
    ok: Ok = False
    at: At = None
    item: Item = ""
    title: Annotated[str, Named("AJ")] = ""
    properties: Properties = ""


@dataclass(frozen=True, kw_only=True)
class Hold(Message):
    """15: + asks for a hold, - gives it back, * changes it."""

    code: ClassVar[str] = "15"
    mode: Annotated[str, Fixed(1, one_of("+-*", "+"))] = "+"
    at: At = None
    expires: Annotated[str, Named("BW")] = ""
    pickup: Annotated[str, Named("BS")] = ""
    hold_type: Annotated[str, Named("BY")] = ""
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)
    item: Annotated[str, Named("AB")] = ""
    title: Annotated[str, Named("AJ")] = ""
    terminal: Terminal = field(default="", repr=False)
    fee_acknowledged: Annotated[bool | None, Named("BO", Y_N)] = None


@dataclass(frozen=True, kw_only=True)
class HoldResponse(Said):
    """16."""

    code: ClassVar[str] = "16"
    ok: Ok = False
    available: YesNo = False
    at: At = None
    expires: Annotated[str, Named("BW")] = ""
    queue: Annotated[str, Named("BR")] = ""
    pickup: Annotated[str, Named("BS")] = ""
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    item: Annotated[str, Named("AB")] = ""
    title: Annotated[str, Named("AJ")] = ""


@dataclass(frozen=True, kw_only=True)
class Renew(Message):
    """29."""

    code: ClassVar[str] = "29"
    third_party_allowed: YesNo = False
    no_block: YesNo = False
    at: At = None
    no_block_due: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)
    item: Annotated[str, Named("AB")] = ""
    title: Annotated[str, Named("AJ")] = ""
    terminal: Terminal = field(default="", repr=False)
    properties: Properties = ""
    fee_acknowledged: Annotated[bool | None, Named("BO", Y_N)] = None


@dataclass(frozen=True, kw_only=True)
class RenewResponse(LoanAnswer):
    """30."""

    code: ClassVar[str] = "30"


@dataclass(frozen=True, kw_only=True)
class RenewAll(Message):
    """65."""

    code: ClassVar[str] = "65"
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)
    fee_acknowledged: Annotated[bool | None, Named("BO", Y_N)] = None


@dataclass(frozen=True, kw_only=True)
class RenewAllResponse(Said):
    """66."""

    code: ClassVar[str] = "66"
    ok: Ok = False
    renewed: Annotated[int, Fixed(4, digits(4))] = 0
    unrenewed: Annotated[int, Fixed(4, digits(4))] = 0
    at: At = None
    institution: Institution = ""
    renewed_items: Annotated[Texts, Named("BM", repeated=True)] = ()
    unrenewed_items: Annotated[Texts, Named("BN", repeated=True)] = ()


@dataclass(frozen=True, kw_only=True)
class FeePaid(Message):
    """37. `transaction` and `fee` make a payment that comes twice count once."""

    code: ClassVar[str] = "37"
    at: At = None
    fee_type: FeeType = "01"
    payment_type: Annotated[str, Fixed(2, word(2))] = "00"
    currency: Annotated[str, Fixed(3, word(3))] = "   "
    amount: Annotated[str, Named("BV", required=True)] = ""
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    terminal: Terminal = field(default="", repr=False)
    pin: Pin = field(default="", repr=False)
    fee: Annotated[str, Named("CG")] = ""
    transaction: Annotated[str, Named("BK")] = ""


@dataclass(frozen=True, kw_only=True)
class FeePaidResponse(Said):
    """38."""

    code: ClassVar[str] = "38"
    accepted: YesNo = False
    at: At = None
    institution: Institution = ""
    patron: Patron = field(default="", repr=False)
    transaction: Annotated[str, Named("BK")] = ""
