"""The library's side of one SIP2 connection: a pure step from what happened to what is to be done.

    Heard --login--> CheckLogin --> LoggedIn --> Send
          --request--> what it needs (`work`), one thing after the other --> Send
          --the same frame again--> Send what was sent, and nothing else
          --97--> Send what was sent last, be it a 96;  --unreadable--> Send 96

One request at a time: whoever drives this holds frames back until the answer of the last is out. Every
request gets the response that belongs to it, whatever went wrong. Nothing about patrons is kept here.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, assert_never

from central.sip2 import refusals
from central.sip2.accounts import Account
from central.sip2.answers import Here
from central.sip2.codec import Dialect, Frame, Unreadable, decode, encode, layout
from central.sip2.conversation import ANSWERS
from central.sip2.deeds import Work
from central.sip2.effects import (
    CheckLogin,
    Close,
    Done,
    Effect,
    Event,
    Failed,
    FoundItem,
    FoundPatron,
    FoundWord,
    Heard,
    Judged,
    LoggedIn,
    Send,
    Silent,
)
from central.sip2.messages import (
    AcsStatus,
    EndSessionResponse,
    Login,
    LoginResponse,
    Message,
    RequestResend,
    ResendRequest,
    ScStatus,
)
from central.sip2.probe import ORDER
from central.sip2.profile import Profile
from central.sip2.work import answer, learn, next_need
from circulation.policy import Policy

LOGINS = 3
"""Refused logins after which the connection is closed."""
IN_CLEAR = "00"
"""Algorithms of name and password that are taken (3M SIP2 2.00, "UID algorithm"): no other was ever told."""
CONTROL = frozenset({"97", "99", "93"})
"""What every terminal may say, whatever its account allows."""
STRANGER = Account("", "", profile=Profile(about="somebody who has not logged in"))
"""Stands for whoever has not logged in: speaks as SIP2 is written, and belongs nowhere."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for all connections."""

    policy: Policy
    answer_s: float = 10.0
    retries: int = 3
    at_once: bool = True
    """Whether loans are decided here; else nothing that changes one is offered."""
    zone: str = "UTC"
    """Zone in which somebody who has not logged in is told the time."""

    @property
    def asked_again_ms(self) -> float:
        """How long a terminal goes on repeating a request that nobody answered."""
        return self.answer_s * (self.retries + 1) * 1000


class Session(NamedTuple):
    """One connection."""

    terms: Terms
    account: Account | None = None
    """None until it has logged in."""
    location: str = ""
    """Where the terminal says it stands (CP)."""
    version: str = "2.00"
    language: str = "000"
    refused: int = 0
    """Logins that were refused."""
    checked: bool = False
    """Whether its last frame had error detection."""
    frame: bytes = b""
    """The last request with error detection, to know it again."""
    reply: bytes = b""
    """The last answer; the request with error detection, sent again, gets it again."""
    resend: bytes = b""
    """The 96 that was sent after it, if there was one: a 97 is about that, not about an older answer."""
    work: Work | None = None
    login: Work | None = None
    said_ms: int = 0
    """When the last answer was sent. Soon after, the same frame is a repeat; later it is a request of a
    terminal whose frames are alike (one digit for all, no clock), and the desk knows what it has done."""

    def __repr__(self) -> str:
        return f"Session({self.speaker.name!r})"

    @property
    def busy(self) -> bool:
        """Whether a request waits for something."""
        return self.work is not None or self.login is not None

    @property
    def speaker(self) -> Account:
        """Whose conventions hold."""
        return self.account or STRANGER


Stepped = tuple[Session, tuple[Effect, ...]]


def step(session: Session, event: Event, now_ms: int) -> Stepped:
    """Take what happened at `now_ms` (ms since 1970 UTC)."""
    match event:
        case Heard(frame):
            return _heard(session, frame, now_ms)
        case LoggedIn(account):
            return _logged_in(session, account, now_ms)
        case Judged() | FoundPatron() | FoundItem() | FoundWord() | Done():
            if session.work is None:
                return session, ()
            return _go_on(session, learn(session.work, event), now_ms)
        case Failed(frame):
            return _failed(session, frame, now_ms)
        case Silent():
            return session, (Close("nothing came for too long"),)
        case _:
            assert_never(event)


def _here(session: Session, work: Work, now_ms: int) -> Here:
    account = session.account
    if account is None:
        account = replace(STRANGER, zone=session.terms.zone)
    return Here(account, session.terms.policy, now_ms, work.language)


def _dialect(session: Session, *, checksum: bool) -> Dialect:
    return session.speaker.checked if checksum else session.speaker.plain


def _heard(session: Session, data: bytes, now_ms: int) -> Stepped:
    if session.busy:
        raise ValueError("a request is open on this connection")
    if data and data == session.frame and now_ms - session.said_ms < session.terms.asked_again_ms:
        return session._replace(resend=b""), (Send(session.reply),)
    found = decode(data, session.speaker.plain)
    if isinstance(found, Unreadable):
        return _again(session, checked=found.check != "none" or session.checked)
    if found.check == "none" and session.speaker.profile.checksum == "required":
        return _again(session, checked=True)
    asked = found.message
    checked = found.check == "right"
    if isinstance(asked, RequestResend) and (session.resend or session.reply):
        return session, (Send(session.resend or session.reply),)
    if asked.code not in ANSWERS:
        return _again(session, checked=checked)
    language = _language(getattr(asked, "language", session.language))
    work = Work(asked, data, found.sequence, checked, language, _has_pin(asked, data))
    code = _in_the_way(session, found)
    if code is not None:
        return _say(session, work, refusals.refuse(_here(session, work, now_ms), asked, code), now_ms)
    match asked:
        case Login():
            if asked.uid_algorithm + asked.password_algorithm != IN_CLEAR:
                return _logged_in(session._replace(login=work), None, now_ms)
            waiting = session._replace(login=work, location=asked.location)
            return waiting, (CheckLogin(asked.user, asked.password),)
        case ScStatus():
            return _status(session, work, asked, now_ms)
        case _:
            return _go_on(session, work, now_ms)


