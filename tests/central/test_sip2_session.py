"""The server's side of a connection as a pure step: whatever comes is answered, once, and in kind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip2_server_kit import AT, framed, read
from test_sip2_codec import messages

from central.sip2.accounts import Account
from central.sip2.codec import PLAIN, Frame, Unreadable, decode, encode
from central.sip2.conversation import ANSWERS
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
    JudgePin,
    LoggedIn,
    LookItem,
    LookPatron,
    LookWord,
    Send,
    Silent,
    Submit,
)
from central.sip2.profile import Profile
from central.sip2.session import Session, Terms, step
from central.terminal import Back, Lent, Refused
from circulation.policy import Policy
from wire.messages.stream import Refusal

NOW = 1_795_000_000_000
TERMS = Terms(Policy())
DESK = Refused(Refusal(code="not-possible-now", next_step="try-later"))


def account(**more: Any) -> Account:
    profile = Profile(about="of this test", **more)
    return Account("selfcheck-1", "main", "Europe/Copenhagen", institution="harbour", profile=profile)


def logged_in(**more: Any) -> Session:
    return Session(TERMS, account(**more))


def found(effect: Effect) -> Event | None:
    """Return what comes of an effect where nothing is known and nothing may be done."""
    match effect:
        case CheckLogin():
            return LoggedIn(None)
        case JudgePin():
            return Judged("right")
        case LookPatron():
            return FoundPatron(None)
        case LookItem():
            return FoundItem(None)
        case LookWord():
            return FoundWord(None)
        case Submit():
            return Done(DESK)
        case Send() | Close():
            return None


def drive(session: Session, data: bytes, say: Any = found) -> tuple[Session, list[bytes], list[Effect]]:
    """Let a session hear one frame, and do what it wants until it wants nothing more."""
    sent: list[bytes] = []
    all_: list[Effect] = []
    session, effects = step(session, Heard(data.rstrip(b"\r")), NOW)
    while effects:
        all_ += effects
        sent += [one.data for one in effects if isinstance(one, Send)]
        events = [event for event in map(say, effects) if event is not None]
        assert len(events) <= 1
        effects = ()
        if events:
            session, effects = step(session, events[0], NOW)
    return session, sent, all_


@given(st.binary(max_size=400).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")))
def test_any_bytes_get_exactly_one_answer(data: bytes) -> None:
    for session in (Session(TERMS), logged_in(), logged_in(encoding="cp850")):
        after, sent, _ = drive(session, data)
        assert len(sent) == 1
        assert not after.busy


@given(
    st.sampled_from(sorted(ANSWERS)),
    st.binary(max_size=200).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")),
    st.booleans(),
)
def test_a_request_cut_anywhere_or_followed_by_rubbish_gets_its_own_response(
    code: str, rest: bytes, known: bool
) -> None:
    data = code.encode() + rest
    _, sent, _ = drive(logged_in() if known else Session(TERMS), data)

    asked, said = decode(data), decode(sent[0])
    if isinstance(asked, Unreadable):
        assert sent[0].startswith(b"96")
    else:
        assert isinstance(said, Frame)
        assert said.message.code == ANSWERS[code]


@given(messages(), st.sampled_from("0123456789"))
def test_every_request_gets_its_response_with_its_digit_and_its_numbers(message: Any, digit: str) -> None:
    after, sent, _ = drive(logged_in(), encode(message, PLAIN, digit))
    said = decode(sent[0])

    assert isinstance(said, Frame)
    assert said.check == "right"
    assert said.problems == ()
    if message.code not in ANSWERS:
        assert said.message.code == "96"
        return
    assert (said.message.code, said.sequence) == (ANSWERS[message.code], digit)
    for name in ("patron", "item"):
        if hasattr(said.message, name) and hasattr(message, name):
            assert getattr(said.message, name) == getattr(message, name)
    again, repeated, effects = drive(after, encode(message, PLAIN, digit))
    assert (again, repeated) == (after, sent)
    assert all(isinstance(one, Send) for one in effects)


@given(messages())
def test_without_error_detection_there_is_none_in_the_answer(message: Any) -> None:
    from central.sip2.codec import Dialect

    _, sent, _ = drive(logged_in(), encode(message, Dialect(checksum=False)))
    said = decode(sent[0])

    assert isinstance(said, Frame)
    assert (said.check, said.sequence) == ("none", None)


@given(messages(), st.integers(0, 5))
def test_what_breaks_anywhere_is_answered_in_kind_and_tried_anew(message: Any, when: int) -> None:
    if message.code not in ANSWERS:
        return
    data = encode(message, PLAIN, "4").rstrip(b"\r")
    session, effects = step(logged_in(), Heard(data), NOW)
    for _ in range(when):
        event = found(effects[-1]) if effects else None
        if event is None:
            break
        session, effects = step(session, event, NOW)
    if not session.busy:
        return
    session, effects = step(session, Failed(data), NOW)

    assert isinstance(effects[0], Send)
    said = read(effects[0].data)
    assert getattr(said, "code", "") == ANSWERS[message.code]
    assert not session.busy
    _, anew = step(session, Heard(data), NOW)
    assert not isinstance(anew[0], Send) or anew[0] != effects[0] or message.code in ("99", "35")


def test_a_wrong_checksum_is_asked_for_again_and_does_nothing() -> None:
    right = framed(f"11NN{AT}{AT}AOharbour|AACARD4711|ABITEM-0001|AC|", 3)
    wrong = right.replace(b"ITEM-0001", b"ITEM-0002")

    session, sent, effects = drive(logged_in(), wrong)

    assert (sent, session.busy, len(effects)) == ([b"96AZFEF6\r"], False, 1)


def test_the_last_answer_is_said_again_when_it_could_not_be_read() -> None:
    session, before, _ = drive(logged_in(), b"97AZFEF5\r")
    session, status, _ = drive(session, framed("9900802.00", 1))
    session, again, _ = drive(session, b"97AZFEF5\r")
    _, bare, _ = drive(session, b"97\r")

    assert before == [b"96AZFEF6\r"]
    assert again == bare == status


def test_a_resend_is_asked_for_in_the_way_that_the_terminal_speaks() -> None:
    session, bare, _ = drive(logged_in(), b"xyz\r")
    session, _, _ = drive(session, framed("9900802.00", 1))
    _, checked, _ = drive(session, b"xyz\r")

    assert (bare, checked) == ([b"96\r"], [b"96AZFEF6\r"])


def test_the_same_digit_with_other_words_is_another_request() -> None:
    """Two numbers whose letters are the same have the same checksum: the frames are compared, not that."""
    first = framed(f"17{AT}AOharbour|ABITEM-0012|AC|", 1)
    other = framed(f"17{AT}AOharbour|ABITEM-0021|AC|", 1)
    assert first[-5:] == other[-5:]

    session, _, _ = drive(logged_in(), first)
    _, sent, effects = drive(session, other)

    assert any(isinstance(one, LookItem) for one in effects)
    assert b"ABITEM-0021|" in sent[0]


def test_nothing_is_answered_to_one_who_has_not_logged_in_but_how_we_are() -> None:
    session = Session(TERMS)
    for asked in (f"63001{AT}          AOx|AACARD4711|AC|", f"17{AT}AOx|ABITEM-0001|AC|"):
        session, sent, effects = drive(session, framed(asked, 1))
        said: Any = read(sent[0])
        assert len(effects) == 1
        assert said.screen == ("This terminal is not logged in.",)
    _, sent, _ = drive(session, framed("9900802.00", 2))
    status: Any = read(sent[0])
    assert status.online


def test_three_refused_logins_end_the_connection() -> None:
    session = Session(TERMS)
    for n in (1, 2, 3):
        session, sent, effects = drive(session, framed("9300CNkiosk|COwrong|", n))
        assert sent[0].startswith(b"940")
        assert any(isinstance(one, Close) for one in effects) is (n == 3)


def test_a_login_in_another_algorithm_is_refused_without_comparing() -> None:
    _, sent, effects = drive(Session(TERMS), framed("9311CNkiosk|COwrong|", 1))

    assert sent[0].startswith(b"940")
    assert not any(isinstance(one, CheckLogin) for one in effects)


def test_a_terminal_may_do_what_its_account_says_and_is_told_so() -> None:
    session = Session(TERMS, Account("login-page", "main", messages=frozenset({"23", "63"})))
    session, status, _ = drive(session, framed("9900802.00", 1))
    _, sent, effects = drive(session, framed(f"11NN{AT}{AT}AOx|AACARD4711|ABITEM-0001|AC|", 2))

    told: Any = read(status[0])
    said: Any = read(sent[0])
    assert told.supported == "YNNNYYYYNNNNNNNN"
    assert (told.checkout, told.checkin) == (False, False)
    assert (said.ok, said.item, len(effects)) == (False, "ITEM-0001", 1)


def test_where_loans_are_decided_elsewhere_nothing_that_changes_one_is_offered() -> None:
    _, sent, _ = drive(Session(Terms(Policy(), at_once=False), account()), framed("9900802.00", 1))
    told: Any = read(sent[0])

    assert told.supported == "YNNNYYYYYNYNNNNN"
    assert (told.checkout, told.offline) == (False, False)


def test_a_repeat_is_known_at_the_desk_by_account_and_frame() -> None:
    asked = f"11NN{AT}{AT}AOharbour|AACARD4711|ABITEM-0001|AC|"

    def digest(session: Session, data: bytes) -> str:
        _, _, effects = drive(session, data)
        (submit,) = [one for one in effects if isinstance(one, Submit)]
        return submit.request.digest

    other = Session(TERMS, Account("selfcheck-2", "main", "Europe/Copenhagen"))
    first = digest(logged_in(), framed(asked, 1))

    assert first == digest(logged_in(), framed(asked, 1)) != ""
    assert first != digest(logged_in(), framed(asked, 2))
    assert first != digest(other, framed(asked, 1))
    assert digest(logged_in(), framed(asked, None)) == ""


@pytest.mark.parametrize("flag", ["Y", "N"])
def test_a_return_of_what_was_not_lent_is_as_the_profile_has_it(flag: str) -> None:
    def say(effect: Effect) -> Event | None:
        return Done(Back(known=True, ended=False)) if isinstance(effect, Submit) else found(effect)

    asked = framed(f"09{flag}{AT}{AT}APdoor|AOharbour|ABITEM-0001|AC|", 1)
    said: list[Any] = []
    for ok in (True, False):
        _, sent, _ = drive(logged_in(checked_in_ok=ok), asked, say)
        said.append(read(sent[0]))

    assert [one.ok for one in said] == [True, flag == "Y"]
    assert all(one.resensitize for one in said)


def test_dates_are_written_as_the_profile_has_them() -> None:
    from datetime import date

    def say(effect: Effect) -> Event | None:
        return Done(Lent(date(2026, 12, 3))) if isinstance(effect, Submit) else found(effect)

    asked = framed(f"11NN{AT}{AT}AOharbour|AACARD4711|ABITEM-0001|AC|", 1)
    dues = []
    for form in ("sip2", "iso", "european", "american"):
        _, sent, _ = drive(logged_in(due=form), asked, say)
        said: Any = read(sent[0])
        dues.append(said.due)

    assert dues == ["20261203    235900", "2026-12-03", "03.12.2026", "12/03/2026"]


def test_a_profile_hides_forces_and_ends_as_it_says() -> None:
    asked = framed(f"17{AT}AOharbour|ABITEM-0001|AC|", None)
    _, sent, _ = drive(logged_in(hidden=("AJ",), forced=("CH", "AF"), terminator="crlf"), asked)

    assert b"AJ|" not in sent[0]
    assert b"CH|" in sent[0]
    assert sent[0].endswith(b"\r\n")
    _, refused, _ = drive(logged_in(checksum="required"), asked)
    assert refused == [b"96AZFEF6\r"]


def test_numbers_are_echoed_byte_by_byte_in_every_encoding() -> None:
    for encoding, number in (
        ("utf-8", b"\xff\xfe9\xc3"),
        ("cp850", b"M\x94bius"),
        ("iso-8859-1", b"\xe9t\xe9"),
    ):
        data = b"17" + AT.encode() + b"AOharbour|AB" + number + b"|AC|"
        _, sent, _ = drive(logged_in(encoding=encoding), data)
        assert b"AB" + number + b"|" in sent[0]


@pytest.mark.parametrize(
    "asked",
    [
        f"17001{AT}AOharbour|ABITEM-0001|AC|",  # a language that 17 does not have
        "1720261121093000AOharbour|ABITEM-0001|AC|",  # a date of 14 characters
        f"17{AT}ABITEM-0001|",  # neither institution nor terminal password
        f"17{AT}AC|ABITEM-0001|AOharbour||||",  # another order, and a tail
        f"17{AT}AOharbour|ABITEM-0001|ZZwhat|QX|AC|",  # fields that nobody knows
        "17" + " " * 18 + "AOharbour|ABITEM-0001|AC|",  # a clock that was never set
    ],
)
def test_what_other_makes_get_wrong_is_understood(asked: str) -> None:
    _, sent, effects = drive(logged_in(), framed(asked, 1))

    assert LookItem("ITEM-0001") in effects
    assert b"ABITEM-0001|" in sent[0]


def test_silence_ends_the_connection() -> None:
    _, effects = step(logged_in(), Silent(), NOW)

    assert [type(one) for one in effects] == [Close]
