"""Random and mutated inputs for every decoder: none may raise, none may hang.

A decoder is a module `fuzz_<name>.py` here with

* `SEEDS`: inputs that are valid,
* `decode(data)`: takes any bytes; whatever it raises is a fault of the decoder,
* `fix(data)`, optional: sets the check of a frame right, so that broken content gets past it. Half of the
  inputs go through it.

The same seed makes the same inputs. A hang is processor time, not waiting: one input gets `HANG_S` of it.
"""

import importlib
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

HANG_S = 2.0
MOST = 4096
"""Longest input in bytes; longer than any frame or tag here."""


@dataclass(frozen=True)
class Decoder:
    """One decoder under test."""

    name: str
    seeds: tuple[bytes, ...]
    decode: Callable[[bytes], object]
    fix: Callable[[bytes], bytes] | None


class Hang(Exception):
    """One input took too much processor time."""


def decoders() -> list[Decoder]:
    """Return every decoder that has a module here."""
    found = []
    for path in sorted(Path(__file__).parent.glob("fuzz_*.py")):
        module = importlib.import_module(path.stem)
        name = path.stem.removeprefix("fuzz_")
        found.append(Decoder(name, tuple(module.SEEDS), module.decode, getattr(module, "fix", None)))
    return found


def inputs(decoder: Decoder, seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` inputs: a tenth random bytes, the rest seeds with up to four wounds."""
    rng = random.Random(f"{decoder.name}/{seed}")
    for number in range(count):
        if number % 10 == 0:
            data = rng.randbytes(rng.choice((0, 1, 2, 3, 8, 34, 112, rng.randrange(600))))
        else:
            data = rng.choice(decoder.seeds)
            for _ in range(rng.randint(1, 4)):
                data = wound(rng, data, decoder.seeds)
        data = data[:MOST]
        yield decoder.fix(data) if decoder.fix is not None and number % 2 else data


def wound(rng: random.Random, data: bytes, seeds: tuple[bytes, ...]) -> bytes:
    """Break an input in one place."""
    at = rng.randrange(len(data) + 1)
    match rng.randrange(8):
        case 0 if data:
            at %= len(data)
            return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        case 1 if data:
            at %= len(data)
            return (
                data[:at]
                + bytes((rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))),))
                + data[at + 1 :]
            )
        case 2:
            return data[:at]
        case 3:
            return data[:at] + rng.randbytes(rng.randint(1, 8)) + data[at:]
        case 4:
            return data[:at] + data[at + rng.randint(1, 8) :]
        case 5:
            return data[:at] + data[at : at + 8] * rng.randint(2, 20) + data[at:]
        case 6:
            return data[:at] + rng.choice(seeds)[rng.randrange(MOST) % (at + 1) :]
        case _:
            return data + rng.choice(seeds)


def drive(decoder: Decoder, seed: int, count: int) -> None:
    """Feed `count` inputs; raises AssertionError with the first one that raises or hangs."""
    before = signal.signal(signal.SIGVTALRM, _hang)
    try:
        for data in inputs(decoder, seed, count):
            signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
            try:
                decoder.decode(data)
            except Exception as error:
                raise AssertionError(f"{decoder.name} failed on {data.hex()}: {error!r}") from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _hang(number: int, frame: FrameType | None) -> None:
    raise Hang(f"more than {HANG_S} s of processor time for one input")
