"""Items from tables: what gates learn, what circulation knows, what is wrong and where."""

from contextlib import closing
from pathlib import Path

import pytest
from import_kit import REGISTRY, bring, counts, make, rows, said, url

from central.ledger.ledger import Ledger
from wire.errors import ConfigError

KOHA = (
    "itemnumber,barcode,biblionumber,title,homebranch,holdingbranch,itype,itemcallnumber,ccode,notforloan,itemlost,"
    "withdrawn,damaged\n"
    '1,3001,17,"A title, with a comma",MAIN,MAIN,BK,813 A,FIC,0,0,0,0\n'
    "2,3002,17,Second copy,MAIN,CPL,BK,813 A,FIC,0,1,0,0\n"
    "3,3003,18,Withdrawn,MAIN,MAIN,REF,,,1,0,1,0\n"
    "4,3004,18,On order,MAIN,MAIN,REF,,,-1,0,0,1\n"
    "5,3005,18,Missing,MAIN,MAIN,REF,,,0,4,0,1\n"
    "6,3006,18,Damaged,MAIN,MAIN,REF,,,0,0,0,1\n"
)


def test_what_koha_knows_of_items_comes_in(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "items", KOHA, zone="UTC")

    assert counts(report) == (6, 0, 0, 0, 0)
    assert report.unused == ("itemnumber",)
    assert rows(
        tmp_path,
        "SELECT item, title, class, branch, gone, title_id, call_number, collection, status, place"
        " FROM item WHERE item LIKE '300%' ORDER BY item",
    ) == [
        ("3001", "A title, with a comma", "BK", "main", 0, "17", "813 A", "FIC", "", None),
        ("3002", "Second copy", "BK", "main", 0, "17", "813 A", "FIC", "lost", "cpl"),
        ("3003", "Withdrawn", "REF", "main", 1, "18", "", "", "not-for-loan", None),
        ("3004", "On order", "REF", "main", 0, "18", "", "", "on-order", None),
        ("3005", "Missing", "REF", "main", 0, "18", "", "", "missing", None),
        ("3006", "Damaged", "REF", "main", 0, "18", "", "", "damaged", None),
    ]


def test_gates_learn_of_new_items_and_of_those_that_are_gone_under_the_next_numbers(tmp_path: Path) -> None:
    make(tmp_path)
    before = rows(tmp_path, "SELECT max(n) FROM change")[0][0]

    bring(tmp_path, "items", "item,class,branch,gone\na,book,main,0\nb,book,main,1\n")
    bring(tmp_path, "items", "item,gone\na,yes\nb,1\ni1,no\n")
    bring(tmp_path, "items", "item,gone\na,0\n")

    assert rows(tmp_path, "SELECT n, item, version, state FROM change WHERE n > ? ORDER BY n", before) == [
        (before + 1, "a", 1, "available"),
        (before + 2, "b", 1, "gone"),
        (before + 3, "a", 2, "gone"),
        (before + 4, "a", 3, "available"),
    ]
    assert rows(tmp_path, "SELECT item, version FROM item WHERE item IN ('a', 'b') ORDER BY 1") == [
        ("a", 3),
        ("b", 1),
    ]


def test_what_circulation_knows_of_an_item_is_never_touched(tmp_path: Path) -> None:
    make(tmp_path)
    bring(tmp_path, "loans", "card,item,start,due\nC7,i1,2026-11-01,2026-11-30\n")
    state = "SELECT version, loan, last_at, last_id, tag, trouble FROM item WHERE item = 'i1'"
    before = rows(tmp_path, state)

    report = bring(tmp_path, "items", "item,title,class,branch,place\ni1,Another title,dvd,main,main\n")

    assert counts(report) == (0, 1, 0, 0, 0)
    assert rows(tmp_path, state) == before
    assert rows(tmp_path, "SELECT title, class FROM item WHERE item = 'i1'") == [("Another title", "dvd")]


