"""One side of SIP2, the kiosk's: one question at a time, and which bytes are its answer. A pure step.

SIP2 answers carry a digit and a checksum when the peer keeps the rules, and nothing when it does not. What
is lost is asked for again in the very same bytes, because a peer that keeps the rules then repeats its answer
and does not lend twice; what cannot be read is asked to be repeated (97). A frame that answers something else
is dropped and counted: it is late, from a question that was given up.

    asked --answer--> answered
          --silence--> the same frame again, up to `retries`, then unanswered
          --96-------> the same frame again
          --unreadable-> 97, up to `retries`
"""

from dataclasses import dataclass, field, replace

from central.sip2.codec import PLAIN, Dialect, Frame, Unreadable, decode, encode
from central.sip2.messages import Message, RequestResend, ResendRequest

ANSWERS = {
    "93": "94", "99": "98", "23": "24", "01": "24", "25": "26", "63": "64", "35": "36", "17": "18",
    "19": "20", "11": "12", "09": "10", "15": "16", "29": "30", "65": "66", "37": "38",
}  # fmt: skip
"""Code of a request -> code of its response (3M SIP2 2.00, "Messages")."""
CHANGES = frozenset({"01", "09", "11", "15", "19", "25", "29", "37", "65"})
"""Requests that change something there."""


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the peer."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """The question is answered."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The question was given up; whether the peer acted on it is not known."""

    why: str


Effect = Send | Answered | Unanswered


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation on one connection."""

    dialect: Dialect = PLAIN
    retries: int = 2
    next_digit: int = 0
    open: Message | None = field(default=None, repr=False)
    digit: str = "0"
    frame: bytes = field(default=b"", repr=False)
    tries: int = 0
    unread: int = 0
    late: int = 0
    """Frames that answered something else."""
    resent: int = 0
    """Questions that were sent again."""
    wrong_checks: int = 0
    """Answers whose checksum was wrong."""


def ask(talk: Talk, message: Message) -> tuple[Talk, tuple[Effect, ...]]:
    """Ask; there must be no question open."""
    if talk.open is not None:
        raise ValueError("a question is open on this connection")
    digit = str(talk.next_digit)
    frame = encode(message, talk.dialect, digit)
    after = replace(
        talk, next_digit=(talk.next_digit + 1) % 10, open=message, digit=digit, frame=frame, tries=0, unread=0
    )
    return after, (Send(frame),)


def heard(talk: Talk, data: bytes) -> tuple[Talk, tuple[Effect, ...]]:
    """Take one frame."""
    if talk.open is None:
        return replace(talk, late=talk.late + 1), ()
    found = decode(data, talk.dialect)
    if isinstance(found, Unreadable):
        return _unreadable(talk, found)
    if isinstance(found.message, ResendRequest):
        return again(talk, "the peer could not read the question (96); it may expect checksums, or none")
    foreign = found.sequence is not None and found.sequence != talk.digit and not talk.unread
    if found.message.code != ANSWERS.get(talk.open.code) or foreign:
        return replace(talk, late=talk.late + 1), ()
    return replace(talk, open=None), (Answered(found),)


def silence(talk: Talk) -> tuple[Talk, tuple[Effect, ...]]:
    """Nothing came in time."""
    return again(talk, "there was no answer in time") if talk.open is not None else (talk, ())


def again(talk: Talk, why: str) -> tuple[Talk, tuple[Effect, ...]]:
    """Send the same frame once more, or give the question up.

    Without a digit a peer cannot know a repeated question, so what changes something is never repeated.
    """
    once = talk.open is not None and talk.open.code in CHANGES and not talk.dialect.checksum
    if once or talk.tries >= talk.retries:
        heard_else = f"; {talk.late} frames answered something else" if talk.late else ""
        return replace(talk, open=None), (Unanswered(why + heard_else),)
    return replace(talk, tries=talk.tries + 1, resent=talk.resent + 1), (Send(talk.frame),)


def _unreadable(talk: Talk, found: Unreadable) -> tuple[Talk, tuple[Effect, ...]]:
    wrong = talk.wrong_checks + (found.check == "wrong")
    if found.check != "wrong":
        return replace(talk, late=talk.late + 1), ()  # a prompt, a banner: no answer of anything
    if talk.unread >= talk.retries:
        why = "the checksums of the answers are wrong; the peer may count other bytes (another encoding)"
        return replace(talk, open=None, wrong_checks=wrong), (Unanswered(why),)
    return (
        replace(talk, unread=talk.unread + 1, wrong_checks=wrong),
        (Send(encode(RequestResend(), talk.dialect)),),
    )
