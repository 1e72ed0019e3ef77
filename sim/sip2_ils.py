"""A library system that speaks SIP2 and does, when told, what library systems do wrong.

It lends and takes back by its own books, and keeps every act that it carried out, so that a test can say that
nothing was done twice. It keeps the rules where it is not told otherwise: a frame that comes again under the
same digit gets the stored answer, 97 gets the last one. A fault is laid on the next answer to a code
(`Ils.next`), or on every one (`Ils.always`); a trait holds for the whole system (`Traits`).

A title is what titles are: 300 characters, a `|`, bytes that are no UTF-8. The due date of an item tells
which item it is (`due_of`), so that an answer that was matched to another question is seen.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32

from central.sip2.codec import Dialect, Frame, Unreadable, decode, encode
from central.sip2.framing import Framer
from central.sip2.messages import (
    AcsStatus,
    EndSession,
    EndSessionResponse,
    Login,
    LoginResponse,
    Message,
    PatronInformation,
    PatronInformationResponse,
    PatronStatusRequest,
    PatronStatusResponse,
    RequestResend,
    ResendRequest,
    ScStatus,
)
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
from sim.sip2_faults import ENDS, Fault, framed, spoilt
from wire.clock import Clock, SystemClock

SUPPORTED = "YYYNYYYYYNYNNNYN"
"""BX: 23, 11, 09, 99, 97, 93, 63, 35, 17 and 29."""


@dataclass(frozen=True, slots=True)
class Traits:
    """How the whole system is."""

    skew: timedelta = timedelta(0)
    """How wrong its clock is."""
    online: bool = True
    checkout: bool = True
    """What 98 says of checkouts; one that says N refuses them, but takes what has happened."""
    odd_titles: bool = True
    refuses: frozenset[str] = frozenset()
    """Items that it lends to nobody, whatever is said."""
    encoding: str = "utf-8"
    password: str = "right"  # noqa: S105 - a simulated system


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was carried out."""

    code: str
    item: str
    patron: str = field(default="", repr=False)
    no_block: bool = False
    cancel: bool = False
    at: datetime | None = None
    """The transaction's own time (09: the return's)."""
    due: datetime | None = None
    """The *nb due date* of a loan that was told."""


def due_of(item: str) -> date:
    """Return the due date of an item: a day of its own, as far as days go."""
    return date(2027, 1, 1) + timedelta(days=crc32(item.encode()) % 30_000)


def _title(item: str) -> bytes:
    return f"Café | {item} ".encode() + b"\xff\xfe" + b"x" * 300


@dataclass(slots=True)
class _Talk:
    """One connection."""

    last: bytes = b""
    frame: bytes = b""
    whole: bytes = b""
    """What 97 gets."""
    muted: bool = False
    late: bytes = b""


