"""Brings the catalogues in line with the code: extract, update, compile. A tool for developers.

    python -m kiosk.locale.make          # rewrites kiosk.pot, each kiosk.po and kiosk.mo
    python -m kiosk.locale.make --check  # exits 1 when something would change or a word is missing

The daemon never imports this module: it reads compiled catalogues by `gettext` alone.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from wire.output import emit

HERE = Path(__file__).parent
KEYWORDS = {"say": None, "count": (1, 2)}
SOURCES = ("words.py", "view.py", "view_rows.py", "view_cards.py", "receipt_words.py")


def template() -> Catalog:
    """Return what the code says, as a catalogue without translations."""
    catalogue = Catalog(project="turnleaf", domain="kiosk", charset="utf-8", fuzzy=False)
    for name in SOURCES:
        found = extract_from_file("python", HERE.parent / name, keywords=KEYWORDS)
        for _, message, _, _ in found:
            catalogue.add(message, locations=[(f"kiosk/{name}", 0)])
    return catalogue


def updated(language: str, source: Catalog) -> Catalog:
    """Return the language's catalogue with the messages of the code, and only those."""
    with (HERE / language / "LC_MESSAGES" / "kiosk.po").open("rb") as file:
        catalogue = read_po(file, locale=language, domain="kiosk")
    source.creation_date = catalogue.creation_date
    catalogue.update(source, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def languages() -> list[str]:
    """Return the languages that have a catalogue."""
    return sorted(path.parent.parent.name for path in HERE.glob("*/LC_MESSAGES/kiosk.po"))


def missing(catalogue: Catalog) -> list[str]:
    """Return the messages that have no translation."""
    return [
        str(m.id)
        for m in catalogue
        if m.id and not (all(m.string) if isinstance(m.string, list | tuple) else m.string)
    ]


def compiled(catalogue: Catalog) -> bytes:
    """Return the catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def same_words(path: Path, catalogue: Catalog) -> bool:
    """Say whether the compiled file holds the same words as the catalogue."""
    with path.open("rb") as file:
        held = {str(m.id): m.string for m in read_mo(file) if m.id}
    return held == {str(m.id): m.string for m in read_mo(io.BytesIO(compiled(catalogue))) if m.id}


def main(arguments: list[str]) -> int:
    """Write the catalogues, or check them; return the exit code."""
    check, faults = "--check" in arguments, []
    source = template()
    for language in languages():
        catalogue = updated(language, source)
        faults += [f"{language}: not translated: {message}" for message in missing(catalogue)]
        folder = HERE / language / "LC_MESSAGES"
        if not check:
            with (folder / "kiosk.po").open("wb") as file:
                write_po(file, catalogue, omit_header=False, no_location=True, sort_output=True, width=110)
            (folder / "kiosk.mo").write_bytes(compiled(catalogue))
        elif not same_words(folder / "kiosk.mo", catalogue):
            faults.append(f"{language}: kiosk.mo is older than the words in the code")
    emit(faults, as_json=False, text="\n".join(faults) or "catalogues are complete")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
