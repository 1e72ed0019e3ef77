"""HTML and sizes of the page. Everything is escaped; nothing is decided here."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import ceil, radians, tan

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kiosk.view_model import Screen

CAP_HEIGHT = 0.66
"""Height of a capital in Atkinson Hyperlegible Next, as a share of the font size (668/1000, rounded down)."""
CAPITAL_MM = 4.8
"""Smallest capital on a screen of its own kind: US Section 508, 402.4."""
CAPITAL_DEGREES = 0.7
"""Smallest capital as seen by the eye, in the larger sizes: EN 301 549, 5.1.4."""
TOUCH_MM, LARGE_TOUCH_MM = 15, 20
TOUCH_PX, LARGE_TOUCH_PX = 64, 80


@dataclass(frozen=True, slots=True)
class Panel:
    """The screen in front of the patron."""

    width_mm: float = 297
    width_px: int = 1080
    distance_mm: float = 600

    @property
    def mm_per_px(self) -> float:
        """Return the size of a pixel in millimetres."""
        return self.width_mm / self.width_px

    def font_px(self, step: int) -> int:
        """Return the smallest font size of a text step (1, 2 or 3), in pixels."""
        smallest = CAPITAL_MM
        if step > 1:
            seen = 2 * self.distance_mm * tan(radians(CAPITAL_DEGREES / 2))
            smallest = max(smallest, seen * (1.2 if step == 3 else 1.0))
        return ceil(smallest / CAP_HEIGHT / self.mm_per_px)

    def touch_px(self, step: int) -> int:
        """Return the smallest height of anything that can be pressed, in pixels."""
        millimetres, pixels = (TOUCH_MM, TOUCH_PX) if step == 1 else (LARGE_TOUCH_MM, LARGE_TOUCH_PX)
        return max(pixels, ceil(millimetres / self.mm_per_px))


def panel_css(panel: Panel) -> str:
    """Return the sizes that follow from the panel, as CSS custom properties."""
    rules = [
        f'[data-text="{step}"] {{ --base: {panel.font_px(step)}px; --touch: {panel.touch_px(step)}px; }}'
        for step in (1, 2, 3)
    ]
    return "\n".join(rules) + "\n"


@cache
def icon(name: str) -> Markup:
    """Return a Lucide icon as inline SVG, hidden from screen readers: a word always stands beside it."""
    text = (resources.files("kiosk.page") / "vendor" / "lucide" / f"{name}.svg").read_text("utf-8")
    drawing = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    return Markup(  # noqa: S704 - our own file, not a patron's word
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">' + drawing + "</svg>"
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kiosk.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["icon"] = icon
    return environment


def fragment(screen: Screen) -> str:
    """Return the screen as the HTML that the page puts in place of the one before it."""
    return _environment().get_template("screen.html").render(screen=screen)


def document(screen: Screen) -> str:
    """Return the whole page with this screen on it."""
    return _environment().get_template("page.html").render(screen=screen, content=Markup(fragment(screen)))  # noqa: S704 - rendered by us, escaped
