"""PINs cannot be tried out: not for one card, not at one station, and a right one is not told meanwhile."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from central_kit import KEY, seed
from hypothesis import given
from hypothesis import strategies as st

from central.asks import Asks
from central.ledger.ledger import Ledger
from central.pin_tries import REMEMBERED, PinTries, TryLimits
from wire.clock import FakeClock
from wire.link import Inbound, LinkSettings
from wire.link_memory import MemoryBroker, MemoryLink
from wire.messages.asks import Account, AskAccount
from wire.topics import topic

LIMITS = TryLimits(by_card=3, by_station=5, within_s=60)
TRIES = st.lists(
    st.tuples(st.integers(0, 40_000), st.sampled_from("ABC"), st.sampled_from("xyz"), st.booleans()),
    max_size=80,
)


@given(TRIES)
def test_whatever_is_tried_no_window_holds_more_wrong_pins_than_the_limit(
    tried: list[tuple[int, str, str, bool]],
) -> None:
    tries, now = PinTries(LIMITS), 0
    by_card: dict[str, list[int]] = {}
    by_station: dict[str, list[int]] = {}
    for wait, station, card, right in tried:
        now += wait
        if tries.wait_s(station, card, now) > 0:
            continue
        if right:
            tries.right(card)
            by_card.pop(card, None)
            continue
        tries.wrong(station, card, now)
        by_card.setdefault(card, []).append(now)
        by_station.setdefault(station, []).append(now)

    for most, all_of in ((3, by_card), (5, by_station)):
        for moments in all_of.values():
            for at in moments:
                assert sum(at <= other < at + 60_000 for other in moments) <= most


@given(TRIES)
def test_who_waits_as_long_as_was_said_may_try_again(tried: list[tuple[int, str, str, bool]]) -> None:
    tries, now = PinTries(LIMITS), 0
    for wait, station, card, _ in tried:
        now += wait
        said = tries.wait_s(station, card, now)

        assert said <= 60
        assert tries.wait_s(station, card, now + round(said * 1000)) == 0
        if said == 0:
            tries.wrong(station, card, now)


def test_what_is_remembered_is_bounded() -> None:
    tries = PinTries(LIMITS)
    for number in range(REMEMBERED + 10):
        tries.wrong(f"station-{number % 2}", f"card-{number}", number)

    assert len(tries._cards.wrong) == REMEMBERED
    assert [len(wrong) for wrong in tries._stations.wrong.values()] == [5, 5]


async def test_after_too_many_wrong_pins_even_the_right_one_waits(tmp_path: Path) -> None:
    seed(tmp_path)
    clock, broker = FakeClock(datetime(2026, 5, 1, 9, tzinfo=UTC)), MemoryBroker()
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    link = MemoryLink(broker, LinkSettings("", 0, "central", "", "", "", ""))
    connecting = asyncio.create_task(link.run())
    await anext(link.events())
    asks = Asks(ledger, link, KEY, clock, PinTries(LIMITS))
    running = asyncio.create_task(asks.run())

    async def ask(pin: str | None, station: str = "kiosk-1") -> str:
        asked = AskAccount(ask="a", card="CARD4711", pin=pin)
        before = asks.answered
        asks.take(station, Inbound(topic("ask", station=station), asked.encode()))
        async with asyncio.timeout(20):
            while asks.answered == before:
                await asyncio.sleep(0.001)
        account = Account.decode(broker.log[-1].payload)
        return account.refusal.code if account.refusal is not None else "known"

    wrong = [await ask("0000") for _ in range(3)]
    then = [await ask("8642"), await ask("8642", "kiosk-2"), await ask(None)]
    clock.advance(60)
    later = [await ask("8642"), await ask("0000")]
    for task in (running, connecting):
        task.cancel()
    await asyncio.gather(running, connecting, return_exceptions=True)
    ledger.close()

    assert wrong == ["wrong-pin"] * 3
    assert then == ["too-many-tries", "too-many-tries", "known"]
    assert later == ["known", "wrong-pin"]
