"""What stands of a patron on the disk of a station: nothing that anybody there can read, once it is answered."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from central.seal import Seal, new_key
from wire.clock import FakeClock, Stamper
from wire.edge import Edge
from wire.messages.base import stamped
from wire.messages.facts import Checkout
from wire.messages.stream import Answer, Entry, Resume, Void
from wire.streams.station import Fresh, Greet, Talk

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
CARD = "2900112233445"


class Kiosk:
    """A kiosk's disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock(START)
        self.stamper = Stamper(self.clock, "boot")
        self.seal = Seal(new_key())
        self.edge: Edge

    async def lend(self) -> str:
        return await self.edge.request(
            Checkout(visit="v", card=CARD, item="i1", **stamped(self.stamper.stamp()))
        )

    async def answer(self, request: str, *, sealed: bool = True) -> None:
        card = self.seal.close(CARD, request) if sealed else None
        said = Answer(request=request, central="C", outcome="granted", at=START, title="A title", card=card)
        assert await self.edge.accept(said, "C") == "writing"

    async def confirm(self) -> None:
        held = self.edge.held
        talk, _ = await self.edge.advance(Talk(), Greet(0, Fresh("l", "s", "b")))
        resume = Resume(
            stream=held.stream, link="l", central="C", upto=held.last, id=held.last_id, high=0, high_id=""
        )
        await self.edge.heard(talk, resume, 0, Fresh("l2", "s2", "b2"))

    async def damage(self, old: bytes) -> None:
        """Close, flip a bit of the sign after `old` in the file, open again: no page is broken by that."""
        await self.edge.close()
        data = bytearray(self.path.read_bytes())
        assert data.count(old) == 1
        data[data.index(old) + len(old)] ^= 4
        self.path.write_bytes(bytes(data))
        self.edge = await Edge.open(self.path, stamper=self.stamper)

    async def entry(self, seq: int) -> Entry | Void:
        talk = Talk(link="l", central="C")
        (said,) = await self.edge._do(lambda: self.edge._store.messages(talk, seq, seq))
        return said

    def written_down(self) -> bytes:
        return b"".join(file.read_bytes() for file in self.path.parent.iterdir())


@pytest.fixture
async def kiosk(tmp_path: Path) -> AsyncIterator[Kiosk]:
    kiosk = Kiosk(tmp_path / "edge.db")
    kiosk.edge = await Edge.open(kiosk.path, stamper=kiosk.stamper)
    yield kiosk
    await kiosk.edge.close()


async def test_an_answered_request_names_its_card_in_no_file_any_more(kiosk: Kiosk) -> None:
    request = await kiosk.lend()
    assert CARD.encode() in kiosk.written_down()

    await kiosk.answer(request)
    await kiosk.edge.prune(kiosk.clock.now())

    assert CARD.encode() not in kiosk.written_down()
    assert b"A title" not in kiosk.written_down()


async def test_sent_again_it_says_the_sealed_card_and_its_answer(kiosk: Kiosk) -> None:
    request = await kiosk.lend()
    await kiosk.answer(request)

    entry = await kiosk.entry(2)

    assert isinstance(entry, Entry)
    assert kiosk.seal.open(entry.body["card"], request) == CARD
    assert entry.body["item"] == "i1"
    assert entry.answer is not None
    assert entry.answer.outcome == "granted"


async def test_an_answer_of_an_older_central_leaves_the_card_as_it_was(kiosk: Kiosk) -> None:
    request = await kiosk.lend()
    await kiosk.answer(request, sealed=False)

    entry = await kiosk.entry(2)

    assert isinstance(entry, Entry)
    assert entry.body["card"] == CARD


async def test_a_request_withdrawn_before_its_answer_forgets_the_card_when_central_knows(
    kiosk: Kiosk,
) -> None:
    request = await kiosk.lend()
    await kiosk.edge.withdraw(request, "timeout")
    later = kiosk.clock.now() + timedelta(hours=2)

    await kiosk.edge.prune(later)
    assert CARD.encode() in kiosk.written_down(), "central may not know of either yet"

    await kiosk.confirm()
    await kiosk.edge.prune(later)
    assert CARD.encode() not in kiosk.written_down()


async def test_a_damaged_request_that_was_withdrawn_forgets_the_card_too(kiosk: Kiosk) -> None:
    request = await kiosk.lend()
    await kiosk.edge.withdraw(request, "timeout")
    await kiosk.confirm()
    await kiosk.damage(b'"card":"' + CARD.encode())  # the quotation mark: it is no JSON any more

    await kiosk.edge.prune(kiosk.clock.now() + timedelta(hours=2))
    entry = await kiosk.entry(2)

    assert CARD.encode() not in kiosk.written_down()
    assert isinstance(entry, Void)
    assert (entry.id, entry.reason) == (request, "damaged on the disk")


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
@pytest.mark.parametrize("place", [CARD, CARD[:-1]], ids=["no JSON", "another card"])
async def test_a_damaged_request_is_void_when_its_answer_comes(
    kiosk: Kiosk, place: str, sealed: bool
) -> None:
    request = await kiosk.lend()
    await kiosk.damage(b'"card":"' + place.encode())

    await kiosk.answer(request, sealed=sealed)
    await kiosk.edge.prune(kiosk.clock.now())
    entry = await kiosk.entry(2)

    assert CARD[:-1].encode() not in kiosk.written_down()
    assert isinstance(entry, Void)
    assert (entry.id, entry.reason) == (request, "damaged on the disk")
