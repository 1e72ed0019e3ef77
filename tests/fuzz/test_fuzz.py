"""Every decoder stands 20,000 broken inputs; `make fuzz` gives each a million."""

import pytest
from harness import HANG_S, Decoder, decoders, drive, inputs

COUNT = 20_000
FOUND = decoders()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("decoder", FOUND, ids=lambda one: one.name)
def test_a_decoder_neither_raises_nor_hangs(decoder: Decoder) -> None:
    drive(decoder, seed=1, count=COUNT)


@pytest.mark.parametrize("decoder", FOUND, ids=lambda one: one.name)
def test_its_seeds_are_left_alone_by_the_repair_of_the_check(decoder: Decoder) -> None:
    assert decoder.seeds
    if decoder.fix is not None:
        assert [seed for seed in decoder.seeds if decoder.fix(seed) != seed] == []


def test_a_decoder_that_raises_is_found() -> None:
    def bad(data: bytes) -> int:
        return data[7]

    with pytest.raises(AssertionError, match="index out of range"):
        drive(Decoder("bad", (b"0123456789",), bad, None), seed=1, count=1000)


def test_a_decoder_that_hangs_is_found() -> None:
    def slow(data: bytes) -> None:
        while data[:1] == b"\0":
            pass

    with pytest.raises(AssertionError, match=f"more than {HANG_S} s"):
        drive(Decoder("slow", (b"\0",), slow, None), seed=1, count=1000)


def test_the_same_seed_makes_the_same_inputs() -> None:
    decoder = Decoder("any", (b"abc", b"defgh"), len, None)

    assert list(inputs(decoder, 3, 200)) == list(inputs(decoder, 3, 200))
    assert list(inputs(decoder, 3, 200)) != list(inputs(decoder, 4, 200))