def _has_pin(asked: Message, data: bytes) -> bool:
    """Say whether there is an AD, be it empty; it may be the first of the named fields."""
    if b"AD" not in data:
        return False
    first = layout(type(asked)).width
    return b"|AD" in data or bool(getattr(asked, "pin", "")) or data.lstrip()[first : first + 2] == b"AD"


def _language(code: str) -> str:
    """Return a language code that can be echoed; what is none is 000, unknown."""
    return code if code.isascii() and code.isalnum() else "000"


def _in_the_way(session: Session, found: Frame) -> str | None:
    """Return why a request is not carried out at all."""
    asked = found.message
    if asked.code in CONTROL:
        return None
    if session.account is None:
        return "log-in-first"
    if session.account.messages and asked.code not in session.account.messages:
        return "not-offered"
    if not found.problems:
        return None
    vital = VITAL.get(asked.code, ("AA is missing",))
    return "unreadable" if any(one.startswith(vital) for one in found.problems) else None


VITAL = {
    "11": ("renewal_allowed:", "no_block:", "AA is missing", "AB is missing"),
    "29": ("no_block:", "AA is missing"),
    "09": ("no_block:", "AB is missing"),
    "15": ("mode:", "AA is missing"),
    "37": ("AA is missing", "BV is missing"),
    "17": ("AB is missing",),
    "19": ("AB is missing",),
}
"""Problems that keep a request from being carried out; others are told in the log and passed over."""


def _go_on(session: Session, work: Work, now_ms: int) -> Stepped:
    """Ask for what the answer needs next, or answer."""
    here = _here(session, work, now_ms)
    need = next_need(here, work)
    if need is not None:
        return _working(session, work), (need,)
    said = answer(here, work)
    over = isinstance(said, EndSessionResponse)
    return _say(session, work._replace(language="000") if over else work, said, now_ms)


def _working(session: Session, work: Work) -> Session:
    """Return the session with a request open; spelled out, as in `_say`: it is done for every question."""
    return Session(
        session.terms, session.account, session.location, session.version, session.language, session.refused,
        session.checked, session.frame, session.reply, session.resend, work, session.login,
    )  # fmt: skip


def _logged_in(session: Session, account: Account | None, now_ms: int) -> Stepped:
    work = session.login
    if work is None:
        return session, ()
    refused = session.refused + (account is None)
    known = session._replace(account=account, version="2.00", refused=0 if account is not None else refused)
    said, effects = _say(known, work, LoginResponse(ok=account is not None), now_ms)
    if refused >= LOGINS and account is None:
        return said, (*effects, Close("its logins were refused"))
    return said, effects


def _status(session: Session, work: Work, asked: ScStatus, now_ms: int) -> Stepped:
    """Answer 99. The version is the lower one that both speak (3M SIP2 2.00, "SC status")."""
    here, terms, account = _here(session, work, now_ms), session.terms, session.account
    session = session._replace(version="1.00" if asked.version.startswith("1") else "2.00")
    may = _offered(session)
    said = AcsStatus(
        online=True,
        checkin="09" in may,
        checkout="11" in may,
        renewal="29" in may,
        status_update="01" in may,
        offline="11" in may and "09" in may,
        timeout=min(999, round(terms.answer_s * 10)),
        retries=terms.retries,
        at=here.at,
        version=session.version,
        institution=here.ao(""),
        library="" if account is None else account.library,
        supported="".join("Y" if code in may else "N" for code in ORDER),
        terminal_location="" if account is None else account.location or session.location,
    )
    return _say(session, work, said, now_ms)


def _offered(session: Session) -> frozenset[str]:
    """Return the codes of the requests that are carried out for this terminal."""
    reading = frozenset({"23", "63", "17", "35"})
    changing = frozenset(ANSWERS) - reading if session.terms.at_once else frozenset()
    allowed = reading | changing
    if session.account is not None and session.account.messages:
        allowed &= session.account.messages
    return allowed | CONTROL


def _failed(session: Session, frame: bytes, now_ms: int) -> Stepped:
    """Answer in kind what broke while it was worked on."""
    session = session._replace(work=None, login=None)
    found = decode(frame, session.speaker.plain)
    if isinstance(found, Unreadable) or found.message.code not in ANSWERS:
        return _again(session, checked=session.checked)
    # The frame is not kept as done: sent again, it is tried again.
    language = _language(getattr(found.message, "language", session.language))
    work = Work(found.message, b"", found.sequence, found.check == "right", language)
    said = refusals.refuse(_here(session, work, now_ms), found.message, "internal-error")
    return _say(session, work, said, now_ms)


def _again(session: Session, *, checked: bool) -> Stepped:
    """Ask for the request again (96); nothing of it is kept."""
    data = encode(ResendRequest(), _dialect(session, checksum=checked))
    return session._replace(resend=data), (Send(data),)


def _say(session: Session, work: Work, said: Message, now_ms: int) -> Stepped:
    data = encode(said, _dialect(session, checksum=work.checked), work.sequence)
    frame = work.frame if work.checked and work.sequence is not None else b""
    after = Session(
        session.terms, session.account, session.location, session.version, work.language, session.refused,
        work.checked, frame, data, said_ms=now_ms,
    )  # fmt: skip
    return after, (Send(data),)
