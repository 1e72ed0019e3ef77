"""What the status-change loop makes of states that a real daemon shows too rarely to wait for."""

import asyncio
import sys
import time
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest
from smartcard import scard

from firmware_bridge.pcsc import PcscCardReader, PcscSettings
from firmware_bridge.ports import CardPlaced, CardRemoved, ReaderFound, ReaderLost

PRESENT, EMPTY = scard.SCARD_STATE_PRESENT, scard.SCARD_STATE_EMPTY
UID = bytes.fromhex("04A1B210250180")
ATR = list(bytes.fromhex("3B8F8001804F0CA0000003060300010000000069"))


class ScriptedScard(SimpleNamespace):
    """The PC/SC library's calls over a list of states; what is not scripted times out."""

    def __init__(
        self, *states: int, connects: list[int] | None = None, readers: tuple[str, ...] = ("A",)
    ) -> None:
        constants = {name: getattr(scard, name) for name in dir(scard) if name.startswith("SCARD_")}
        super().__init__(**constants)
        self.states = list(states)
        self.connects = connects or []
        self.readers = readers
        self.released = 0
        self.asked = 0

    def SCardEstablishContext(self, _scope: int) -> tuple[int, int]:  # noqa: N802 - the library's name
        return 0, 1

    def SCardReleaseContext(self, _context: int) -> int:  # noqa: N802 - the library's name
        self.released += 1
        return 0

    def SCardListReaders(self, _context: int, _groups: list[str]) -> tuple[int, tuple[str, ...]]:  # noqa: N802 - the library's name
        self.asked += 1
        return 0, self.readers

    def SCardGetStatusChange(self, _context: int, _wait: int, given: list[Any]) -> tuple[int, list[Any]]:  # noqa: N802 - the library's name
        if not self.states or given[0][0] not in self.readers:
            time.sleep(0.005)  # a short wait, as the library's own
            return scard.SCARD_E_TIMEOUT, []
        return 0, [(given[0][0], self.states.pop(0), ATR)]

    def SCardConnect(self, *_: object) -> tuple[int, int, int]:  # noqa: N802 - the library's name
        return (self.connects.pop(0) if self.connects else 0), 7, scard.SCARD_PROTOCOL_T1

    def SCardTransmit(self, *_: object) -> tuple[int, list[int]]:  # noqa: N802 - the library's name
        return 0, [*UID, 0x90, 0x00]

    def SCardGetAttrib(self, *_: object) -> tuple[int, list[int]]:  # noqa: N802 - the library's name
        return scard.SCARD_E_UNSUPPORTED_FEATURE, []

    def SCardDisconnect(self, *_: object) -> int:  # noqa: N802 - the library's name
        return 0

    def SCardCancel(self, _context: int) -> int:  # noqa: N802 - the library's name
        return 0

    def SCardGetErrorMessage(self, result: int) -> str:  # noqa: N802 - the library's name
        return f"error {result:08X}"


async def follow(monkeypatch: pytest.MonkeyPatch, library: ScriptedScard, count: int) -> list[type]:
    monkeypatch.setitem(sys.modules, "smartcard", SimpleNamespace(scard=library))
    told: list[type] = []
    async with asyncio.timeout(10), aclosing(PcscCardReader(PcscSettings()).events()) as events:  # type: ignore[type-var]  # a generator
        async for event in events:
            told.append(type(event))
            if len(told) == count:
                break
    return told


def state(bits: int, changes: int) -> int:
    return bits | changes << 16


async def test_a_card_changed_between_two_looks_is_removed_and_placed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ScriptedScard(state(EMPTY, 0), state(PRESENT, 1), state(PRESENT, 3))

    told = await follow(monkeypatch, library, 4)

    assert told == [ReaderFound, CardPlaced, CardRemoved, CardPlaced]
    assert library.released == 1


async def test_a_card_that_answers_at_the_second_try_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ScriptedScard(state(PRESENT, 1), connects=[scard.SCARD_W_UNRESPONSIVE_CARD])

    assert await follow(monkeypatch, library, 2) == [ReaderFound, CardPlaced]


async def test_an_unplugged_reader_takes_the_card_with_it_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ScriptedScard(state(PRESENT, 1), state(scard.SCARD_STATE_UNAVAILABLE, 1), state(PRESENT, 1))

    told = await follow(monkeypatch, library, 6)

    assert told == [ReaderFound, CardPlaced, CardRemoved, ReaderLost, ReaderFound, CardPlaced]
    assert library.released == 2


async def test_a_missing_reader_is_said_once_however_often_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ScriptedScard(readers=())

    following = asyncio.create_task(follow(monkeypatch, library, 2))
    while library.asked < 3:
        await asyncio.sleep(0.01)
    library.readers = ("A",)

    assert await following == [ReaderLost, ReaderFound]


async def test_a_fault_of_ours_in_the_thread_reaches_the_daemon_and_is_not_swallowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(ScriptedScard):
        def SCardTransmit(self, *_: object) -> tuple[int, list[int]]:  # noqa: N802 - the library's name
            raise TypeError("a fault of ours")

    library = Broken(state(PRESENT, 1))

    with pytest.raises(TypeError):
        await follow(monkeypatch, library, 9)
