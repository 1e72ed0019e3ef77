"""The ten tokens of the face: seen by everyone, and the same names everywhere."""

import re
from importlib import resources

import pytest

TOKENS = ("paper", "ink", "quiet", "line", "accent", "ok", "look", "act", "gone", "rest")
TEXT = ("ink", "quiet", "accent", "ok", "look", "act", "gone", "rest")
CSS = (resources.files("kiosk.page") / "static" / "tokens.css").read_text("utf-8")


def looks() -> dict[str, dict[str, str]]:
    found = {}
    for names, body in re.findall(r'data-look="(\w+)"\]\s*\{([^}]*)\}', CSS):
        found[names] = dict(re.findall(r"--(\w+):\s*(#[0-9a-f]{6});", body))
    return found


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("look", ["light", "dark", "contrast"])
def test_every_look_has_the_ten_tokens_and_text_stands_out_seven_to_one(look: str) -> None:
    colours = looks()[look]

    assert sorted(colours) == sorted(TOKENS)
    assert {name: ratio(colours[name], colours["paper"]) for name in TEXT} == pytest.approx(
        {name: max(7.0, ratio(colours[name], colours["paper"])) for name in TEXT}
    )
    assert ratio(colours["line"], colours["paper"]) >= 4.5


def test_the_style_sheet_is_logical_and_takes_its_colours_from_the_tokens() -> None:
    sheet = (resources.files("kiosk.page") / "static" / "kiosk.css").read_text("utf-8")
    physical = re.findall(
        r"[\s;{](?:margin|padding|border)-(?:left|right|top|bottom)|[\s;{](?:left|right|top|bottom|width|height)\s*:",
        sheet,
    )

    assert physical == []
    assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;\s,)])", sheet) == []
