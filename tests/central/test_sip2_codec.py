"""SIP2's messages: ours read by ourselves, by a codec that others wrote, and what peers get wrong."""

from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysip2.codec import decode_message
from pysip2.models import MESSAGE_SPECS_BY_ID

from central.sip2.codec import MESSAGES, Dialect, Frame, Unreadable, checksum, decode, encode, layout
from central.sip2.explain import explain
from central.sip2.fields import DATE, read_date, write_date
from central.sip2.framing import Framer
from central.sip2.messages import LoginResponse, Message, PatronStatusRequest
from central.sip2.messages_items import CheckoutResponse

TEXT = st.text(
    st.characters(codec="cp850", exclude_characters="|\r\n\0", exclude_categories=["Cc"]), max_size=40
)
DAY = "20261121    093000"
LOCAL = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - a SIP2 date without a zone is local
DATES = st.integers(-(10**9), 2 * 10**9).map(lambda seconds: LOCAL + timedelta(seconds=seconds))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Y or N": st.booleans(), "1 or 0": st.booleans(), "Y or blank": st.booleans(),
    "a date of 18 characters": st.none() | DATES | DATES.map(lambda at: at.replace(tzinfo=UTC)),
    "1 characters": st.sampled_from("012"), "3 characters": st.sampled_from(["000", "001", "027"]),
    "2 characters": st.sampled_from(["00", "01", "04"]), "4 characters": st.just("2.00"),
    "10 characters": st.sampled_from([" " * 10, "Y         ", "  Y       "]),
    "14 characters": st.sampled_from([" " * 14, "YYYY          "]),
    "one of YNU": st.sampled_from("YNU"), "one of +-*": st.sampled_from("+-*"),
    "2 digits": st.integers(0, 99), "3 digits": st.integers(0, 999), "4 digits": st.integers(0, 9999),
    "4 digits or blanks": st.integers(-1, 9999),
}  # fmt: skip


@st.composite
def messages(draw: st.DrawFn, *, strict: bool = False) -> Message:
    """Any message; a `strict` one has what a strict reader insists on: a date, and words of the right form."""
    kind = MESSAGES[draw(st.sampled_from(sorted(MESSAGES)))]
    shape = layout(kind)
    values: dict[str, Any] = {name: draw(VALUES[spec.kind.name]) for name, spec in shape.fixed}
    for name, named in shape.named.values():
        if named.repeated:
            values[name] = tuple(draw(st.lists(TEXT, max_size=3)))
        elif named.kind is not None:
            values[name] = draw(st.none() | VALUES[named.kind.name])
        else:
            values[name] = draw(TEXT)
    if strict:
        for name, spec in shape.fixed:
            if spec.kind is DATE and values[name] is None:
                values[name] = draw(DATES)
        known = {
            "currency": "EUR",
            "fee_type": "01",
            "hold_type": "2",
            "supported": "YN" * 8,
            "media": "001",
            "expires": DAY,
            "hold_pickup_date": DAY,
            "recall_date": DAY,
        }
        values |= {name: word for name, word in known.items() if name in values}
        values |= {
            name: "0007" for name in ("hold_limit", "overdue_limit", "charged_limit") if name in values
        }
        values |= {name: "" for name in ("start", "end") if name in values}
    return kind(**values)


def test_all_31_messages_are_there() -> None:
    assert sorted(MESSAGES) == sorted(MESSAGE_SPECS_BY_ID)


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_each_layout_agrees_with_that_of_others(code: str) -> None:
    ours, theirs = layout(MESSAGES[code]), MESSAGE_SPECS_BY_ID[code]

    assert [spec.width for _, spec in ours.fixed] == [one.width for one in theirs.fields if one.width]
    named = {one.field_id: one for one in theirs.fields if one.field_id}
    assert set(ours.named) == set(named)
    assert {key for key, (_, spec) in ours.named.items() if spec.repeated} == {
        key for key, one in named.items() if one.repeatable
    }
    written = {key for key, (_, spec) in ours.named.items() if spec.required}
    assert {key for key, one in named.items() if one.required} - written == set()


@given(messages(), st.sampled_from("0123456789") | st.none(), st.sampled_from(["utf-8", "cp850"]))
def test_a_message_reads_as_it_was_written(message: Message, sequence: str | None, encoding: str) -> None:
    found = decode(encode(message, Dialect(encoding=encoding), sequence), Dialect(encoding=encoding))

    assert isinstance(found, Frame)
    assert (found.message, found.check, found.problems) == (message, "right", ())
    assert found.sequence == (None if message.code in ("96", "97") else sequence)


@given(messages(strict=True), st.booleans())
def test_a_codec_that_others_wrote_reads_every_message_of_ours(message: Message, checked: bool) -> None:
    frame = encode(message, Dialect(encoding="cp850", checksum=checked), "3")

    theirs = decode_message(frame)

    assert theirs.sequence_number == (3 if checked and message.code not in ("96", "97") else None)


@given(messages(), st.integers(0, 10_000), st.integers(1, 255))
def test_one_wrong_byte_is_seen(message: Message, where: int, by: int) -> None:
    frame = bytearray(encode(message, sequence="1"))
    at = where % (len(frame) - 7)  # before AZ and its digits
    frame[at] = (frame[at] + by) % 256
    if frame[at] in b"\r\n\0 ":
        return

    assert decode(bytes(frame)) != Frame(message, "1", "right")


def test_the_documents_own_examples_have_the_right_checksums() -> None:
    for frame in (b"941AY0AZFDFD", b"9900302.00AY1AZFCA5", b"97AZFEF5", b"96AZFEF6"):
        assert checksum(frame[:-4]) == frame[-4:]


