"""Peers that others wrote, each asked every message: pysip2 as server and as codec, Sip2 as client."""

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pysip2 import models, routes
from pysip2.server import SIP2Server
from sip2_server_kit import AT, SECRET, library, terminal
from test_sip2_server_client import connected

from central.sip2.client import Connection, Peer
from central.sip2.codec import MESSAGES, Dialect, Frame, Unreadable
from central.sip2.conversation import ANSWERS
from central.sip2.fields import read_date
from central.sip2.messages import Message

NAMES = {code: re.sub(r"(?<!^)(?=[A-Z])", " ", MESSAGES[code].__name__).lower() for code in ANSWERS}
ORDER = ("93", "99", "23", "63", "17", "11", "29", "65", "09", "19", "15", "37", "01", "25", "35")
"""Messages in the order of a visit."""
GOOD: dict[str, dict[str, Any]] = {
    "94": {"ok": True}, "12": {"ok": True, "title": "A Title"}, "10": {"ok": True}, "30": {"ok": True},
    "66": {"ok": True}, "16": {"ok": True}, "20": {"ok": True}, "38": {"accepted": True},
    "36": {"ended": True}, "24": {"valid": True}, "26": {"valid": True}, "64": {"valid": True},
    "18": {"circulation_status": 3}, "98": {"online": True},
}  # fmt: skip
"""Response -> fields that say that a request was carried out."""


def carried_out(message: Message) -> bool:
    """Say whether a response says yes."""
    return all(getattr(message, name) == value for name, value in GOOD[message.code].items())


# --- pysip2 as the library system


def strict_library() -> SIP2Server:
    """A small library on pysip2's server, with a handler for every message."""
    server = SIP2Server(institution_id="main", login_required=True, error_detection="required")
    wanted: dict[str, Any] = {
        "ok": "1", "renewal_ok": "N", "magnetic_media": "N", "desensitize": "Y", "resensitize": "Y", "alert": "N",
        "available": "Y", "payment_accepted": "Y", "end_session": "Y", "item_properties_ok": "1",
        "circulation_status": "03", "security_marker": "00", "fee_type": "01", "patron_status": " " * 14,
        "language": "001", "transaction_date": AT, "valid_patron": "Y", "personal_name": "Zoé",
        "title_identifier": "A Title", "due_date": "2026-12-19", "permanent_location": "main",
        "renewed_count": "0001", "unrenewed_count": "0000", "renewed_items": ("item-1",),
        "hold_items_count": "0000", "overdue_items_count": "0000", "charged_items_count": "0001",
        "fine_items_count": "    ", "recall_items_count": "    ", "unavailable_holds_count": "0000",
        "charged_items": ("item-1",), "screen_message": ("Grüße", "zwei"),
    }  # fmt: skip

    def answer(route: Any) -> Any:
        def handle(request: Any, context: object) -> Any:
            names = route.response_type.__struct_fields__
            said = {name: value for name, value in wanted.items() if name in names}
            said |= {
                name: getattr(request, name)
                for name in ("institution_id", "patron_identifier", "item_identifier", "transaction_id")
                if name in names and getattr(request, name, None) is not None
            }
            return route.response_type(**said)

        return handle

    for code in ORDER:
        route = routes.route_for_id(code)
        assert route is not None
        if code not in ("99", "93"):
            server.route(route)(answer(route))

    @server.route(routes.LOGIN)
    def login(request: models.LoginRequest, context: object) -> models.LoginResponse:
        return models.LoginResponse(ok="1" if request.login_password == SECRET else "0")

    return server


def ours(code: str) -> Message:
    """Return a request as our client sends it."""
    kind = MESSAGES[code]
    values = {
        "at": read_date(AT), "returned": read_date(AT), "no_block_due": read_date(AT), "patron": "CARD4711", "item": "item-1",
        "institution": "main", "location": "door", "amount": "1.00", "currency": "EUR", "user": "kiosk",
        "password": SECRET, "mode": "+", "reason": "found", "properties": "worn", "pin": "8642",
    }  # fmt: skip
    return kind(**{name: value for name, value in values.items() if name in kind.__dataclass_fields__})


async def with_a_strict_server() -> dict[str, str]:
    """Ask pysip2's server everything with our client; returns what came of each."""
    found = {}
    async with strict_library().start() as port:
        peer = Peer("127.0.0.1", port, "kiosk", SECRET, dialect=Dialect("cp850"), timeout_s=10)
        connection = await Connection.open(peer)
        try:
            for code in ORDER:
                frame = await connection.request(ours(code))
                found[code] = judged(frame)
        finally:
            await connection.close()
    return found