class Ils:
    """The system; `serving` makes it listen."""

    def __init__(self, traits: Traits | None = None, clock: Clock | None = None) -> None:
        self.traits = traits or Traits()
        self.loans: dict[str, str] = {}
        """Item -> who has it."""
        self.acts: list[Act] = []
        self.asked: list[bytes] = []
        """Every frame that came, repeated ones as well."""
        self.connections = 0
        self.always: dict[str, Fault] = {}
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._clock = clock or SystemClock()
        self._writers: set[asyncio.StreamWriter] = set()

    def next(self, code: str, *faults: Fault) -> None:
        """Lay faults on the next answers to a code, one each."""
        self._next[code].extend(faults)

    def twice(self) -> list[str]:
        """Return items that were lent again without having come back in between, or by a repeated 11."""
        out: set[str] = set()
        wrong = []
        for act in self.acts:
            if act.code == "11":
                wrong += [act.item] if act.item in out else []
                out.add(act.item)
            elif act.code == "09":
                out.discard(act.item)
        return wrong

    def sent(self, code: str) -> Counter[bytes]:
        """Return the frames of a code that came, and how often each did."""
        return Counter(one for one in self.asked if one.startswith(code.encode()))

    # --- the socket

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[int]:
        """Listen on 127.0.0.1; gives the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.drop()
            while self._writers:  # each takes itself out when it sees the end
                await asyncio.sleep(0.001)

    def drop(self) -> None:
        """Hang up on everybody."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer, talk = Framer(), _Talk()
        self._writers.add(writer)
        self.connections += 1
        try:
            while data := await reader.read(4096):
                for raw in framer.feed(data):
                    self.asked.append(raw)
                    if not await self._heard(talk, raw, writer):
                        return
        except OSError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _heard(self, talk: _Talk, raw: bytes, writer: asyncio.StreamWriter) -> bool:
        """Take one frame; False: hang up."""
        found = decode(raw, Dialect(self.traits.encoding))
        if isinstance(found, Unreadable):
            writer.write(self._said(ResendRequest(), None))
            return True
        if isinstance(found.message, RequestResend):
            writer.write(talk.whole or self._said(ResendRequest(), None))
            return True
        if raw == talk.frame and found.check == "right":
            writer.write(b"" if talk.muted else talk.last)
            return True
        code = found.message.code
        waiting = self._next[code]
        fault = waiting.popleft() if waiting else self.always.get(code)
        if fault is Fault.HANG_UP_BEFORE:
            return False
        if fault is Fault.ASK_AGAIN:
            writer.write(self._said(ResendRequest(), None))
            return True
        said = self._said(self.act(found.message), found)
        talk.frame, talk.muted = raw, fault is Fault.MUTE
        pieces = spoilt(fault, said, self._other(found, said))
        talk.last = pieces[-1] if fault is Fault.OTHER_DIGIT else said
        talk.whole = pieces[-1] if fault is Fault.BROKEN_ALWAYS else said
        if fault is Fault.LATE:
            talk.late, talk.last = said, b""
            return True
        if talk.late and pieces:
            pieces, talk.late = [talk.late + pieces[0], *pieces[1:]], b""
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return fault not in ENDS

    def _said(self, message: Message, found: Frame | None) -> bytes:
        checked = found is None or found.check == "right"
        dialect = Dialect(self.traits.encoding, checked)
        digit = None if found is None else found.sequence
        data = encode(message, dialect, digit)
        title = getattr(message, "title", "")
        if title and self.traits.odd_titles:  # the codec writes none of this: it is strict
            body = encode(message, replace(dialect, checksum=False)).rstrip(b"\r")
            body = body.replace(b"AJ" + title.encode() + b"|", b"AJ" + _title(title) + b"|")
            data = framed(body, digit) if checked else body + b"\r"
        return data

    def _other(self, found: Frame, said: bytes) -> bytes:
        """Return what `OTHER_DIGIT` and `OF_ANOTHER` say instead."""
        body = said.rpartition(b"AY")[0]
        if not found.sequence or not body:
            return said
        item = getattr(found.message, "item", "").encode()
        return framed(body.replace(b"AB" + item + b"|", b"ABanother|"), found.sequence)

    # --- the books

    def act(self, asked: Message) -> Message:
        """Carry out a request and return its answer."""
        at = (self._clock.now() + self.traits.skew).replace(tzinfo=None, microsecond=0)
        match asked:
            case Login():
                return LoginResponse(ok=asked.password == self.traits.password)
            case ScStatus():
                return self._status(at)
            case Checkout() | Renew():
                return self._lend(asked, at)
            case Checkin():
                return self._take_back(asked, at)
            case ItemInformation():
                return self._item(asked, at)
            case PatronInformation():
                mine = tuple(item for item, who in self.loans.items() if who == asked.patron)
                return PatronInformationResponse(
                    at=at, patron=asked.patron, institution=asked.institution, valid=True,
                    charged=len(mine), charged_items=mine if asked.summary[2] == "Y" else (),
                )  # fmt: skip
            case PatronStatusRequest():
                return PatronStatusResponse(at=at, patron=asked.patron, valid=True)
            case EndSession():
                return EndSessionResponse(ended=True, at=at, patron=asked.patron)
            case _:
                return ResendRequest()

    def _status(self, at: datetime) -> AcsStatus:
        traits = self.traits
        return AcsStatus(
            online=traits.online, checkin=True, checkout=traits.checkout, renewal=True, offline=True,
            timeout=50, retries=3, at=at, institution="main", supported=SUPPORTED,
        )  # fmt: skip

    def _lend(self, asked: Checkout | Renew, at: datetime) -> Message:
        kind: type[LoanAnswer] = CheckoutResponse if isinstance(asked, Checkout) else RenewResponse
        common: dict[str, Any] = {
            "at": at,
            "item": asked.item,
            "patron": asked.patron,
            "institution": asked.institution,
        }
        holder = self.loans.get(asked.item)
        renewal = holder == asked.patron
        closed = isinstance(asked, Checkout) and not self.traits.checkout
        taken = holder is not None and not renewal
        if asked.item in self.traits.refuses or ((closed or taken) and not asked.no_block):
            return kind(**common, screen=("Not here",))
        if not renewal:
            cancel = isinstance(asked, Checkout) and bool(asked.cancel)
            told = asked.no_block_due if asked.no_block else None
            self.acts.append(Act("11", asked.item, asked.patron, asked.no_block, cancel, asked.at, told))
            self.loans[asked.item] = asked.patron
        due = f"{due_of(asked.item):%Y%m%d}    235900"
        return kind(**common, ok=True, renewed=renewal, desensitize=True, title=asked.item, due=due)

    def _take_back(self, asked: Checkin, at: datetime) -> CheckinResponse:
        had = self.loans.pop(asked.item, None)
        ok = had is not None and asked.item not in self.traits.refuses
        if ok:
            self.acts.append(Act("09", asked.item, "", asked.no_block, bool(asked.cancel), asked.returned))
        return CheckinResponse(
            ok=ok, resensitize=ok, at=at, item=asked.item, institution=asked.institution, title=asked.item,
            screen=() if ok else ("Not here",),
        )  # fmt: skip

    def _item(self, asked: ItemInformation, at: datetime) -> ItemInformationResponse:
        lent = asked.item in self.loans
        return ItemInformationResponse(
            circulation_status=4 if lent else 3, at=at, item=asked.item, title=asked.item,
            due=f"{due_of(asked.item):%Y%m%d}    235900" if lent else "",
        )  # fmt: skip
