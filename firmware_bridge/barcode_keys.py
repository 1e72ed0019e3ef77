"""Keys of a scanner that plays keyboard -> codes. A step, without I/O.

The scanner sends the keys that a keyboard of its configured layout would need for the text; so the layout
here is the scanner's, not the screen's. Key codes are those of Linux (`input-event-codes.h`). A key that is
held, or repeats, is one key; a code that pauses for longer than `REST_S` is dropped, it was cut off.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

Layout = Literal["us", "de"]
KEY_ENTER, KEY_TAB, KEY_KPENTER = 28, 15, 96
SHIFTS: Final = frozenset({42, 54})
ALT_GR: Final = 100
CAPS_LOCK: Final = 58
REST_S: Final = 1.0
"""Longest pause inside one code, seconds; scanners type a key within milliseconds."""
MOST: Final = 4296
"""Characters of the longest QR code; more are dropped with the code."""

ROWS: Final[dict[str, tuple[tuple[int, str, str], ...]]] = {
    "us": (
        (2, "1234567890-=", "!@#$%^&*()_+"),
        (16, "qwertyuiop[]", "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
        (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    ),
    "de": (
        (2, "1234567890ß´", '!"§$%&/()=?`'),
        (16, "qwertzuiopü+", "QWERTZUIOPÜ*"),
        (30, "asdfghjklöä^", "ASDFGHJKLÖÄ°"),
        (43, "#yxcvbnm,.-", "'YXCVBNM;:_"),
        (86, "<", ">"),
    ),
}
"""Key code of the first key of a run, the characters without and with shift."""
ALT_GR_DE: Final = {
    3: "²",
    4: "³",
    8: "{",
    9: "[",
    10: "]",
    11: "}",
    12: "\\",
    16: "@",
    18: "€",
    27: "~",
    86: "|",
}
KEYPAD: Final = dict(zip((71, 72, 73, 75, 76, 77, 79, 80, 81, 82), "7894561230", strict=True)) | {
    74: "-",
    78: "+",
}


def keymap(layout: Layout) -> dict[tuple[int, str], str]:
    """Return (key code, level) -> character; levels are "", "shift" and "altgr"."""
    found = {(57, ""): " ", (57, "shift"): " "}
    for first, plain, shifted in ROWS[layout]:
        for at, (low, high) in enumerate(zip(plain, shifted, strict=True)):
            found[first + at, ""], found[first + at, "shift"] = low, high
    found |= {(code, ""): character for code, character in KEYPAD.items()}
    if layout == "de":
        found |= {(code, "altgr"): character for code, character in ALT_GR_DE.items()}
    return found


@dataclass(frozen=True, slots=True)
class Key:
    """One key event: `value` is 1 pressed, 0 released, 2 repeated; `at` in seconds of any steady clock."""

    code: int
    value: int
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Keys:
    """What was typed of a code so far."""

    held: frozenset[int] = field(default_factory=frozenset)
    text: str = ""
    caps: bool = False
    spoilt: bool = False
    """A key without a character came: the code is not whole."""
    last: float = 0.0


def step(keys: Keys, event: Key, layout: dict[tuple[int, str], str]) -> tuple[Keys, str | None]:
    """Take one key; returns the code that it ends, "" for one that was spoilt, None for none."""
    if keys.text and event.at - keys.last > REST_S:
        keys = replace(keys, text="", spoilt=False)
    keys = replace(keys, last=event.at)
    if event.code in SHIFTS or event.code == ALT_GR:
        held = keys.held - {event.code} if event.value == 0 else keys.held | {event.code}
        return replace(keys, held=held), None
    if event.value != 1:
        return keys, None
    if event.code == CAPS_LOCK:
        return replace(keys, caps=not keys.caps), None
    if event.code in (KEY_ENTER, KEY_KPENTER, KEY_TAB):
        if not keys.text and not keys.spoilt:
            return keys, None
        return replace(keys, text="", spoilt=False), "" if keys.spoilt else keys.text
    level = "altgr" if ALT_GR in keys.held else "shift" if keys.held & SHIFTS else ""
    character = layout.get((event.code, level))
    if character is None or len(keys.text) >= MOST:
        return replace(keys, spoilt=True), None
    if keys.caps and character.isalpha() and level != "altgr":
        character = character.swapcase()
    return replace(keys, text=keys.text + character), None


def typed(text: str, layout: Layout) -> list[Key]:
    """Return the keys that a scanner of a layout types for a text and Enter; raises ValueError."""
    codes = {character: key for key, character in reversed(keymap(layout).items())}
    found: list[Key] = []
    for character in text:
        if character not in codes:
            raise ValueError(f"the layout {layout} has no key for {character!r}")
        code, level = codes[character]
        hold = {"shift": 42, "altgr": ALT_GR}.get(level)
        found += [Key(hold, 1)] if hold else []
        found += [Key(code, 1), Key(code, 0)]
        found += [Key(hold, 0)] if hold else []
    return [*found, Key(KEY_ENTER, 1), Key(KEY_ENTER, 0)]