def test_a_status_is_corrected_until_circulation_has_seen_the_item(tmp_path: Path) -> None:
    make(tmp_path)
    status = "SELECT status FROM item WHERE item = 'i1'"
    bring(tmp_path, "items", "item,status\ni1,lost\n")
    corrected = bring(tmp_path, "items", "item,status\ni1,missing\n")
    before = rows(tmp_path, status)
    bring(tmp_path, "loans", "card,item,start,due\nC7,i1,2026-11-01,2026-11-30\n")

    older = bring(tmp_path, "items", "item,status,title\ni1,lost,Title 1\n")
    other = bring(tmp_path, "items", "item,status,title\ni1,lost,Another\n")

    assert counts(corrected) == (0, 1, 0, 0, 0)
    assert counts(older) == (0, 0, 1, 0, 0)
    assert counts(other) == (0, 1, 0, 0, 0)
    assert before == rows(tmp_path, status) == [("missing",)]


def test_an_item_that_is_gone_while_on_loan_is_told_to_gates_as_gone(tmp_path: Path) -> None:
    make(tmp_path)
    bring(tmp_path, "loans", "card,item,start,due\nC7,i1,2026-11-01,2026-11-30\n")

    bring(tmp_path, "items", "item,gone\ni1,1\n")
    bring(tmp_path, "items", "item,gone\ni1,0\n")

    states = rows(tmp_path, "SELECT version, state FROM change WHERE item = 'i1' ORDER BY n")
    assert states == [(1, "available"), (2, "loan"), (3, "gone"), (4, "loan")]


def test_an_item_that_was_returned_before_it_was_known_has_its_history(tmp_path: Path) -> None:
    make(tmp_path)
    ledger = Ledger.open(url(tmp_path))
    ledger.hot.begin()
    ledger.hot.new_loan(
        ("r1", "late", "7", "k1", "main", 100, None, "2026-11-30", "2026-11-30", 0, False, False, None)
    )
    ledger.hot.commit()
    ledger.close()

    bring(tmp_path, "items", "item,class,branch\nlate,book,main\n")

    assert rows(tmp_path, "SELECT loan, version FROM item WHERE item = 'late'") == [("r1", 1)]
    assert rows(tmp_path, "SELECT state FROM change WHERE item = 'late'") == [("loan",)]


