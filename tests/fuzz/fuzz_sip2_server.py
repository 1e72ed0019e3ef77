"""What a terminal says to the SIP2 server: one answer to every frame, and never an error of ours."""

from datetime import date

from central.sip2 import codec
from central.sip2.accounts import Account
from central.sip2.effects import (
    CheckLogin,
    Close,
    Done,
    Effect,
    Event,
    FoundItem,
    FoundPatron,
    FoundWord,
    Heard,
    Judged,
    JudgePin,
    LoggedIn,
    LookItem,
    LookPatron,
    LookWord,
    Send,
    Submit,
)
from central.sip2.framing import Framer
from central.sip2.profile import Profile
from central.sip2.reads import Entry, ItemSeen, PatronSeen
from central.sip2.session import Session, Terms, step
from central.terminal import AllRenewed, Back, Described, HoldKept, Lent, Paid, Refused, RenewAll, Return
from circulation.policy import Policy
from wire.messages.stream import Refusal


def fix(data: bytes) -> bytes:
    """Set the checksum right where there is one."""
    at = data.rfind(b"AZ")
    return data if at < 0 else data[: at + 2] + codec.checksum(data[: at + 2])


AT = b"20261121    093000"
SEEDS = tuple(
    fix(seed)
    for seed in (
        b"9300CNkiosk|COsecret|CPdoor|AY0AZ",
        b"9900302.00AY1AZ",
        b"97AZ",
        b"23001" + AT + b"AOmain|AA29000001|AC|AD1234|AY2AZ",
        b"63001" + AT + b"YYYYYY    AOmain|AA29000001|AC|AD|BP2|BQ5|AY3AZ",
        b"11YN" + AT + AT + b"AOmain|AA29000001|AB30000001|AC|BOY|BIN|AY4AZ",
        b"09Y" + AT + AT + b"APdoor|AOmain|AB30000001|AC|AY5AZ",
        b"15+" + AT + b"BW" + AT + b"|BSmain|BY2|AOmain|AA29000001|AB30000001|AC|AY6AZ",
        b"29NY" + AT + AT + b"AOmain|AA29000001|AJA title|AC|AY7AZ",
        b"65" + AT + b"AOmain|AA29000001|AC|AY8AZ",
        b"37" + AT + b"0400EURBV1.50|AOmain|AA29000001|AC|BK7|AY9AZ",
        b"17" + AT + b"AOmain|AB30000001|AC|AY0AZ",
        b"19" + AT + b"AOmain|AB30000001|AC|CHworn|AY1AZ",
        b"01N" + AT + b"AOmain|ALkept|AA29000001|AC|AY2AZ",
        b"25" + AT + b"AOmain|AA29000001|AC|AY3AZ",
        b"35" + AT + b"AOmain|AA29000001|AC|AY4AZ",
    )
)
PATRON = PatronSeen(
    "p", "adult", "main", "de", "2027-01-31", "", None, 1, "Ä B", "Ä", "1 Road|\r", "a@b.example", "1", None,
    "", 2, 1, 1, 1, 1, 40, 150,
)  # fmt: skip
ITEM = ItemSeen(
    "i", "T" * 300 + "|\r\0é", "book", "book", "DK-1", "main", 0, "t", "", "", "", None, "", "2026-12-03",
    1, 2, "ready", "2026-12-01", "main",
)  # fmt: skip
REFUSED = Refused(Refusal(code="fee-to-acknowledge", params={"fee": "1.50"}), "T|", 150, "rental")
OUTCOMES = (
    Lent(date(2026, 12, 3), True, "T|\r", "dvd", "x"), Back(True, patron="29|", alert="hold-here", hold_card="1"),
    AllRenewed(("1",), ("2|",)), HoldKept("h", True, 3, date(2027, 1, 1)), Paid(150), Described("T", "x"), REFUSED,
)  # fmt: skip
POLICY = Policy.model_validate({"fees": {"rental_fee": "1.50", "block_at": "1.00"}})
WAYS = (
    Account("a", "main", profile=Profile(about="plain")),
    Account("b", "main", "Europe/Copenhagen", profile=Profile(about="other", encoding="cp850", due="iso")),
)


def _came(effect: Effect, turn: int) -> Event | None:
    match effect:
        case CheckLogin():
            return LoggedIn(WAYS[0] if turn % 2 else None)
        case JudgePin():
            return Judged(("right", "wrong", "too-many")[turn % 3])  # type: ignore[arg-type]  # one of three
        case LookPatron():
            lines = tuple((name, (Entry("i|", "T\r", 150),)) for name in effect.lists)
            return FoundPatron(PATRON if turn % 3 else None, lines)
        case LookItem():
            return FoundItem(ITEM if turn % 3 else None)
        case LookWord():
            return FoundWord("3|0" if turn % 2 else None)
        case Submit(request):
            fits = {Return: 1, RenewAll: 2}.get(type(request.do), turn)
            return Done(OUTCOMES[fits % len(OUTCOMES)])
        case Send() | Close():
            return None


def decode(data: bytes) -> object:
    """Let two terminals and a stranger say it, and see that each frame is answered once."""
    turn = len(data)
    for account in (*WAYS, None):
        session = Session(Terms(POLICY), account)
        for frame in Framer(utf8=False).feed(data + b"\r"):
            session, effects = step(session, Heard(frame), 1_795_000_000_000)
            sent = 0
            while effects:
                sent += sum(isinstance(one, Send) for one in effects)
                events = [event for one in effects if (event := _came(one, turn)) is not None]
                effects = ()
                if events:
                    session, effects = step(session, events[0], 1_795_000_000_000)
            if sent != 1 or session.busy:
                raise AssertionError(f"{sent} answers")
    return None
