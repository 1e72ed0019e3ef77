"""Items from MARC 21 records: ISO 2709 and MARCXML, whole and damaged."""

from pathlib import Path

import pytest
from import_kit import bring, counts, make, rows, said
from pymarc import Field, Indicators, Record, Subfield
from pymarc.marcxml import record_to_xml

from wire.errors import ConfigError


def marc(number: int, *copies: dict[str, str], title: str = "Títle") -> Record:
    record = Record(force_utf8=True)
    record.add_field(Field("001", data=f"b{number}"))
    record.add_field(
        Field(
            "245", Indicators("1", "0"), [Subfield("a", f"{title} {number} :"), Subfield("b", "the rest /")]
        )
    )
    for copy in copies:
        told = [Subfield(code, value) for code, value in copy.items()]
        record.add_field(Field("952", Indicators(" ", " "), told))
    return record


COPY = {
    "p": "M1",
    "a": "MAIN",
    "b": "MAIN",
    "y": "BK",
    "o": "813 A",
    "8": "FIC",
    "1": "0",
    "7": "0",
    "0": "0",
}


def xml(*records: Record) -> bytes:
    inner = b"".join(record_to_xml(record) for record in records)
    return (
        b'<?xml version="1.0"?><collection xmlns="http://www.loc.gov/MARC21/slim">' + inner + b"</collection>"
    )


@pytest.mark.parametrize("form", ["marc", "marcxml"])
def test_items_come_out_of_records_with_the_records_title_and_number(form: str, tmp_path: Path) -> None:
    make(tmp_path)
    first = marc(1, COPY, {**COPY, "p": "M2", "1": "4", "8": ""}, title="Tïtle")
    second = marc(2, {**COPY, "p": "M3", "0": "1", "b": "OTHER"})
    second.add_field(Field("999", Indicators(" ", " "), [Subfield("c", "77"), Subfield("d", "77")]))
    records = (first, marc(9), second)
    data = xml(*records) if form == "marcxml" else b"".join(one.as_marc() for one in records)

    report = bring(tmp_path, "items", data, form=form, zone="UTC")
    again = bring(tmp_path, "items", data, form=form, zone="UTC")

    assert counts(report) == (3, 0, 0, 0, 0)
    assert counts(again) == (0, 0, 3, 0, 0)
    assert rows(
        tmp_path,
        "SELECT item, title, title_id, class, branch, place, call_number, collection, status, gone FROM item"
        " WHERE item LIKE 'M%' ORDER BY item",
    ) == [
        ("M1", "Tïtle 1 : the rest /", "b1", "BK", "main", None, "813 A", "FIC", "", 0),
        ("M2", "Tïtle 1 : the rest /", "b1", "BK", "main", None, "813 A", "", "missing", 0),
        ("M3", "Títle 2 : the rest /", "77", "BK", "main", "other", "813 A", "FIC", "", 1),
    ]


def test_another_holdings_field_is_named_by_a_mapping(tmp_path: Path) -> None:
    make(tmp_path)
    record = marc(1)
    record.add_field(Field("852", Indicators(" ", " "), [Subfield("p", "H1"), Subfield("b", "main")]))
    fields = {"item": "852$p", "branch": "852$b", "class": "", "gone": "", "status": "", "place": "",
              "call_number": ["852$h", "852$i"], "collection": ""}  # fmt: skip

    report = bring(
        tmp_path,
        "items",
        record.as_marc(),
        form="marc",
        told={"fields": fields, "constants": {"class": "book"}},
    )

    assert counts(report) == (1, 0, 0, 0, 0)
    with pytest.raises(ConfigError, match="No column for item"):
        bring(tmp_path, "items", record.as_marc(), form="marc", told={"fields": {"item": ""}})
    with pytest.raises(ConfigError, match="no place in a MARC record"):
        bring(tmp_path, "items", record.as_marc(), form="marc", told={"fields": {"item": "barcode"}})


def test_a_damaged_record_costs_itself_and_not_those_behind_it(tmp_path: Path) -> None:
    make(tmp_path)
    good, bad = marc(1, COPY).as_marc(), bytearray(marc(2, {**COPY, "p": "M2"}).as_marc())
    bad[0:5] = b"99999"
    cut = marc(4, {**COPY, "p": "M4"}).as_marc()[:-30]
    data = good + bytes(bad) + b"\n" + marc(3, {**COPY, "p": "M3"}).as_marc() + cut

    report = bring(tmp_path, "items", data, form="marc")

    assert counts(report) == (2, 0, 0, 0, 2)
    assert [line for line, _, _ in said(report)] == [2, 4]


def test_xml_that_ends_too_soon_is_told_after_what_came_before(tmp_path: Path) -> None:
    make(tmp_path)
    data = xml(marc(1, COPY), marc(2, {**COPY, "p": "M2"}))

    report = bring(tmp_path, "items", data[: data.index(b"</record>") + 40], form="marcxml")

    assert counts(report) == (1, 0, 0, 0, 1)


def test_a_leader_that_is_none_costs_no_record(tmp_path: Path) -> None:
    make(tmp_path)
    data = xml(marc(1, COPY), marc(2, {**COPY, "p": "M2"}))
    start, end = data.index(b"<leader>"), data.index(b"</leader>")

    report = bring(tmp_path, "items", data[: start + 12] + data[end:], form="marcxml")

    assert counts(report) == (2, 0, 0, 0, 0)


def test_xml_cannot_make_us_read_other_files(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "secret").write_text("secret title", encoding="utf-8")
    data = xml(marc(1, COPY, title="&x;")).replace(b"&amp;x;", b"&x;")
    entity = f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'.encode()

    bring(tmp_path, "items", data.replace(b"?>", b"?>" + entity, 1), form="marcxml")

    assert rows(tmp_path, "SELECT count(*) FROM item WHERE title LIKE '%secret%'") == [(0,)]


def test_patrons_are_not_looked_for_in_records(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(ConfigError, match="not in MARC"):
        bring(tmp_path, "patrons", b"", form="marc")
