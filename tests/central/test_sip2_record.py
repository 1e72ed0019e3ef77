"""A recorded conversation shows how two peers speak, and nothing of whom they speak."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sip2_client import Ils
from test_sip2_proxy import running

from central.sip2.codec import MESSAGES, PLAIN, Dialect, Frame, Unreadable, decode, encode, layout
from central.sip2.explain import explain
from central.sip2.messages import Login, Message, PatronInformation, PatronInformationResponse
from central.sip2.messages_items import Checkout, CheckoutResponse
from central.sip2.proxy import Proxy, Side
from central.sip2.proxy_record import Recorder
from central.sip2.record import CLASSES, Placeholders, Transcript, message_of, redact
from wire.clock import SystemClock
from wire.errors import ConfigError

AT = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - SIP2 tells local times
CARD, PIN, NAME, TITLE = "29000001234567", "4711", "Wilhelmina Wonder", "The Left Hand of Darkness"
ITEM, STREET, MAIL, PHONE = "30000007654321", "Elm Street 5", "willa@example.org", "+45 5550 1234"
SECRETS = (CARD, PIN, NAME, TITLE, ITEM, STREET, MAIL, PHONE, "kiosk-login", "kiosk-Qx7Zw9Kd", "Wilhelmina")

TALK: tuple[tuple[Any, Message], ...] = (
    ("kiosk", Login(user="kiosk-login", password="kiosk-Qx7Zw9Kd", location="By the door")),
    ("kiosk", PatronInformation(at=AT, institution="main", patron=CARD, pin=PIN, summary="  Y       ")),
    (
        "system",
        PatronInformationResponse(
            at=AT, institution="main", patron=CARD, name=NAME, valid=True, charged=1, address=STREET, email=MAIL,
            phone=PHONE, charged_items=(f"{ITEM} {TITLE}",), screen=(f"Welcome, {NAME}!",), fees="1.50",
            currency="EUR", extra=(("PB", "19790312"), ("PC", "child"), ("DA", NAME), ("ZZ", CARD)),
        ),
    ),
    ("kiosk", Checkout(at=AT, patron=CARD, item=ITEM, pin=PIN)),
    (
        "system",
        CheckoutResponse(ok=True, at=AT, patron=CARD, item=ITEM, title=TITLE, due="20261219    235900", media="001"),
    ),
)  # fmt: skip


def lines_of(talk: Any, dialect: Dialect = PLAIN) -> list[dict[str, Any]]:
    transcript = Transcript(Placeholders(), 1, dialect)
    said: list[str] = []
    for number, (who, message) in enumerate(talk):
        said += transcript.hear(who, encode(message, dialect, str(number % 10)), number / 10)
    return [json.loads(line) for line in said]


def test_nothing_private_stands_in_a_record() -> None:
    text = json.dumps(lines_of(TALK))

    assert [word for word in SECRETS if word in text] == []
    assert [word for word in ("child", "19790312", "main") if word in text] == []


def test_the_shape_of_the_talk_stays() -> None:
    login, question, account, loan, lent = (one["message"] for one in lines_of(TALK))

    assert login.startswith("9300CNlogin-1.........")
    assert question.startswith("6300020261121    093000  Y       AOplace-")
    assert "|BLY|" in account
    assert "|BHEUR|BV1.50|" in account
    assert "|ZZvalue-" in account
    assert lent.startswith("121NUN20261121    093000AO|AApatron-1")
    assert "|AH20261219    235900|" in lent
    assert "|CK001|" in lent
    assert loan.partition("AB")[2][:8] == lent.partition("AB")[2][:8] == "item-1.."


def test_a_value_is_the_same_placeholder_wherever_it_comes() -> None:
    _, question, account, loan, lent = (one["message"] for one in lines_of(TALK))
    cards = [one.partition("AA")[2].partition("|")[0] for one in (question, account, loan, lent)]

    assert set(cards) == {"patron-1........"}
    assert len(cards[0]) == 16  # the class of 14


def test_every_line_of_a_record_is_a_message_that_can_be_explained() -> None:
    for line in lines_of(TALK):
        found = explain(json.dumps(line).encode())
        assert found.problems == ()
        assert found.fields["checksum"] == "right"


def test_a_checksum_that_was_wrong_stays_wrong() -> None:
    raw = encode(TALK[3][1], sequence="3").rstrip()
    told = redact(raw[:-4] + b"1234", Placeholders())
    found = decode(told["message"].encode())

    assert told["checksum"] == "wrong"
    assert isinstance(found, Unreadable)
    assert found.check == "wrong"


@pytest.mark.parametrize(
    ("raw", "end"), [(b"97\r", "CR"), (b"97\r\n", "CRLF"), (b"\r\n97\n", "LF"), (b"97\r\r", "CR")]
)
def test_how_messages_end_is_told(raw: bytes, end: str) -> None:
    (line,) = Transcript(Placeholders(), 1).hear("kiosk", raw, 0.0)

    assert json.loads(line)["end"] == end


def test_a_login_typed_at_a_prompt_is_a_number_of_bytes() -> None:
    transcript = Transcript(Placeholders(), 1)
    said = transcript.hear("system", b"login: ", 0.0)
    said += transcript.hear("kiosk", b"kiosk-login\r", 0.1)
    said += transcript.hear("system", b"password: ", 0.2)
    said += transcript.hear("kiosk", b"kiosk-Qx7Zw9Kd\r\n", 0.3)
    said += transcript.over(0.4)
    told = [json.loads(line) for line in said]

    assert [word for word in SECRETS if word in "".join(said)] == []
    assert [(one.get("from"), one.get("bytes")) for one in told] == [
        ("system", 7), ("kiosk", 11), ("system", 10), ("kiosk", 14), (None, None),
    ]  # fmt: skip


def test_text_in_another_encoding_is_told_without_the_text() -> None:
    latin = Dialect("iso-8859-1")
    (line,) = lines_of([("system", CheckoutResponse(at=AT, title="Smørrebrød"))], latin)

    assert (line["text"], "rrebr" in line["message"]) == ("other", False)


def test_a_message_whose_fields_are_not_in_their_places_keeps_its_code_alone() -> None:
    told = redact(b"63AA29000001234567|AD4711|AOmain|", Placeholders())["message"]

    assert told.startswith("63?????????")
    assert "2900" not in told
    assert "4711" not in told


# --- any message, any bytes -----------------------------------------------------------------------

PRIVATE = st.text(alphabet="qwzxQWZX789|", min_size=5, max_size=40).map(lambda text: "q" + text)


@st.composite
def private_messages(draw: st.DrawFn) -> tuple[Message, list[str]]:
    """A message of any kind, all of whose texts are private."""
    kind = MESSAGES[draw(st.sampled_from(sorted(MESSAGES)))]
    secrets: list[str] = []
    values: dict[str, Any] = {}
    for name, spec in layout(kind).named.values():
        if spec.kind is None and draw(st.booleans()):
            secret = draw(PRIVATE).replace("|", "")
            secrets.append(secret)
            values[name] = (secret,) if spec.repeated else secret
    if any(one.name == "at" for one in fields(kind)):
        values["at"] = AT
    return kind(**values), secrets


@given(private_messages(), st.booleans())
def test_no_text_of_any_message_is_told(told: tuple[Message, list[str]], checked: bool) -> None:
    message, secrets = told
    raw = encode(message, Dialect(checksum=checked), "1")
    line = json.dumps(redact(raw.rstrip(), Placeholders()))

    assert [one for one in secrets if len(one) > 4 and one in line] == []


@pytest.mark.parametrize("lost", range(5, 20))
def test_digits_of_a_card_that_slipped_into_the_place_of_a_date_are_not_told(lost: int) -> None:
    raw = encode(CheckoutResponse(at=AT, ok=True, patron=CARD, item=ITEM, title=TITLE)).rstrip()
    line = json.dumps(redact(raw[:18] + raw[18 + lost :], Placeholders()))

    assert [CARD[at : at + 6] for at in range(len(CARD) - 5) if CARD[at : at + 6] in line] == []


@settings(max_examples=300)
@given(st.sampled_from(TALK), st.data())
def test_damaged_messages_tell_nothing_private_either(one: tuple[Any, Message], data: st.DataObject) -> None:
    raw = bytearray(encode(one[1], sequence="1").rstrip())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["drop", "cut", "byte", "code"])):
            case "drop" if len(raw) > 30:
                del raw[at : at + data.draw(st.integers(1, 25))]
            case "byte":
                raw[at] = data.draw(st.integers(0, 255))
            case "code":
                raw[:2] = data.draw(st.sampled_from(sorted(MESSAGES))).encode()
            case _:
                raw = raw[at:] or raw
        raw = raw or bytearray(b"97")
    line = json.dumps(redact(bytes(raw), Placeholders()))
    pieces = {word[start : start + 6] for word in SECRETS for start in range(len(word) - 5)} - {"        "}

    assert sorted(piece for piece in pieces if piece in line) == []


@given(st.lists(st.tuples(st.sampled_from(["kiosk", "system"]), st.binary(max_size=60)), max_size=20))
def test_any_bytes_become_lines_of_json(pieces: list[tuple[Any, bytes]]) -> None:
    transcript = Transcript(Placeholders(), 1)
    said = [line for who, data in pieces for line in transcript.hear(who, data, 0.0)]

    for line in [*said, *transcript.over(1.0)]:
        assert isinstance(json.loads(line), dict)
        assert line.isascii()


def test_a_length_class_holds_what_is_in_it() -> None:
    names = Placeholders()
    sizes = {len(names.of("x", "a" * size)) for size in range(1, 256)}

    assert sizes == set(CLASSES)


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"over": true}', b"null", b'{"message": 5}'])
def test_what_is_no_message_of_a_record_is_none(line: bytes) -> None:
    assert message_of(line) is None


# --- as it runs -----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def recorded(file: Path) -> AsyncIterator[Proxy]:
    """A recording proxy before a small library system."""

    def reply(found: Frame, _: bytes, n: int) -> list[bytes]:
        said = {"63": TALK[2][1], "11": TALK[4][1]}[found.message.code]
        return [encode(said, sequence=found.sequence)]

    server = await asyncio.start_server(Ils(reply).serve, "127.0.0.1", 0)
    system = Side("127.0.0.1", server.sockets[0].getsockname()[1])
    with Recorder.to(file, SystemClock(), "1.0") as recorder:
        writing = asyncio.create_task(recorder.run())
        async with running(Proxy(Side("127.0.0.1", 0), system, recorder.tap)) as proxy:
            yield proxy
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    server.close()


async def test_a_conversation_over_tcp_becomes_a_file_without_anything_private(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    async with recorded(file) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        async with asyncio.timeout(20):
            for number, (_, message) in enumerate((TALK[1], TALK[3])):
                for byte in encode(message, sequence=str(number)):
                    writer.write(bytes((byte,)))
                assert await reader.readuntil(b"\r") == encode(TALK[2 + 2 * number][1], sequence=str(number))
        writer.close()
    text = file.read_text()
    head, *lines = (json.loads(line) for line in io.StringIO(text))

    assert [word for word in SECRETS if word in text] == []
    assert (head["sip2_record"], file.stat().st_mode & 0o777) == (1, 0o600)
    assert [(one.get("from"), one.get("message", "")[:2]) for one in lines] == [
        ("kiosk", "63"), ("system", "64"), ("kiosk", "11"), ("system", "12"), (None, ""),
    ]  # fmt: skip
    assert [one["checksum"] for one in lines[:4]] == ["right"] * 4


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text("mine")
    with (
        pytest.raises(ConfigError, match="File exists"),
        Recorder.to(file, SystemClock(), "1.0"),
    ):
        pass

    assert file.read_text() == "mine"
