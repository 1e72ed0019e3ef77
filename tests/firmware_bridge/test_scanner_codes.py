"""Scanned codes: what is believed, keys to text, lines to text, a scanner that goes and comes back."""

import asyncio
import os
import select
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import barcode
from firmware_bridge.barcode import CodeRules, judge
from firmware_bridge.barcode_keys import REST_S, Key, Keys, Layout, keymap, step, typed
from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import CodeRefused, CodeScanned, DeviceInfo, ReaderFound, ReaderLost, ScanEvent
from firmware_bridge.scanner import (
    Backoff,
    FakeScanner,
    KeyboardScanner,
    KeyboardSettings,
    Lines,
    SerialScanner,
    open_evdev,
)
from sim.devices.scanner import SerialScannerDevice


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ("ean13", "4006381333931"), ("isbn13", "9780306406157"), ("isbn10", "0306406152"),
        ("isbn10", "080442957X"), ("code39-mod43", "CODE39W"), ("luhn", "79927398713"),
        ("codabar-mod16", "A37859+B"),
    ],
)  # fmt: skip
def test_published_codes_pass_their_check_and_any_other_last_character_fails(check: str, code: str) -> None:
    at = -2 if check == "codabar-mod16" else -1
    others = [
        code[:at] + other + (code[at + 1 :] if at < -1 else "") for other in "0123456789" if other != code[at]
    ]

    assert isinstance(judge(code, CodeRules(check=check)), CodeScanned)
    for other in others:
        assert isinstance(judge(other, CodeRules(check=check)), CodeRefused), other


@given(st.text("0123456789", min_size=13, max_size=13))
def test_a_fourteen_digit_number_has_exactly_one_check_digit(body: str) -> None:
    assert sum(barcode.luhn(body + digit) for digit in "0123456789") == 1


@given(st.text(max_size=40), st.sampled_from(sorted(barcode.CHECKS)))
def test_no_text_breaks_a_check(code: str, check: str) -> None:
    assert isinstance(judge(code, CodeRules(check=check)), CodeScanned | CodeRefused)


def test_rules_are_asked_in_turn_and_a_refusal_does_not_hold_the_code() -> None:
    rules = CodeRules(lengths=frozenset({14}), prefixes=("2",), strip_start_stop=True)

    assert judge("A21234567890123B", rules) == CodeScanned("21234567890123", "codabar")
    for code in ("2123", "31234567890123", "", "2\x00"):
        refused = judge(code, rules)
        assert isinstance(refused, CodeRefused)
        assert not code or code not in refused.reason


def test_a_check_that_does_not_exist_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="luhn"):
        CodeRules(check="lunh")


def decoded(keys: list[Key], layout: Layout) -> list[str]:
    state, found = Keys(), []
    for key in keys:
        state, code = step(state, key, keymap(layout))
        found += [] if code is None else [code]
    return found


@pytest.mark.parametrize("layout", ["us", "de"])
@given(data=st.data())
def test_what_a_scanner_types_is_what_is_read(layout: Layout, data: st.DataObject) -> None:
    text = data.draw(st.text(sorted(set(keymap(layout).values())), min_size=1, max_size=40))

    assert decoded(typed(text, layout), layout) == [text]


def test_a_german_scanner_read_as_american_gives_other_letters() -> None:
    assert decoded(typed("Zy-1", "de"), "us") == ["Yz/1"]


def test_a_code_that_was_cut_off_does_not_begin_the_next_one() -> None:
    cut = typed("99", "us")[:-2]
    later = [Key(key.code, key.value, REST_S * 2) for key in typed("12", "us")]

    assert decoded(cut + later, "us") == ["12"]


def test_a_key_without_a_character_spoils_the_code() -> None:
    assert decoded([Key(59, 1), *typed("12", "us"), *typed("34", "us")], "us") == ["", "34"]


@given(st.lists(st.text("0123456789ABC", min_size=1, max_size=20), max_size=5), st.data())
def test_lines_do_not_depend_on_how_they_are_cut(codes: list[str], data: st.DataObject) -> None:
    end = data.draw(st.sampled_from((b"\r", b"\n", b"\r\n")))
    stream = b"".join(code.encode() + end for code in codes)
    at = data.draw(st.integers(0, len(stream)))
    lines = Lines()

    assert lines.feed(stream[:at]) + lines.feed(stream[at:]) == codes


