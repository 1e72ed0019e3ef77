"""The face of the console: the ten tokens in three looks, and the glyphs that carry meaning.

The same names and values as the kiosk's `tokens.css`; a test compares the two. Meaning is always glyph
and word and colour, so that it survives a terminal without colour.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.theme import Theme

TOKENS: Final[dict[str, dict[str, str]]] = {
    "light": {
        "paper": "#fbf7ee",
        "ink": "#1d1a15",
        "quiet": "#4d483e",
        "line": "#777063",
        "accent": "#1d5838",
        "ok": "#1d5838",
        "look": "#7a4606",
        "act": "#9a1b1b",
        "gone": "#55514a",
        "rest": "#2f4d6d",
    },
    "dark": {
        "paper": "#14181e",
        "ink": "#efeae0",
        "quiet": "#c6c0b4",
        "line": "#8b8679",
        "accent": "#93d5a9",
        "ok": "#93d5a9",
        "look": "#f0c46f",
        "act": "#ffa79d",
        "gone": "#b9b3a7",
        "rest": "#abc8e8",
    },
    "contrast": {
        "paper": "#000000",
        "ink": "#ffff00",
        "quiet": "#ffff00",
        "line": "#ffff00",
        "accent": "#ffff00",
        "ok": "#ffff00",
        "look": "#ffff00",
        "act": "#ffff00",
        "gone": "#ffff00",
        "rest": "#ffff00",
    },
}
LOOKS: Final = tuple(TOKENS)

GLYPHS: Final[dict[str, tuple[str, str, str]]] = {
    "act": ("✖", "act", "act"),
    "look": ("▲", "look", "look"),
    "silent": ("○", "silent", "gone"),
    "resting": ("‖", "resting", "rest"),
    "ok": ("●", "fine", "ok"),
}
"""Glyph of a fleet entry -> sign, word, colour token. Worst first."""


def theme(look: str) -> "Theme":
    """Return Textual's theme of a look; the tokens are CSS variables under their own names."""
    from textual.theme import Theme

    tokens = TOKENS[look]
    return Theme(
        name=f"turnleaf-{look}",
        primary=tokens["accent"],
        secondary=tokens["rest"],
        accent=tokens["accent"],
        success=tokens["ok"],
        warning=tokens["look"],
        error=tokens["act"],
        foreground=tokens["ink"],
        background=tokens["paper"],
        surface=tokens["paper"],
        panel=tokens["paper"],
        dark=look != "light",
        variables=dict(tokens),
    )
