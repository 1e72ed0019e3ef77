"""The console wears the kiosk's face: the same tokens, the same values, and enough contrast."""

import re
from pathlib import Path

import pytest

from monitor.theme import GLYPHS, LOOKS, TOKENS, theme
from wire.messages.states import FleetEntry

CSS = Path(__file__).parents[2] / "kiosk" / "page" / "static" / "tokens.css"


def css_tokens() -> dict[str, dict[str, str]]:
    blocks = re.findall(r'\[data-look="(\w+)"\]\s*\{([^}]*)\}', CSS.read_text())
    return {look: dict(re.findall(r"--(\w+):\s*(#[0-9a-f]{6})", body)) for look, body in blocks}


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_tokens_are_those_of_the_kiosk_s_page():
    assert css_tokens() == TOKENS


@pytest.mark.parametrize("look", LOOKS)
def test_every_text_stands_out_from_its_paper(look):
    tokens = TOKENS[look]

    for name in ("ink", "quiet"):
        assert contrast(tokens[name], tokens["paper"]) >= 7, name
    for name in ("accent", "ok", "look", "act", "gone", "rest"):
        assert contrast(tokens[name], tokens["paper"]) >= 4.5, name


def test_each_state_has_a_sign_and_a_word_of_its_own():
    words = set(FleetEntry.model_fields["glyph"].annotation.__args__)

    assert words == set(GLYPHS)
    assert len({sign for sign, _, _ in GLYPHS.values()}) == len(GLYPHS)
    assert len({word for _, word, _ in GLYPHS.values()}) == len(GLYPHS)


@pytest.mark.parametrize("look", LOOKS)
def test_textual_knows_every_token_by_its_name(look):
    assert TOKENS[look].items() <= theme(look).variables.items()
