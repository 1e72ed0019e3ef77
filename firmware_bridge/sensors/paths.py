"""Paths into JSON: `ENERGY.Power`, `relays[0].power`, `["a.b"].c`. Pure.

A step that is no plain word is written as a JSON text in brackets, so every key can be named. An empty path
is the whole payload: a plain number, a word, true or false.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

Steps = tuple[str | int, ...]
"""A key of an object, or a place in a list, from the outside inwards."""

MISSING: Final = object()
"""What `follow` returns where there is nothing."""

DEPTH: Final = 12
"""Levels that `leaves` looks into."""

_WORD = re.compile(r"[^\s.\[\]\"]+")
_INDEX = re.compile(r"\[(\d{1,6})\]")


def parse_path(text: str) -> Steps:
    """Return the steps of a path; raises ValueError naming the place that is not understood."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        dotted = bool(steps) and text[at] == "."
        word = _WORD.match(text, at + 1 if dotted else at) if dotted or not steps else None
        if word is not None:
            steps.append(word.group())
            at = word.end()
        elif index := _INDEX.match(text, at):
            steps.append(int(index.group(1)))
            at = index.end()
        elif text.startswith('["', at):
            try:
                key, end = json.JSONDecoder().raw_decode(text, at + 1)
            except ValueError:
                raise ValueError(f"path {text!r}: no end of the key at {at}") from None
            if not text.startswith("]", end):
                raise ValueError(f"path {text!r}: ] is missing at {end}")
            steps.append(str(key))
            at = end + 1
        else:
            raise ValueError(f"path {text!r}: not understood at {at}")
    return tuple(steps)


def path_text(steps: Steps) -> str:
    """Return the path of these steps, as `parse_path` reads it."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _WORD.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def follow(value: object, steps: Steps) -> object:
    """Return what lies at the end of the steps, `MISSING` where they lead nowhere."""
    for step in steps:
        match value, step:
            case dict(), str() if step in value:
                value = value[step]
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                return MISSING
    return value


def leaves(value: object, *, most: int = 64) -> Iterator[tuple[str, object]]:
    """Yield path and value of what is no object and no list, in the payload's order; at most `most`."""
    waiting: list[tuple[Steps, object]] = [((), value)]
    found = 0
    while waiting and found < most:
        steps, one = waiting.pop()
        if isinstance(one, dict | list):
            if len(steps) < DEPTH:
                inner = list(one.items() if isinstance(one, dict) else enumerate(one))[:most]
                waiting += [((*steps, key), below) for key, below in reversed(inner)]
        else:
            found += 1
            yield path_text(steps), one
