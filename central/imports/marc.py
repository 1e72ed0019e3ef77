"""Items in MARC 21 records, as ISO 2709 or MARCXML: one row for each holdings field, read by pymarc.

The columns are subfields by name (`952$p`, `245$a`) and control fields by tag (`001`). The field in which the
item number stands is the holdings field; what is taken from others is the record's and the same for all its
items. Lines are record numbers.

ISO 2709 is cut into records here, at its record terminators: a wrong length in one record then costs that
record, and not the rest of the file.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from central.imports.fields import Take
from central.imports.mapping import Encoding
from central.imports.records import Raw
from wire.errors import ConfigError

if TYPE_CHECKING:
    from pymarc import Field, Record

END_OF_RECORD = b"\x1d"
"""Record terminator (ISO 2709:2008, 4.2; ANSI/NISO Z39.2)."""

LONGEST = 1_000_000
"""Bytes of the longest record that is read; the standard's five digits end at 99,999, some write more."""

_CHUNK = 1 << 16
_BROKEN = "is no MARC record that can be read"


class Marc:
    """A file of MARC records, as rows."""

    def __init__(self, path: Path, taken: Mapping[str, Take], encoding: Encoding, *, xml: bool) -> None:
        logging.getLogger("pymarc").setLevel(logging.CRITICAL)  # it quotes records, and these have titles
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._file = path.open("rb")
        self._xml = xml
        self._encoding = encoding
        self.columns = tuple(dict.fromkeys(column for take in taken.values() for column in take.columns))
        self._places = [_place(column) for column in self.columns]
        self._holdings = _place((*taken["item"].columns, "")[0])[0]

    def rows(self) -> Iterator[Raw]:
        """Give one row for each holdings field; a record without one gives none."""
        records = _from_xml(self._file) if self._xml else _from_iso(self._file, self._encoding)
        for number, record in enumerate(records, 1):
            if record is None:
                yield Raw(number, [""] * len(self.columns), _BROKEN)
                continue
            of_record = [_first(record, *place) for place in self._places]
            for holding in record.get_fields(self._holdings):
                yield Raw(
                    number,
                    [
                        _subfield(holding, code) if tag == self._holdings else found
                        for (tag, code), found in zip(self._places, of_record, strict=True)
                    ],
                )

    def part(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return min(1.0, self._file.tell() / self._size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _place(column: str) -> tuple[str, str]:
    tag, _, code = column.partition("$")
    if len(tag) != 3 or len(code) > 1 or (tag < "010") != (code == ""):
        raise ConfigError(
            "A column of the mapping is no place in a MARC record",
            why="Items are taken from subfields like 952$p, and from control fields like 001.",
            do="Write tag, $ and the subfield's letter; item must be a subfield of the holdings field.",
        )
    return tag, code


def _first(record: "Record", tag: str, code: str) -> str:
    for field in record.get_fields(tag):
        found = _subfield(field, code) if code else field.data or ""
        if found:
            return found
    return ""


def _subfield(field: "Field", code: str) -> str:
    for one in field.subfields:
        if one.code == code and one.value:
            return str(one.value)
    return ""


def _chunks(file: Any) -> Iterator[bytes | None]:
    """Cut ISO 2709 at its terminators; None for what is longer than any record."""
    rest, too_long = b"", False
    while chunk := file.read(_CHUNK):
        *whole, rest = (rest + chunk).split(END_OF_RECORD)
        for one in whole:
            yield None if too_long else one + END_OF_RECORD
            too_long = False
        if len(rest) > LONGEST:
            rest, too_long = b"", True
    if rest.strip() or too_long:
        yield None


def _from_iso(file: Any, encoding: Encoding) -> Iterator["Record | None"]:
    from pymarc import Record

    file_encoding = "iso8859-1" if encoding == "utf-8" else encoding
    for chunk in _chunks(file):
        if chunk is None:
            yield None
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                record = Record(chunk.lstrip(b"\r\n"), hide_utf8_warnings=True, file_encoding=file_encoding)
        except Exception:  # whatever a damaged record does to its reader, the next one is not its concern
            yield None
        else:
            yield record


def _from_xml(file: Any) -> Iterator["Record | None"]:
    from xml.sax import SAXException, make_parser
    from xml.sax.handler import feature_namespaces

    from pymarc.marcxml import XmlHandler

    class Handler(XmlHandler):
        """Leaves leaders out: nothing here asks for one, and a short one would end the whole file."""

        def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802
            if name[1] != "leader":
                super().endElementNS(name, qname)  # type: ignore[no-untyped-call]  # pymarc has no types here

    handler = Handler()  # type: ignore[no-untyped-call]
    parser = make_parser()  # noqa: S317 - expat bounds entities since 2.4.1, external ones are off
    parser.setContentHandler(handler)
    parser.setFeature(feature_namespaces, 1)
    ready: list[Record] = handler.records
    while chunk := file.read(_CHUNK):
        try:
            parser.feed(chunk)  # type: ignore[attr-defined]  # expat's reader takes it in pieces
        except Exception:  # of the parser, or of pymarc, which takes a damaged record for granted
            yield from ready
            yield None  # XML has no place to go on from
            return
        yield from ready
        ready.clear()
    try:
        parser.close()  # type: ignore[attr-defined]  # as above
    except SAXException:
        yield None
