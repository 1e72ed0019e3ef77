"""LLRP over TLS, and what a reader may say at an awkward moment."""

import asyncio
import ssl
from contextlib import aclosing
from pathlib import Path

import pytest

from broker_config import pki
from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.llrp import conversation as talk
from firmware_bridge.llrp.codec import Message, Parameter
from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import ReaderFound, ReaderLost, UhfEvent
from sim.devices.llrp_reader import SimLlrpReader


async def first_event(tmp_path: Path, trusted: str) -> UhfEvent:
    for name in ("ours", "theirs"):
        pki.init(tmp_path / name, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ours/server/cert.pem", tmp_path / "ours/server/key.pem")
    async with SimLlrpReader(tls=context) as far, asyncio.timeout(20):
        reader = LlrpReader("127.0.0.1", far.port, ca_file=tmp_path / trusted / "ca/ca.pem")
        async with aclosing(reader.events()) as events:
            return await anext(events)


async def test_a_reader_is_spoken_to_over_tls(tmp_path: Path) -> None:
    assert isinstance(await first_event(tmp_path, "ours"), ReaderFound)


async def test_a_reader_with_a_foreign_certificate_is_refused(tmp_path: Path) -> None:
    event = await first_event(tmp_path, "theirs")

    assert isinstance(event, ReaderLost)
    assert isinstance(event.error, DeviceRefused)
    assert "not trusted" in event.error.seen


@pytest.mark.parametrize(
    ("parameter", "word"),
    [
        (Parameter(250, {"percentage_full": 80}), "80 % full"),
        (Parameter(251), "overflowed"),
        (Parameter(252, {"message": "too hot"}), "too hot"),
        (Parameter(256, {"status": 4}), "another client tried"),
    ],
)
def test_what_a_reader_says_of_itself_becomes_a_notice(parameter: Parameter, word: str) -> None:
    state = talk.Conversation(talk.Settings(), "reporting")
    after, effects = talk.step(state, Message(63, inner=(Parameter(246, inner=(parameter,)),)))

    assert state == after
    (notice,) = effects
    assert isinstance(notice, talk.Notice)
    assert word in notice.text


def test_a_reader_that_closes_says_so() -> None:
    state = talk.Conversation(talk.Settings(), "reporting")
    after, (failed,) = talk.step(state, Message(63, inner=(Parameter(246, inner=(Parameter(257),)),)))

    assert after.phase == "closed"
    assert isinstance(failed, talk.Failed)
    assert isinstance(failed.error, DeviceLost)


def test_stopping_twice_asks_once() -> None:
    state, effects = talk.stop(talk.Conversation(talk.Settings(), "reporting"))
    assert len(effects) == 1
    assert (state, ()) == talk.stop(state)


@pytest.mark.parametrize(
    ("phase", "after"),
    [
        ("version", "capabilities"),
        ("set-version", "capabilities"),
        ("identify", "delete"),
        ("stopping", "closing"),
        ("reporting", "reporting"),
        ("add", "closed"),
    ],
)
def test_an_error_message_moves_the_conversation_on(phase: talk.Phase, after: talk.Phase) -> None:
    status = Parameter(287, {"status_code": 109, "error_description": "what?"})
    state, effects = talk.step(talk.Conversation(talk.Settings(), phase), Message(100, inner=(status,)))

    assert after == state.phase
    assert len(effects) == 1


def test_an_answer_nobody_asked_for_is_left_out() -> None:
    state = talk.Conversation(talk.Settings(), "add", message_id=4)
    after, (notice,) = talk.step(state, Message(30, 3))

    assert state == after
    assert isinstance(notice, talk.Notice)
