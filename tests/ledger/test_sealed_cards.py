"""A card that central sealed is opened by the ledger that sealed it, for the request it was sealed for."""

from pathlib import Path

from desk_kit import Station, desk_on
from hypothesis import given
from hypothesis import strategies as st

from central.seal import Seal, new_key
from wire.ids import SEALED, new_id

KEY = new_key()


@given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64))
def test_what_is_sealed_is_opened_for_its_request_alone(card: str, request: str) -> None:
    seal = Seal(KEY)
    sealed = seal.close(card, request)

    assert sealed.startswith(SEALED)
    if not card.startswith(SEALED):
        assert card not in sealed.removeprefix(SEALED) or len(card) < 4
        assert seal.open(sealed, request) == card
    assert seal.open(sealed, request + "x") == sealed
    assert Seal(new_key()).open(sealed, request) == sealed


@given(st.text(max_size=200))
def test_what_only_looks_sealed_stays_as_it_is(text: str) -> None:
    assert Seal(KEY).open(SEALED + text, "r") == SEALED + text


async def test_a_restored_ledger_lends_to_the_patron_whose_card_comes_sealed(tmp_path: Path) -> None:
    request = new_id()
    async with desk_on(tmp_path / "l.db") as world:
        world.rows(f"VACUUM INTO '{tmp_path / 'yesterday.db'}'")
        k1 = Station(world)
        said = await k1.send(k1.checkout("item-1", "CARD1"), entry=request)
        answer = said.answer
        assert answer is not None
        assert answer.card is not None
        assert "CARD1" not in answer.card
        k1.rows[0][1]["card"] = answer.card
        stream = k1.stream, k1.rows
        now = world.clock

    async with desk_on(tmp_path / "yesterday.db", now, seed=False) as world:
        k1 = Station(world)
        k1.stream, k1.rows = stream
        again = await k1.say(k1.entry(1, answer=answer))

        assert world.loans() == {("item-1", "patron-1")}
        assert again.answer is not None
        assert again.answer.card == answer.card
        assert world.cases() == set()


async def test_a_sealed_card_is_no_way_to_borrow_anything_else(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        said = await k1.send(k1.checkout("item-1", "CARD1"))
        assert said.answer is not None
        assert said.answer.card is not None

        stolen = await k1.send(k1.checkout("item-2", said.answer.card))

        assert stolen.answer is not None
        assert stolen.answer.outcome == "refused"
        assert world.loans() == {("item-1", "patron-1")}
