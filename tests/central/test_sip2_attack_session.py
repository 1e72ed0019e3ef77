"""Answers that would be another request's: old ones said again, and fields in an order nobody expected."""

from pathlib import Path

from sip2_server_kit import AT, framed, library, read, terminal

from central.sip2.accounts import Account
from central.sip2.effects import Heard, Send
from central.sip2.messages import AcsStatus
from central.sip2.session import Session, Terms, step
from circulation.policy import Policy

START = 1_795_264_000_000


async def test_one_too_long_never_gets_the_answer_of_the_one_before(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        await sc.say(f"63000{AT}{' ' * 10}AOx|AACARD4711|AC|", checked=False)
        assert await sc.exchange(b"6" * 10_000 + b"\r") == b"96\r"


def test_a_terminal_with_one_digit_for_all_hears_the_time_of_now() -> None:
    session = Session(Terms(Policy()), Account("sc", "main"))
    frame = framed("9900302.00", 0).rstrip(b"\r")
    times = []
    for minutes in range(3):
        session, (said,) = step(session, Heard(frame), START + minutes * 60_000)
        assert isinstance(said, Send)
        told = read(said.data)
        assert isinstance(told, AcsStatus)
        times.append(told.at)
    assert len(set(times)) == 3


async def test_a_pin_that_stands_first_is_judged_and_told(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        right = await sc.say(f"23000{AT}AD8642|AOx|AACARD4711|AC|")
        assert right.valid_pin is True
        wrong = await sc.say(f"63000{AT}{' ' * 10}AD0000|AOx|AACARD4711|AC|")
        assert wrong.valid_pin is False
        assert wrong.name == ""
        empty = await sc.say(f"23000{AT}AD|AOx|AACARD4711|AC|")
        assert empty.valid_pin is False


def test_a_96_that_could_not_be_read_is_said_again_and_never_an_older_answer() -> None:
    """The terminal waits for the answer to what we could not read; the one before would be taken for it."""
    session, asked = Session(Terms(Policy()), Account("sc", "main")), framed("9900802.00", 1).rstrip(b"\r")
    said = []
    for frame in (asked, asked.replace(b"802", b"803"), b"97AZFEF5", asked, b"97AZFEF5"):
        session, (effect,) = step(session, Heard(frame), START)
        assert isinstance(effect, Send)
        said.append(effect.data)
    status, unread, resent, answer, again = said

    assert unread == resent == b"96AZFEF6\r"
    assert status == answer == again