def test_the_same_item_twice_in_a_file_is_what_its_last_row_says(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(
        tmp_path, "items", "item,title,class,branch\nx,One,book,main\nx,Two,book,main\nx,Two,book,main\n"
    )

    assert counts(report) == (1, 1, 1, 0, 0)
    assert rows(tmp_path, "SELECT title FROM item WHERE item = 'x'") == [("Two",)]


def test_a_title_that_is_too_long_is_cut_and_counted(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "items", f"item,title,class,branch\nx,{'a' * 400},book,main\n")

    assert report.tally.notices == {"title cut to 300 characters": 1}
    assert rows(tmp_path, "SELECT length(title) FROM item WHERE item = 'x'") == [(300,)]


def test_wrong_rows_are_told_by_line_and_column_and_the_others_go_in(tmp_path: Path) -> None:
    make(tmp_path)
    text = (
        "item;title;class;branch;gone\n"  # 1
        "a;One;book;main;0\n"
        'b;"over\ntwo lines";book;main;0\n'  # 3 and 4
        ";No number;book;main;0\n"  # 5
        "c;No class;;main;0\n"
        "d;Gone?;book;main;perhaps\n"
        "e|f;A bar;book;main;0\n"
        "\n"
        "g;Too few;book\n"  # 10
        "h;Too many;book;main;0;more\n"
        "j;Empty more;book;main;0;;\n"
    )

    report = bring(tmp_path, "items", text)

    assert counts(report) == (3, 0, 0, 0, 6)
    assert [(line, column) for line, column, _ in said(report)] == [
        (5, "item"), (6, "class"), (7, "gone"), (8, "item"), (10, ""), (11, ""),
    ]  # fmt: skip
    assert rows(tmp_path, "SELECT title FROM item WHERE item = 'b'") == [("over two lines",)]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "cp1252", "cp850"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_letters_and_delimiters_are_read_as_told(encoding: str, delimiter: str, tmp_path: Path) -> None:
    make(tmp_path)
    text = (
        delimiter.join(("item", "title", "class", "branch"))
        + "\n"
        + delimiter.join(("x", "Åse", "book", "main"))
    )
    bom = b"\xef\xbb\xbf" if encoding == "utf-8" else b""

    report = bring(tmp_path, "items", bom + text.encode(encoding), encoding=encoding)

    assert counts(report) == (1, 0, 0, 0, 0)
    assert rows(tmp_path, "SELECT title FROM item WHERE item = 'x'") == [("Åse",)]


def test_bytes_of_another_encoding_cost_their_row_alone_and_are_kept_as_they_were(tmp_path: Path) -> None:
    make(tmp_path)
    text = b"item,title,class,branch\nx,\xc5se,book,main\ny,ok,book,main\n"

    report = bring(tmp_path, "items", text)

    assert said(report) == [(2, "title", "holds bytes that its encoding does not have (see --encoding)")]
    assert b"x,\xc5se,book,main" in Path(report.rejected_file).read_bytes()


def test_what_was_rejected_can_be_mended_and_brought_in(tmp_path: Path) -> None:
    make(tmp_path)
    first = bring(tmp_path, "items", "barcode,title,itype,homebranch\nx,A,,MAIN\ny,B,BK,MAIN\n")
    rejected = Path(first.rejected_file).read_text(encoding="utf-8")

    second = bring(tmp_path, "items", rejected.replace("x,A,,MAIN", "x,A,BK,MAIN"), name="mended.csv")

    assert counts(first) == (1, 0, 0, 0, 1)
    assert counts(second) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (b"", "first line"),
        (b"\n\n", "first line"),
        (b"a,a\n1,2\n", "first line"),
        (b"name,colour\n1,2\n", "No column for item"),
        ("item,class".encode("utf-16"), "UTF-16"),
        (b"\x00\x01\x02\x03" * 100, "No column for item"),
    ],
)
def test_a_file_that_holds_no_items_is_refused_whole(text: bytes, seen: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(ConfigError, match=seen):
        bring(tmp_path, "items", text)


# --- the registry file knows the same fields


def test_a_registry_tells_further_fields_and_leaves_those_it_does_not_tell(tmp_path: Path) -> None:
    make(tmp_path)
    patron = {
        "name": "A B",
        "email": "e",
        "address": "Street",
        "phone": "1",
        "birth": "1990-01-31",
        "internet": "no",
    }
    item = {
        "title_id": "t9",
        "call_number": "813",
        "collection": "fic",
        "status": "lost",
        "properties": "a map",
    }
    told = {"patrons": [{**REGISTRY["patrons"][0], **patron}], "items": [{**REGISTRY["items"][0], **item}]}

    make(tmp_path, told)
    make(tmp_path)

    assert rows(tmp_path, "SELECT name, email, address, phone, birth, internet FROM patron") == [
        tuple(patron.values())
    ]
    assert rows(
        tmp_path, "SELECT title_id, call_number, collection, status, properties FROM item WHERE item = 'i2'"
    ) == [("t2", "", "", "", "")]
    assert rows(
        tmp_path, "SELECT call_number, collection, status, properties FROM item WHERE item = 'i1'"
    ) == [tuple(item.values())[1:]]


async def test_a_gate_that_asks_for_all_items_is_told_of_those_that_were_imported(tmp_path: Path) -> None:
    make(tmp_path)
    bring(tmp_path, "items", KOHA, zone="UTC")
    with closing(Ledger.open(url(tmp_path))) as ledger:
        snapshot = await ledger.snapshot_items(b"k" * 32)
        changes = await ledger.changes_after(4, b"k" * 32)

    assert len(snapshot.rows) == 10
    assert changes is not None
    assert [change.s for change in changes.changes] == ["available", "available", "gone", *["available"] * 3]
