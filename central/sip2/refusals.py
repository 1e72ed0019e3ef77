"""The right response that says no: to one who is not logged in, a request cut short, an error of ours.

A terminal waits for the answer that belongs to its request; another one, or none, leaves it hanging. So what
was asked is always answered in kind, with the numbers as they were sent.
"""

from typing import Any

from central.sip2.answers import NOBODY, NOTHING, Here
from central.sip2.messages import (
    BlockPatron,
    EndSession,
    EndSessionResponse,
    Login,
    LoginResponse,
    Message,
    PatronEnable,
    PatronEnableResponse,
    PatronInformation,
    PatronInformationResponse,
    PatronStatusRequest,
    PatronStatusResponse,
    ResendRequest,
)
from central.sip2.messages_items import (
    Checkin,
    CheckinResponse,
    Checkout,
    CheckoutResponse,
    FeePaid,
    FeePaidResponse,
    Hold,
    HoldResponse,
    ItemInformation,
    ItemInformationResponse,
    ItemStatusUpdate,
    ItemStatusUpdateResponse,
    Renew,
    RenewAll,
    RenewAllResponse,
    RenewResponse,
)


def refuse(here: Here, asked: Message, code: str) -> Message:
    """Return the response to a request that says that it was not done, and why."""
    said: dict[str, Any] = {"at": here.at, "screen": (here.say(code),)}
    for name in ("institution", "patron", "item"):
        if hasattr(asked, name):
            said[name] = getattr(asked, name)
    if "institution" in said:
        said["institution"] = here.ao(said["institution"])
    match asked:
        case Login():
            return LoginResponse(ok=False)
        case PatronStatusRequest() | BlockPatron():
            return PatronStatusResponse(**said, status=NOBODY, language=here.language, valid=False)
        case PatronInformation():
            return PatronInformationResponse(
                **said, **NOTHING, status=NOBODY, language=here.language, valid=False
            )
        case PatronEnable():
            return PatronEnableResponse(**said, status=NOBODY, language=here.language, valid=False)
        case EndSession():
            return EndSessionResponse(**said, ended=False)
        case Checkout():
            return CheckoutResponse(**said, ok=False)
        case Renew():
            return RenewResponse(**said, ok=False, title=asked.title)
        case Checkin():
            return CheckinResponse(**said, ok=False)
        case Hold():
            return HoldResponse(**said, ok=False, title=asked.title)
        case ItemInformation():
            del said["institution"]
            return ItemInformationResponse(**said)
        case ItemStatusUpdate():
            del said["institution"]
            return ItemStatusUpdateResponse(**said, ok=False)
        case RenewAll():
            del said["patron"]
            return RenewAllResponse(**said, ok=False)
        case FeePaid():
            return FeePaidResponse(**said, accepted=False, transaction=asked.transaction)
        case _:
            return ResendRequest()