def test_a_pipe_or_a_line_end_never_leaves_inside_a_value() -> None:
    message = PatronStatusRequest(patron="29", institution="Büch|\r\nerei\0")
    frame = encode(message, Dialect(checksum=False))

    assert frame.count(b"\r") == 1
    assert "AOBüch   erei|".encode() in frame


@pytest.mark.parametrize("patron", ["29|01", "29\r", "29\0", "2" * 300, "Ł29"])
def test_a_number_that_cannot_be_carried_is_refused_and_not_changed(patron: str) -> None:
    with pytest.raises(ValueError, match="a number or name"):
        encode(PatronStatusRequest(patron=patron), Dialect("cp850"))


def test_a_damaged_trailer_is_no_frame_without_a_checksum() -> None:
    whole = encode(CheckoutResponse(item="30"), sequence="3").rstrip()

    for cut in range(1, 5):
        assert decode(whole[:-cut]) == Unreadable("the checksum is wrong", "wrong"), cut


@pytest.mark.parametrize("zone", ["+²", " ²+", "٣٣٣٣", "+-+-"])
def test_a_zone_of_other_digits_is_read_as_local(zone: str) -> None:
    assert read_date(f"20261121{zone:>4}093000") == LOCAL


def test_a_long_value_is_cut_between_two_letters() -> None:
    found = decode(encode(CheckoutResponse(title="é" * 300), sequence="1"))

    assert isinstance(found, Frame)
    assert found.message == CheckoutResponse(title="é" * 127)


@pytest.mark.parametrize(
    ("frame", "patron", "problem"),
    [
        (b"2300120261121    093000AD|ACx|AA29|AOmain|", "29", None),
        (b"2300120261121    093000AOmain|AA29|", "29", "AC is missing"),
        (b"2300120261121    093000AOmain|AA29|AA30|AC|AD|", "29", "AA comes twice"),
        (b"23001 no date at all !AOmain|AA29|AC|AD|", "", "at: "),
        (b"23001", "", "at: the message ends before it"),
        (b"2300120261121    093000AOmain|AA29|ZZnew|AC|AD|", "29", None),
    ],
)
def test_what_peers_get_wrong_is_told_and_read(frame: bytes, patron: str, problem: str | None) -> None:
    found = decode(frame)

    assert isinstance(found, Frame)
    assert isinstance(found.message, PatronStatusRequest)
    assert found.message.patron == patron or problem == "at: "
    assert (problem is None) == (not found.problems)
    assert problem is None or any(problem in one for one in found.problems)


def test_an_unknown_field_is_kept() -> None:
    found = decode(b"2300120261121    093000AOmain|AA29|ZZnew|AC|AD|")

    assert isinstance(found, Frame)
    assert found.message.extra == (("ZZ", "new"),)


def test_bytes_that_are_no_message_say_so() -> None:
    assert decode(b"GET / HTTP/1.1") == Unreadable("'GE' is no message of SIP2")
    assert decode(b"941AY0AZFDFE") == Unreadable("the checksum is wrong", "wrong", "0")


@given(DATES)
def test_a_date_reads_as_it_was_written(at: datetime) -> None:
    assert read_date(write_date(at)) == at
    assert read_date(write_date(at.replace(tzinfo=UTC))) == at.replace(tzinfo=UTC)


def test_zones_in_the_field_are_understood() -> None:
    assert read_date("20261121   Z093000") == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert read_date("20261121  +2093000") == datetime(
        2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=2))
    )
    assert read_date("20261121 EST093000") == LOCAL
    assert read_date("20261321    093000") is None
    assert write_date(None) == " " * 18


@given(
    st.lists(messages(), max_size=4),
    st.lists(st.integers(1, 30), min_size=1),
    st.sampled_from([b"\r", b"\r\n", b"\n"]),
)
def test_frames_are_found_however_the_stream_is_cut(
    sent: list[Message], cuts: list[int], terminator: bytes
) -> None:
    stream = b"".join(encode(one, Dialect(terminator=terminator), "1") for one in sent)
    framer, found, at, turn = Framer(), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        found += framer.feed(stream[at : at + size])
        at, turn = at + size, turn + 1

    assert [decode(one).message for one in found] == sent  # type: ignore[union-attr]  # else it fails
    assert framer.pending == b""


def test_telnet_words_and_prompts_are_no_frames() -> None:
    framer = Framer()

    assert framer.feed(b"\xff\xfb\x01\xff\xfa\x18") == []
    assert framer.feed(b"\x00\xff\xf0\r\nlogin: ") == []
    assert framer.pending == b"login: "
    assert framer.feed(b"\r\n941\r") == [b"login: ", b"941"]


def test_what_never_ends_is_dropped_and_counted_once() -> None:
    framer = Framer(longest=100)
    for _ in range(5):
        assert framer.feed(b"x" * 90) == []

    assert framer.feed(b"x\r941\r") == [b"941"]
    assert framer.dropped == 1


def test_no_card_number_is_shown_by_a_repr() -> None:
    shown = repr(PatronStatusRequest(patron="29000001", pin="1234", terminal="secret"))

    assert [word for word in ("29000001", "1234", "secret") if word in shown] == []


def test_every_message_has_a_default_for_every_field() -> None:
    assert [
        (code, one.name) for code, kind in MESSAGES.items() for one in fields(kind) if one.default is MISSING
    ] == []


def test_explained_a_wrong_checksum_is_at_its_offset() -> None:
    right, wrong = explain(b"941AY0AZFDFD\r"), explain(b"941AY0AZFDFE")

    assert (right.valid, right.fields["name"], right.fields["ok"]) == (True, "LoginResponse", True)
    assert [problem.offset for problem in wrong.problems] == [8]
    assert encode(LoginResponse(ok=True), sequence="0") == b"941AY0AZFDFD\r"