def test_a_line_without_an_end_is_dropped_and_the_next_one_is_read() -> None:
    lines = Lines()

    assert lines.feed(b"9" * 9000) + lines.feed(b"99\r\n123\r\n") == ["123"]


class TypedKeys:
    """A keyboard that types one code and is then unplugged."""

    info = DeviceInfo(model="typed")

    def __init__(self, code: str) -> None:
        self.code = code
        self.closed = False

    async def keys(self) -> AsyncIterator[Key]:
        for key in typed(self.code, "us"):
            yield key
        raise DeviceLost("unplugged")

    async def close(self) -> None:
        self.closed = True


async def take(events: AsyncIterator[ScanEvent], count: int) -> list[ScanEvent]:
    found: list[ScanEvent] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            found.append(await anext(events))
    return found


async def test_a_keyboard_scanner_comes_back_after_it_was_unplugged() -> None:
    opened: list[TypedKeys] = []

    async def open_keys(_path: str) -> TypedKeys:
        if len(opened) == 1 and not opened[0].closed:
            raise AssertionError("opened again before it was let go")
        opened.append(TypedKeys(f"12{len(opened)}"))
        return opened[-1]

    scanner = KeyboardScanner(KeyboardSettings(), open_keys, retry_s=0)
    async with aclosing(scanner.events()) as events:  # type: ignore[type-var]  # a generator behind the port
        found = await take(events, 5)

    assert [type(one) for one in found] == [ReaderFound, CodeScanned, ReaderLost, ReaderFound, CodeScanned]
    assert [one.code for one in found if isinstance(one, CodeScanned)] == ["120", "121"]


async def test_a_keyboard_that_is_not_there_is_lost() -> None:
    with pytest.raises(DeviceLost, match="gone"):
        await open_evdev("/dev/input/by-id/there-is-no-such-scanner")


class PtyLine:
    """`Transport` over a terminal, without settings of a serial port."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    async def read(self) -> bytes:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._file, ready.set)
        try:
            await ready.wait()
            data = os.read(self._file, 4096)
        except OSError as error:
            raise DeviceLost("the line is gone") from error
        finally:
            loop.remove_reader(self._file)
        if not data:
            raise DeviceLost("the line is gone")
        return data

    async def write(self, data: bytes) -> None:
        os.write(self._file, data)

    async def close(self) -> None:
        os.close(self._file)

    def quiet(self) -> bool:
        return not select.select([self._file], [], [], 0)[0]


@pytest.mark.parametrize("suffix", [b"\r", b"\n", b"\r\n"])
async def test_a_serial_scanner_on_a_terminal_is_read_lost_and_found_again(suffix: bytes) -> None:
    devices = [SerialScannerDevice(suffix)]

    async def open_line() -> PtyLine:
        return PtyLine(devices[-1].path)

    scanner = SerialScanner(open_line, CodeRules(check="luhn"), retry_s=0)
    async with aclosing(scanner.events()) as events:  # type: ignore[type-var]  # a generator behind the port
        assert isinstance((await take(events, 1))[0], ReaderFound)
        devices[-1].scan("79927398713", pieces=4)
        devices[-1].scan("79927398710")
        read = await take(events, 2)
        devices.append(SerialScannerDevice(suffix))
        devices[0].unplug()
        back = await take(events, 2)
        devices[-1].scan("79927398713")
        again = await take(events, 1)
    devices[-1].unplug()

    assert [type(one) for one in read + back] == [CodeScanned, CodeRefused, ReaderLost, ReaderFound]
    assert again == [CodeScanned("79927398713")]


async def test_the_fake_says_what_it_is_told_to() -> None:
    fake = FakeScanner()
    fake.say(CodeScanned("1"))
    async with aclosing(fake.events()) as events:  # type: ignore[type-var]  # a generator behind the port
        assert (await take(events, 2))[1] == CodeScanned("1")


@given(st.integers(1, 30))
def test_a_scanner_that_stays_away_is_looked_for_ever_less_often_and_never_without_a_pause(
    tries: int,
) -> None:
    backoff = Backoff(0.5)

    pauses = [backoff.pause_s() for _ in range(tries)]

    assert all(0.25 <= pause <= min(30.0, 0.5 * 2 ** (n + 1)) for n, pause in enumerate(pauses))
    assert 0.25 <= backoff.pause_s(lasted_s=60.0) <= 0.5
