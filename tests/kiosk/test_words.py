"""The words of the screen: complete in every language, plain, and never blaming."""

import ast
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from screens import SCREENS

from kiosk import visit_state as s
from kiosk.locale import make
from kiosk.locale.make import SOURCES, template
from kiosk.view import screen
from kiosk.view_rows import refused
from kiosk.words import words
from wire.messages.stream import Refusal

BANNED = ("error", "invalid", "transaction", "fehler", "ungültig", "transaktion", "failed", "user")


def everything(kiosk: s.Kiosk, language: str) -> str:
    shown = screen(s.Kiosk(**{**_parts(kiosk), "comfort": s.Comfort(language=language)}), 100.0)
    return repr(shown).lower()


def _parts(kiosk: s.Kiosk) -> dict[str, object]:
    return {
        name: getattr(kiosk, name)
        for name in ("rules", "conditions", "pad", "visit", "help_open", "card_lies")
    }


def test_the_catalogues_are_complete_and_compiled() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.locale.make", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "catalogues are complete\n")


@pytest.mark.parametrize("source", SOURCES)
def test_every_sentence_of_the_code_is_in_the_catalogue(source: str) -> None:
    tree = ast.parse((Path(make.__file__).parents[1] / source).read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("say", "count")
    ]
    said = {first.value for call in calls if isinstance(first := call.args[0], ast.Constant)}

    assert said - {one.id[0] if isinstance(one.id, tuple) else one.id for one in template()} == set()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", SCREENS)
def test_no_screen_speaks_the_words_of_machines(name: str, language: str) -> None:
    said = everything(SCREENS[name], language)

    assert [word for word in BANNED if word in said] == []


def test_german_has_its_own_plural_and_its_own_dates() -> None:
    w = words("de")

    assert w.count("book lies here", "books lie here", 1) == "Buch liegt hier"
    assert w.count("book lies here", "books lie here", 3) == "Bücher liegen hier"
    assert w.day(date(2027, 5, 3)) == "3. Mai"
    assert words("en").day(date(2027, 5, 3)) == "3 May"


def test_a_language_nobody_translated_is_english() -> None:
    assert words("xx").language == "en"


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(
            code=code,
            params={"limit": 3, "due": "2027-05-03", "fee": "1.50", "currency": "EUR"},
            next_step=step,
        )
        for code, step in (
            ("limit-reached", "return-first"),
            ("renewals-used", "none"),
            ("on-loan-elsewhere", "desk"),
            ("item-not-for-loan", "put-back"),
            ("on-hold-for-another", "put-back"),
            ("fee-to-acknowledge", "desk"),
            ("too-many-overdue", "return-first"),
            ("a-code-of-tomorrow", "desk"),
        )
    ],
    ids=lambda r: r.code,
)
def test_every_refusal_is_a_reason_and_a_next_step(refusal: Refusal) -> None:
    english, german = refused(words("en"), refusal), refused(words("de"), refusal)

    assert english.endswith(".")
    assert english != german


def test_a_title_with_braces_stays_as_it_is() -> None:
    visit = s.Lending("v", "c", "{name}", (s.Row("1", s.Lent(None), "{title} 100 %"),))
    shown = screen(s.Kiosk(visit=visit), 0)

    assert shown.headline == "Hello, {name}"
    assert shown.rows[0].title == "{title} 100 %"


def test_what_needs_the_patron_floats_to_the_top() -> None:
    glyphs = [row.glyph for row in screen(SCREENS["lending-trouble"], 100).rows]

    assert glyphs == ["act", "look", "look", "ok", "ok"]
