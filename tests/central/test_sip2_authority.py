"""A library system over SIP2 as the authority of loans: asked once, settled by looking, taken back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest
from test_sip2_client import Ils

from central.authority import Away, Done, Doubt, Request
from central.sip2.authority import Sip2Authority, _names, due_of
from central.sip2.client import Peer
from central.sip2.codec import Frame, encode
from central.sip2.messages import (
    AcsStatus,
    Login,
    LoginResponse,
    Message,
    PatronInformation,
    PatronInformationResponse,
)
from central.sip2.messages_items import (
    Checkin,
    CheckinResponse,
    Checkout,
    CheckoutResponse,
    ItemInformation,
    ItemInformationResponse,
    Renew,
    RenewResponse,
)
from central.sip2.pool import Pool
from wire.clock import FakeClock
from wire.messages.stream import Refusal

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
AT_MS = int(NOW.timestamp() * 1000)
DUE = "20261219    235900"


class Library:
    """A small library system: who has what, and how it misbehaves just now."""

    def __init__(self) -> None:
        self.loans: dict[str, str] = {}
        self.mute: set[str] = set()
        """Codes that it acts on without ever answering."""
        self.refuses = False
        self.heard: list[Message] = []

    def reply(self, found: Frame, _: bytes, times: int) -> list[bytes]:
        message = found.message
        if isinstance(message, Checkout | Checkin | Renew):
            self.heard.append(message)
        said = self._act(message)
        return [] if message.code in self.mute else [encode(said, sequence=found.sequence)]

    def _act(self, message: Message) -> Message:
        match message:
            case Login():
                return LoginResponse(ok=message.password == "right")
            case Checkout(item=item, patron=patron) if not self.refuses or message.no_block:
                self.loans[item] = patron
                return CheckoutResponse(ok=True, at=None, item=item, patron=patron, due=DUE, desensitize=True)
            case Checkout(item=item):
                return CheckoutResponse(item=item, screen=("Too many fines",))
            case Renew(item=item, patron=patron):
                return RenewResponse(ok=self.loans.get(item) == patron, renewed=True, item=item, due=DUE)
            case Checkin(item=item):
                had = self.loans.pop(item, None)
                return CheckinResponse(ok=had is not None, item=item)
            case ItemInformation(item=item):
                lent = item in self.loans
                return ItemInformationResponse(
                    item=item, circulation_status=4 if lent else 3, due=DUE if lent else ""
                )
            case PatronInformation(patron=patron):
                mine = tuple(item for item, who in self.loans.items() if who == patron)
                return PatronInformationResponse(
                    patron=patron, valid=True, charged=len(mine), charged_items=mine
                )
            case _:
                return AcsStatus(online=True, checkout=True, supported="Y" * 16)


@asynccontextmanager
async def asked(password: str = "right") -> AsyncIterator[tuple[Sip2Authority, Library, Ils]]:
    library = Library()
    ils = Ils(library.reply)
    server = await asyncio.start_server(ils.serve, "127.0.0.1", 0)
    ils.port = server.sockets[0].getsockname()[1]
    clock = FakeClock(NOW)
    peer = Peer("127.0.0.1", ils.port, "kiosk", password, timeout_s=0.3, retries=1)
    authority = Sip2Authority(Pool(peer, clock, size=2), clock, institution="main", zone="Europe/Berlin")
    try:
        yield authority, library, ils
    finally:
        await authority.close()
        server.close()


def request(
    kind: str = "checkout", *, item: str = "30", card: str | None = "29", happened: bool = False
) -> Request:
    return Request("r1", kind, item, card, "kiosk-1", "main", AT_MS, happened)  # type: ignore[arg-type]  # a kind


async def test_an_item_is_lent_with_the_librarys_local_time_and_due_date() -> None:
    async with asked() as (authority, library, _):
        said = await authority.carry_out(request())

    assert said == Done(date(2026, 12, 19))
    (sent,) = library.heard
    assert isinstance(sent, Checkout)
    assert (sent.at, sent.institution, sent.no_block) == (datetime(2026, 11, 21, 10, 30), "main", False)  # noqa: DTZ001 - SIP2 tells local times


async def test_what_is_refused_there_is_a_refusal_with_its_words() -> None:
    async with asked() as (authority, library, _):
        library.refuses = True
        said = await authority.carry_out(request())
        happened = await authority.carry_out(request(happened=True))

    assert said == Refusal(code="refused-there", params={"said": "Too many fines"}, next_step="desk")
    assert happened == Done(date(2026, 12, 19))


async def test_an_answer_that_is_lost_is_settled_by_looking_and_never_sent_twice() -> None:
    async with asked() as (authority, library, ils):
        library.mute = {"11"}
        assert isinstance(await authority.carry_out(request()), Doubt)
        library.mute = set()
        settled = await authority.settle(request())

    assert settled == Done(date(2026, 12, 19))
    assert len({frame for frame in ils.asked if frame.startswith(b"11")}) == 1
    assert library.loans == {"30": "29"}


async def test_what_did_not_happen_is_found_out_too() -> None:
    async with asked() as (authority, library, _):
        early = await authority.settle(request())
        authority._clock.advance(31)  # type: ignore[attr-defined]  # the fake one
        free = await authority.settle(request())
        library.loans["30"] = "somebody else"
        theirs = await authority.settle(request())
        back = await authority.settle(request("checkin"))
        del library.loans["30"]
        returned = await authority.settle(request("checkin"))

    assert isinstance(early, Doubt)
    assert free == Refusal(code="not-lent")
    assert theirs == Refusal(code="on-loan-elsewhere")
    assert back == Refusal(code="still-charged")
    assert returned == Done()


async def test_a_list_that_is_shorter_than_its_count_settles_nothing() -> None:
    async with asked() as (authority, library, _):
        library.loans["30"] = "somebody else"
        library.loans |= {"31": "29"}
        act = library._act

        def short(message: Message) -> Message:
            said = act(message)
            if isinstance(said, PatronInformationResponse):
                return PatronInformationResponse(patron="29", charged=3, charged_items=("31",))
            return said

        library._act = short  # type: ignore[method-assign]  # this system lists a page at a time
        assert isinstance(await authority.settle(request()), Doubt)


async def test_a_checkout_is_taken_back_as_one_that_failed() -> None:
    async with asked() as (authority, library, _):
        await authority.carry_out(request())
        assert await authority.undo(request()) == Done()

    undone = library.heard[-1]
    assert isinstance(undone, Checkin)
    assert (undone.cancel, undone.no_block, library.loans) == (True, False, {})


async def test_returns_and_renewals_are_told_with_their_own_time() -> None:
    async with asked() as (authority, library, _):
        library.loans["30"] = "29"
        renewed = await authority.carry_out(request("renew"))
        returned = await authority.carry_out(request("checkin", card=None, happened=True))

    assert (renewed, returned) == (Done(date(2026, 12, 19), renewed=True), Done())
    told = library.heard[-1]
    assert isinstance(told, Checkin)
    assert (told.no_block, told.returned, told.location) == (True, datetime(2026, 11, 21, 10, 30), "main")  # noqa: DTZ001 - SIP2 tells local times


async def test_a_system_that_is_away_was_asked_nothing_and_is_given_a_rest() -> None:
    clock = FakeClock(NOW)
    pool = Pool(Peer("127.0.0.1", 9, timeout_s=0.5), clock, rest_s=10, chance=lambda: 1.0)
    authority = Sip2Authority(pool, clock)
    first = await authority.carry_out(request())
    opened: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    pool._peer = Peer("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=0.5)
    clock.advance(9.9)
    resting = await authority.carry_out(request())
    assert opened == []
    clock.advance(0.2)
    await authority.carry_out(request())
    server.close()

    assert isinstance(first, Away)
    assert isinstance(resting, Away)
    assert opened == [1]


async def test_a_login_that_is_refused_is_away_and_says_why() -> None:
    async with asked("wrong") as (authority, _, __):
        said = await authority.carry_out(request())

    assert isinstance(said, Away)
    assert "the login of kiosk was refused" in said.seen


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("30", True), ("30 A title", True), ("30|x", True), ("30-1", False), ("X30", False), ("130", False),
        ("30.5", False), ("30005555 Orwell: 30", False),
    ],
)  # fmt: skip
def test_a_line_of_a_list_names_an_item_or_not(line: str, named: bool) -> None:
    assert _names(line, "30") is named


async def test_a_connection_that_the_peer_closed_while_idle_asks_nothing_and_is_replaced() -> None:
    async with asked() as (authority, library, ils):
        await authority.carry_out(request())
        for writer in ils.writers:
            writer.close()
        while not all(one.gone for one in authority._pool._free):
            await asyncio.sleep(0.01)
        said = await authority.carry_out(request(item="31"))

    assert said == Done(date(2026, 12, 19))
    assert library.loans == {"30": "29", "31": "29"}


@pytest.mark.parametrize("raw", [b"12\r", b"12YNUN20261121    093000AO|AA29|AB30|AJ|AH|\r"])
async def test_an_answer_that_cannot_be_read_is_a_doubt_and_no_refusal(raw: bytes) -> None:
    async with asked() as (authority, _, ils):
        polite = ils.reply
        ils.reply = lambda found, data, n: (
            (polite(found, data, n), [raw])[1] if found.message.code == "11" else polite(found, data, n)
        )
        assert isinstance(await authority.carry_out(request()), Doubt)


async def test_an_answer_about_another_item_is_never_ours() -> None:
    async with asked() as (authority, library, _):
        act = library._act
        library._act = lambda m: (
            CheckoutResponse(ok=True, item="OTHER") if isinstance(m, Checkout) else act(m)
        )  # type: ignore[method-assign]  # this system mixes them up
        assert isinstance(await authority.carry_out(request()), Doubt)


async def test_whether_a_loan_was_renewed_is_never_guessed() -> None:
    async with asked() as (authority, library, _):
        library.loans["30"] = "29"
        assert isinstance(await authority.settle(request("renew")), Doubt)


async def test_an_account_that_the_system_does_not_show_settles_nothing() -> None:
    async with asked() as (authority, library, _):
        library.loans["30"] = "29"
        act = library._act
        library._act = lambda m: (
            PatronInformationResponse(charged=0, valid=False) if isinstance(m, PatronInformation) else act(m)
        )  # type: ignore[method-assign]  # it wants a PIN
        assert isinstance(await authority.settle(request()), Doubt)


async def test_a_number_that_sip2_cannot_carry_is_never_sent_as_another() -> None:
    async with asked() as (authority, library, _):
        said = await authority.carry_out(request(item="12|34"))

    assert isinstance(said, Refusal)
    assert (said.code, library.heard) == ("not-sendable", [])


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("20261219    235900", date(2026, 12, 19)), ("2026-12-19 23:59", date(2026, 12, 19)),
        ("20261219", date(2026, 12, 19)), ("2026-13-40", None), ("19/12/26", None), ("", None),
    ],
)  # fmt: skip
def test_due_dates_are_read_where_that_takes_no_guessing(text: str, due: date | None) -> None:
    assert due_of(text) == due
