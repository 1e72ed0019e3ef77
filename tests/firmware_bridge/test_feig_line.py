"""One question in flight, and each answer for its own question: late, double and cancelled answers."""

import asyncio
from collections.abc import Callable

import pytest

from firmware_bridge.errors import DeviceLost, DeviceTimeout, FrameError
from firmware_bridge.fakes import FakeTransport
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame, Parser, encode
from firmware_bridge.feig.line import Line

Far = Callable[[Frame], bytes]


def reply(command: int, data: bytes = b"") -> bytes:
    return encode(Frame(command, b"\x00" + data, 0))


def honest(frame: Frame) -> bytes:
    return reply(frame.command, b"now")


def cable(far: Far) -> FakeTransport:
    return FakeTransport(lambda written: b"".join(far(frame) for frame in Parser().feed(written)))


def line(*transports: FakeTransport, timeout_s: float = 0.05, attempts: int = 2) -> Line:
    left = list(transports)

    async def connect() -> FakeTransport:
        if not left:
            raise DeviceLost("refused")
        return left.pop(0)

    return Line(connect, timeout_s=timeout_s, attempts=attempts)


def data_of(status: int, data: bytes) -> bytes:
    return data


async def test_a_fresh_connection_is_fenced_so_that_old_bytes_of_a_serial_line_count_for_nothing() -> None:
    transport = cable(honest)
    transport.say(reply(words.ISO_HOST, b"old") + b"\x02\x00")

    got = await line(transport).ask(Frame(words.ISO_HOST), data_of)

    assert got == b"now"


async def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    asked = 0

    def slow_once(frame: Frame) -> bytes:
        nonlocal asked
        if frame.command != words.ISO_HOST:
            return reply(words.ISO_HOST, b"late") + honest(frame) if asked == 1 else honest(frame)
        asked += 1
        return b"" if asked == 1 else honest(frame)

    one = line(cable(slow_once))

    got = await one.ask(Frame(words.ISO_HOST), data_of)

    assert got == b"now"
    assert (one.health.retries, one.health.timeouts, one.health.connections) == (1, 1, 1)


async def test_a_cancelled_question_leaves_a_fence_for_the_next() -> None:
    held = [True]

    def far(frame: Frame) -> bytes:
        if frame.command == words.ISO_HOST and held[0]:
            return b""
        return honest(frame)

    transport = cable(far)
    one = line(transport, timeout_s=5.0)
    asking = asyncio.create_task(one.ask(Frame(words.ISO_HOST, b"a"), data_of))
    while len(transport.written) < 2:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    held[0] = False
    transport.say(reply(words.ISO_HOST, b"late"))

    got = await one.ask(Frame(words.ISO_HOST, b"b"), data_of)

    assert got == b"now"
    assert not transport.closed


async def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    seen: list[bytes] = []

    def first_is_odd(status: int, data: bytes) -> bytes:
        seen.append(data)
        if len(seen) == 1:
            raise FrameError("odd")
        return data

    assert await line(cable(honest)).ask(Frame(words.ISO_HOST), first_is_odd) == b"now"
    assert len(seen) == 2


async def test_a_write_is_asked_once() -> None:
    transport = cable(lambda frame: b"" if frame.command == words.ISO_HOST else honest(frame))

    with pytest.raises(DeviceTimeout):
        await line(transport).ask(Frame(words.ISO_HOST), data_of, once=True)

    assert len(transport.written) == 2  # the fence and the question


async def test_a_reader_that_stays_silent_is_hung_up_and_called_again() -> None:
    dumb, good = cable(lambda _: b""), cable(honest)

    got = await line(dumb, good).ask(Frame(words.ISO_HOST), data_of)

    assert got == b"now"
    assert dumb.closed


async def test_a_cut_line_is_lost_at_once_and_opened_anew_by_the_next_question() -> None:
    cut, good = cable(lambda _: b""), cable(honest)
    cut.lose()
    one = line(cut, good)
    with pytest.raises(DeviceLost):
        await one.ask(Frame(words.ISO_HOST), data_of)

    assert await one.ask(Frame(words.ISO_HOST), data_of) == b"now"
    assert one.health.connections == 2


async def test_a_false_beginning_that_promises_more_than_comes_is_given_up_after_a_pause() -> None:
    def far(frame: Frame) -> bytes:
        return b"\xf0" + honest(frame) if frame.command == words.ISO_HOST else honest(frame)

    one = line(cable(far), timeout_s=1.0)

    assert await one.ask(Frame(words.ISO_HOST), data_of) == b"now"
    assert one.health.timeouts == 0


async def test_two_callers_take_turns() -> None:
    transport = cable(lambda frame: reply(frame.command, frame.payload))
    one = line(transport)

    got = await asyncio.gather(*(one.ask(Frame(words.ISO_HOST, bytes([n])), data_of) for n in range(20)))

    assert got == [bytes([n]) for n in range(20)]
