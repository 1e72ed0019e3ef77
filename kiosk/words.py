"""Words of the screen: sentences in English in the code, other languages in gettext catalogues.

`say` and `count` are what the extraction looks for (`python -m kiosk.locale.make`). Dates are written with
the catalogue's own month names, so a kiosk carries no locale data but its own few kilobytes.

Not for: laying out, and not for staff; the console speaks English.
"""

import gettext
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

DOMAIN = "kiosk"
NAMES = {"en": "English", "de": "Deutsch"}
"""Each language in its own words, as it stands on its button."""
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

MONTHS: tuple[Callable[["Words"], str], ...] = (
    lambda words: words.say("January"),
    lambda words: words.say("February"),
    lambda words: words.say("March"),
    lambda words: words.say("April"),
    lambda words: words.say("May"),
    lambda words: words.say("June"),
    lambda words: words.say("July"),
    lambda words: words.say("August"),
    lambda words: words.say("September"),
    lambda words: words.say("October"),
    lambda words: words.say("November"),
    lambda words: words.say("December"),
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    language: str
    catalogue: gettext.NullTranslations

    @property
    def direction(self) -> str:
        """Return `ltr` or `rtl`, for the root of the page."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    def say(self, message: str, /, **params: str | int) -> str:
        """Return a sentence, with `{name}` replaced by its parameter."""
        return self.catalogue.gettext(message).format(**params)

    def count(self, one: str, many: str, n: int, /, **params: str | int) -> str:
        """Return a sentence about `n` things, in the language's own plural; `{n}` is the number."""
        return self.catalogue.ngettext(one, many, n).format(n=n, **params)

    def day(self, day: date) -> str:
        """Return a day as people write it: 3 May, 3. Mai."""
        return self.say("{day} {month}", day=day.day, month=MONTHS[day.month - 1](self))


@cache
def words(language: str) -> Words:
    """Return the words of `language`; English where there is no catalogue."""
    source = resources.files("kiosk") / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    if not source.is_file():
        return Words("en", gettext.NullTranslations())
    with source.open("rb") as file:
        return Words(language, gettext.GNUTranslations(file))
