"""SIP2 with peers: a strict server that others wrote, and one that does what library systems do wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysip2 import models, routes
from pysip2.server import SIP2Server

from central.sip2 import conversation
from central.sip2.client import Connection, LoginRefused, Peer, Unheard, Unreachable
from central.sip2.codec import Dialect, Frame, decode, encode
from central.sip2.conversation import Answered, Send, Talk, Unanswered
from central.sip2.framing import Framer
from central.sip2.messages import (
    AcsStatus,
    LoginResponse,
    PatronInformation,
    PatronInformationResponse,
    ScStatus,
)
from central.sip2.messages_items import Checkout, CheckoutResponse, ItemInformation, ItemInformationResponse

CP850 = Dialect("cp850")
AT = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - a SIP2 date without a zone is local


# --- a server that others wrote -------------------------------------------------------------------


def library() -> SIP2Server:
    """A small library on a strict SIP2 server."""
    server = SIP2Server(institution_id="main", login_required=True)

    @server.route(routes.LOGIN)
    def login(request: models.LoginRequest, context: object) -> models.LoginResponse:
        return models.LoginResponse(ok="1" if request.login_password == "right" else "0")

    return server


async def test_a_strict_server_takes_login_status_and_questions() -> None:
    async with library().start() as port:
        with pytest.raises(LoginRefused):
            await Connection.open(Peer("127.0.0.1", port, "kiosk", "wrong", dialect=CP850))
        connection = await Connection.open(Peer("127.0.0.1", port, "kiosk", "right", dialect=CP850))
        try:
            assert isinstance(connection.status, AcsStatus)
            assert connection.status.online
            patron = await connection.request(PatronInformation(at=AT, patron="29000001", institution="main"))
            item = await connection.request(ItemInformation(at=AT, item="30000001", institution="main"))
        finally:
            await connection.close()

    assert isinstance(patron.message, PatronInformationResponse)
    assert isinstance(item.message, ItemInformationResponse)
    assert (patron.check, patron.problems, item.check, item.problems) == ("right", (), "right", ())


# --- one that does what library systems do wrong --------------------------------------------------

Reply = Callable[[Frame, bytes, int], list[bytes] | None]
"""(question, its bytes, how often such a question came) -> pieces to send; None hangs up."""


class Ils:
    """A scripted library system: answers by a function, keeps what it was asked."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    def count(self, code: bytes) -> int:
        return sum(frame.startswith(code) for frame in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        self.writers.append(writer)
        try:
            while data := await reader.read(4096):
                for raw in framer.feed(data):
                    self.asked.append(raw)
                    found = decode(raw)
                    assert isinstance(found, Frame), raw
                    said = self.reply(found, raw, self.count(raw[:2]))
                    if said is None:
                        return
                    for piece in said:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
        except OSError:
            pass
        finally:
            writer.close()


def polite(found: Frame, sequence: str | None = None) -> bytes:
    digit = found.sequence if sequence is None else sequence
    match found.message.code:
        case "93":
            return encode(LoginResponse(ok=True), sequence=digit)
        case "99":
            supported = "YYYYYYYYYYYYYYYY"
            return encode(AcsStatus(online=True, checkout=True, at=AT, supported=supported), sequence=digit)
        case "63":
            return encode(PatronInformationResponse(at=AT, patron="29", valid=True), sequence=digit)
        case "17":
            return encode(ItemInformationResponse(at=AT, item="30", circulation_status=3), sequence=digit)
        case _:
            return encode(CheckoutResponse(ok=True, at=AT, item="30", desensitize=True), sequence=digit)


@asynccontextmanager
async def talking(
    reply: Reply, timeout_s: float = 0.3, retries: int = 2
) -> AsyncIterator[tuple[Connection, Ils]]:
    ils = Ils(reply)
    server = await asyncio.start_server(ils.serve, "127.0.0.1", 0)
    ils.port = server.sockets[0].getsockname()[1]
    connection = await Connection.open(
        Peer("127.0.0.1", ils.port, "kiosk", "right", timeout_s=timeout_s, retries=retries)
    )
    try:
        yield connection, ils
    finally:
        await connection.close()
        server.close()


LEND = Checkout(at=AT, patron="29", item="30")


def only_11(reply: Reply) -> Reply:
    return lambda found, raw, n: reply(found, raw, n) if found.message.code == "11" else [polite(found)]


async def test_a_question_that_is_lost_is_asked_again_in_the_same_bytes() -> None:
    async with talking(only_11(lambda found, _, n: [] if n == 1 else [polite(found)])) as (connection, ils):
        said = await connection.request(LEND)

    assert isinstance(said.message, CheckoutResponse)
    lent = [frame for frame in ils.asked if frame.startswith(b"11")]
    assert len(lent) == 2
    assert lent[0] == lent[1]


async def test_a_peer_that_could_not_read_is_told_again() -> None:
    reply = only_11(lambda found, _, n: [b"96AZFEF6\r"] if n == 1 else [polite(found)])
    async with talking(reply) as (connection, ils):
        assert isinstance((await connection.request(LEND)).message, CheckoutResponse)
    assert ils.count(b"11") == 2


async def test_an_answer_with_a_wrong_checksum_is_asked_for_by_97_and_not_by_a_second_checkout() -> None:
    broken = b"12" + b"1NUY20261121    093000AO|AA|AB30|AJ|AH|AY1AZ0000\r"
    sent: list[bytes] = []

    def reply(found: Frame, _: bytes, n: int) -> list[bytes]:
        if found.message.code == "97":
            return sent
        if found.message.code != "11":
            return [polite(found)]
        sent[:] = [polite(found, "7")]  # repeated under another digit, as some do
        return [broken]

    async with talking(reply) as (connection, ils):
        assert isinstance((await connection.request(LEND)).message, CheckoutResponse)
    assert (ils.count(b"11"), ils.count(b"97")) == (1, 1)


async def test_a_late_answer_is_never_the_answer_to_the_next_question() -> None:
    held: list[bytes] = []

    def reply(found: Frame, _: bytes, n: int) -> list[bytes]:
        if found.message.code != "63":
            return [polite(found)]
        held.append(polite(found))
        return [] if n <= 1 else [held[0], held[-1]]

    async with talking(reply, retries=0) as (connection, _):
        with pytest.raises(Unheard, match="no answer in time"):
            await connection.request(PatronInformation(at=AT, patron="29"))
        with pytest.raises(Unreachable):
            await connection.request(PatronInformation(at=AT, patron="30"))


async def test_without_digits_what_changes_something_is_never_repeated() -> None:
    ils = Ils(only_11(lambda *_: []))
    server = await asyncio.start_server(ils.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bare = Peer("127.0.0.1", port, dialect=Dialect(checksum=False), timeout_s=0.2)
    connection = await Connection.open(bare)
    with pytest.raises(Unheard):
        await connection.request(LEND)
    await connection.close()
    server.close()

    assert ils.count(b"11") == 1


def test_no_secret_is_shown_by_the_repr_of_a_conversation() -> None:
    talk, effects = conversation.ask(Talk(), PatronInformation(at=AT, patron="29000001", pin="1234"))

    assert [word for word in ("29000001", "1234") if word in repr((talk, effects))] == []


def test_an_answer_under_another_digit_is_dropped_and_counted() -> None:
    talk, (first,) = conversation.ask(Talk(next_digit=4), PatronInformation(at=AT))
    assert isinstance(first, Send)
    old = encode(PatronInformationResponse(at=AT), sequence="3")
    talk, effects = conversation.heard(talk, old.rstrip())
    assert (effects, talk.late) == ((), 1)
    talk, effects = conversation.heard(talk, encode(PatronInformationResponse(at=AT), sequence="4").rstrip())

    assert [type(effect) for effect in effects] == [Answered]


async def test_two_answers_in_one_piece_and_one_byte_by_byte() -> None:
    def reply(found: Frame, _: bytes, n: int) -> list[bytes]:
        said = polite(found)
        if found.message.code == "11":
            return [bytes((byte,)) for byte in said]
        return [said + said] if found.message.code == "63" else [said]

    async with talking(reply, timeout_s=2.0) as (connection, _):
        first = await connection.request(PatronInformation(at=AT, patron="29"))
        second = await connection.request(LEND)

    assert isinstance(first.message, PatronInformationResponse)
    assert isinstance(second.message, CheckoutResponse)


async def test_a_peer_that_hangs_up_in_a_transaction_leaves_it_unknown() -> None:
    async with talking(only_11(lambda *_: None)) as (connection, ils):
        with pytest.raises(Unheard, match="hung up"):
            await connection.request(LEND)
        with pytest.raises(Unreachable, match="connection is gone"):
            await connection.request(LEND)
    assert ils.count(b"11") == 1


async def test_a_peer_that_only_says_other_things_is_given_up() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        try:
            while True:
                writer.write(b"banner\r")
                await writer.drain()
                await asyncio.sleep(0.01)
        except OSError:
            pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unheard, match="other things"):
        await Connection.open(Peer("127.0.0.1", port, timeout_s=0.1, retries=0))
    server.close()


async def test_a_title_with_anything_in_it_breaks_nothing() -> None:
    title = "A|title\r\nwith \udcff and " + "é" * 300
    raw = (
        b"121NUY20261121    093000AO|AA|AB30|AJ"
        + "Caf\u00e9 ".encode()
        + b"\xff\xfe"
        + b"x" * 400
        + b"|AH|\r"
    )

    async with talking(only_11(lambda *_: [raw])) as (connection, _):
        said = await connection.request(LEND)

    assert isinstance(said.message, CheckoutResponse)
    assert said.message.title.startswith("Café ")
    assert len(encode(CheckoutResponse(title=title.encode("utf-8", "replace").decode()), sequence="1")) < 400


ANSWER = encode(PatronInformationResponse(at=AT), sequence="0").rstrip()
HEARD = st.sampled_from(
    [b"96AZFEF6", b"941", b"junk", b"64AZ0000", ANSWER, encode(ScStatus(), sequence="0").rstrip()]
)


@given(st.lists(HEARD | st.none(), max_size=12), st.integers(0, 3))
def test_any_conversation_ends_once_and_never_changes_the_question(
    said: list[bytes | None], retries: int
) -> None:
    talk, (first,) = conversation.ask(Talk(retries=retries), PatronInformation(at=AT, patron="29"))
    assert isinstance(first, Send)
    ends = 0
    for frame in said:
        talk, effects = conversation.silence(talk) if frame is None else conversation.heard(talk, frame)
        for effect in effects:
            match effect:
                case Send(data):
                    assert data == first.data or data.startswith(b"97")
                case Answered(found):
                    ends += 1
                    assert found.message.code == "64"
                case Unanswered():
                    ends += 1
    assert ends <= 1
    assert (talk.open is None) == (ends == 1)
    assert talk.resent <= retries