def judged(found: Frame | Unreadable, *, yes: bool = True) -> str:
    """Return an answer's code, and what is wrong with it."""
    if isinstance(found, Unreadable):
        return f"✗ {found.reason}"
    wrong = list(found.problems)
    wrong += [] if found.check == "right" else [f"checksum {found.check}"]
    wrong += [] if carried_out(found.message) is yes else ["said no" if yes else "said yes"]
    return f"✗ {found.message.code}: {'; '.join(wrong)}" if wrong else f"✓ {found.message.code}"


# --- pysip2's codec reads every reply of our server


def asked(code: str, card: str, item: str) -> str:
    """Return a request in text, about somebody and something."""
    who, what = f"AOharbour|AA{card}|AC|", f"AOharbour|AB{item}|AC|"
    return {
        "93": f"9300CNselfcheck-1|CO{SECRET if card == 'CARD4711' else 'wrong'}|CPdoor|",
        "99": "9900402.00", "23": f"23001{AT}{who}AD|", "63": f"63001{AT}  Y       {who}",
        "17": f"17{AT}{what}", "11": f"11YN{AT}{AT}{who}AB{item}|", "29": f"29NN{AT}{AT}{who}AB{item}|",
        "65": f"65{AT}{who}", "09": f"09N{AT}{AT}APdoor|{what}", "19": f"19{AT}{what}CHworn|",
        "15": f"15+{AT}{who}ABITEM-0002|BY3|" if card == "CARD4711" else f"15+{AT}{who}AB{item}|BY3|",
        "37": f"37{AT}0400EURBV1.00|{who}", "01": f"01N{AT}AOharbour|ALfound|AA{card}|AC|",
        "25": f"25{AT}{who}", "35": f"35{AT}{who}",
    }[code]  # fmt: skip


async def read_by_a_strict_codec(folder: Path, *, known: bool) -> dict[str, str]:
    """Ask our server everything; `Terminal.ask` lets pysip2's codec read each reply, and ours after it."""
    card, item = ("CARD4711", "ITEM-0001") if known else ("NOBODY", "NOTHING")
    found = {}
    async with library(folder) as here:
        for code in ORDER:
            async with terminal(here.port) as one:
                frame = await one.ask(asked(code, card, item))
                assert frame.message.code == ANSWERS[code]
                found[code] = f"✓ {frame.message.code}"
    return found


# --- Sip2 as the terminal

ASKED_BY_SIP2: dict[str, tuple[str, tuple[Any, ...]]] = {
    "93": ("login", ("selfcheck-1", SECRET)), "99": ("sc_status", ()), "23": ("patron_status", ()),
    "63": ("patron_information", ("charged",)), "17": ("item_information", ("ITEM-0001",)),
    "11": ("checkout", ("ITEM-0001",)), "29": ("renew", ("ITEM-0001",)), "65": ("renew_all", ()),
    "09": ("checkin", ("ITEM-0001",)), "19": ("item_status_update", ("ITEM-0001", "worn")),
    "15": ("hold", ("+", "", 3, "ITEM-0002")), "37": ("fee_paid", (4, 0, "1.00")),
    "01": ("block_patron", ("seen with two cards",)), "25": ("patron_enable", ()),
    "35": ("end_patron_session", ()),
}  # fmt: skip


async def asked_by_others(folder: Path) -> dict[str, str]:
    """Let the `Sip2` client ask our server everything; returns what it read."""
    found = {}
    async with library(folder) as here, connected(here.port, folder) as one:
        for code in ORDER:
            name, given = ASKED_BY_SIP2[code]
            read = await one.say(name, *given)
            assert read["fixed"], (code, read)
            found[code] = f"✓ {ANSWERS[code]}"
    return found


@contextlib.asynccontextmanager
async def misbehaving() -> AsyncIterator[int]:
    """Run the simulated system that misbehaves; gives its port."""
    from sim.sip2_ils import Ils

    async with Ils().serving() as port:
        yield port


async def with_the_simulated(port: int) -> dict[str, str]:
    """Ask the simulated system, at its best, what it knows."""
    found = {}
    connection = await Connection.open(Peer("127.0.0.1", port, "kiosk", "right", timeout_s=10))
    try:
        for code in ("93", "99", "23", "63", "17", "11", "29", "09", "35"):
            request = ours(code)
            if code == "93":
                request = MESSAGES["93"](user="kiosk", password="right")
            frame = await connection.request(request)
            said_well = frame.check == "right" and not frame.problems
            found[code] = f"{'✓' if said_well else '✗'} {frame.message.code}"
    finally:
        await connection.close()
    return found
