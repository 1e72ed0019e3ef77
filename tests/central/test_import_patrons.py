"""Patrons from files: every column of Koha's, PINs, cards, and nothing of anybody in a report."""

from pathlib import Path

import pytest
from import_kit import bring, counts, make, rows, said, turnleaf

from central.imports.patrons import FOREIGN
from central.ledger import pins
from wire.errors import ConfigError

BCRYPT = "$2a$08$OFPtv9fUU05Dv3TNB17W5.wuFSX5cI62zkk1M.Ot7WQbEiTaQCIQ2"
"""Of 1357, as Koha keeps it."""

KOHA = (
    "borrowernumber,cardnumber,surname,firstname,streetnumber,address,address2,zipcode,city,country,email,phone,"
    "mobile,dateofbirth,branchcode,categorycode,dateexpiry,gonenoaddress,lost,debarred,password,lang,userid\n"
    "12,C12,Family12,Given12,4,Main Street,2nd floor,1000,Town,DK,mail@library.example,,+45 1,1990-12-09,MAIN,PT,"
    "2030-01-31,0,0,,2468,en,u12\n"
    '13,C13,Fämily13,Gïven13,,"Allee 2, back",,,,,,+45 2,,,MAIN,PT,0000-00-00,0,1,,,default,u\n'
    f"14,C14,Family14,Given14,,,,,,,,,,,MAIN,PT,2030-01-31,1,0,2099-12-31,{BCRYPT},de,j\n"
    "15,C15,Family15,Given15,,,,,,,,,,,MAIN,PT,2030-01-31,0,0,2020-12-31,!,pt-BR,r\n"
)


def test_what_koha_knows_of_a_patron_comes_in_with_all_that_terminals_show(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "patrons", KOHA)

    found = rows(
        tmp_path,
        "SELECT patron, name, first_name, address, email, phone, birth, class, home, expires, language, blocked"
        " FROM patron WHERE patron <> '7' ORDER BY patron",
    )
    assert counts(report) == (4, 0, 0, 0, 0)
    assert found == [
        (
            "12", "Given12 Family12", "Given12", "4, Main Street, 2nd floor, 1000, Town, DK", "mail@library.example",
            "+45 1", "1990-12-09", "PT", "main", "2030-01-31", "en", None,
        ),
        ("13", "Gïven13 Fämily13", "Gïven13", "Allee 2, back", "", "+45 2", None, "PT", "main", None, "", "card-lost"),
        ("14", "Given14 Family14", "Given14", "", "", "", None, "PT", "main", "2030-01-31", "de", "card-blocked"),
        ("15", "Given15 Family15", "Given15", "", "", "", None, "PT", "main", "2030-01-31", "pt-BR", None),
    ]  # fmt: skip
    assert rows(tmp_path, "SELECT card, patron FROM card ORDER BY card") == [
        ("C12", "12"),
        ("C13", "13"),
        ("C14", "14"),
        ("C15", "15"),
        ("C7", "7"),
    ]


def test_a_pin_is_kept_as_a_hash_and_kohas_own_as_it_is(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "patrons", KOHA)

    stored = dict(rows(tmp_path, "SELECT patron, pin FROM patron WHERE patron <> '7'"))
    assert pins.fits("2468", stored["12"])
    assert not pins.fits("2469", stored["12"])
    assert stored["14"] == BCRYPT
    assert pins.fits("1357", stored["14"])
    assert not pins.fits("1358", stored["14"])
    assert [stored["13"], stored["15"]] == [None] * 2
    assert dict(report.tally.notices) == {}


@pytest.mark.parametrize(
    "foreign",
    [
        "$2y$10$abc",
        BCRYPT.replace("$08$", "$31$"),
        "$argon2id$v=19$m=1$a",
        "{SSHA}abc",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$6$salt$hash",
    ],
)
def test_no_hash_of_another_system_becomes_somebodys_pin(foreign: str, tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "patrons", f"card;class;home;pin\nC1;adult;main;{foreign}\n")

    assert dict(report.tally.notices) == {FOREIGN: 1}
    assert rows(tmp_path, "SELECT pin FROM patron WHERE patron = 'C1'") == [(None,)]


def test_a_sealed_pin_passes_as_it_is_and_an_empty_one_leaves_what_there_is(tmp_path: Path) -> None:
    make(tmp_path)
    sealed = pins.seal("1357")

    bring(tmp_path, "patrons", f"card,class,home,pin\nC1,adult,main,{sealed}\n")
    again = bring(tmp_path, "patrons", "card,class,home,pin\nC1,adult,main,\n")

    assert [(sealed,)] == rows(tmp_path, "SELECT pin FROM patron WHERE patron = 'C1'")
    assert counts(again) == (0, 0, 1, 0, 0)


def test_the_same_pin_again_changes_nothing_and_another_one_does(tmp_path: Path) -> None:
    make(tmp_path)
    text = "card,class,home,pin\nC1,adult,main,{}\n"

    bring(tmp_path, "patrons", text.format("1111"))
    before = rows(tmp_path, "SELECT pin FROM patron WHERE patron = 'C1'")
    same = bring(tmp_path, "patrons", text.format("1111"))
    after = rows(tmp_path, "SELECT pin FROM patron WHERE patron = 'C1'")
    other = bring(tmp_path, "patrons", text.format("2222"))

    assert before == after
    assert counts(same) == (0, 0, 1, 0, 0)
    assert counts(other) == (0, 1, 0, 0, 0)


def test_a_patron_may_have_several_cards_and_keeps_them(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(
        tmp_path, "patrons", "patron,card,class,home\n7,C7,adult,main\n7,C8,adult,main\n7,C9,adult,main\n"
    )

    assert counts(report) == (0, 2, 1, 0, 0)
    assert rows(tmp_path, "SELECT card FROM card WHERE patron = '7' ORDER BY card") == [
        ("C7",),
        ("C8",),
        ("C9",),
    ]


def test_a_file_of_cards_alone_finds_the_patrons_they_belong_to(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(
        tmp_path, "patrons", "card,class,home,email\nC7,adult,main,x@library.example\n7,adult,main,\n"
    )

    assert rows(tmp_path, "SELECT patron, email FROM patron") == [("7", "x@library.example")]
    assert said(report) == [(3, "card", "is what another patron of the ledger is called; tell patron, too")]


def test_a_card_is_never_taken_from_one_patron_for_another(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(
        tmp_path, "patrons", "patron,card,class,home\n8,C7,adult,main\n9,C9,adult,main\n10,C9,adult,main\n"
    )

    assert [(2, column, reason) for _, column, reason in said(report)] == [
        (2, "card", "belongs to another patron of the ledger")
    ] * 2
    assert rows(tmp_path, "SELECT patron FROM patron ORDER BY patron") == [("7",), ("9",)]


def test_only_columns_of_the_file_are_touched(tmp_path: Path) -> None:
    make(tmp_path)
    bring(tmp_path, "patrons", KOHA)

    report = bring(tmp_path, "patrons", "cardnumber,email\nC12,new@library.example\nC99,x@library.example\n")

    assert rows(tmp_path, "SELECT email, name, phone FROM patron WHERE patron = '12'") == [
        ("new@library.example", "Given12 Family12", "+45 1")
    ]
    assert said(report) == [(3, "class", "and home are needed: the patron is not in the ledger")]


def test_a_branch_that_is_not_there_is_said_or_made(tmp_path: Path) -> None:
    make(tmp_path)
    text = "card,class,home\nC1,adult,North_2\nC2,adult,main\n"

    refused = bring(tmp_path, "patrons", text)
    made = bring(tmp_path, "patrons", text, zone="Europe/Berlin")

    assert (said(refused)[0][1], said(refused)[0][0]) == ("home", 2)
    assert "--make-branches" in said(refused)[0][2]
    assert counts(made) == (1, 0, 1, 0, 0)
    assert rows(tmp_path, "SELECT branch, zone FROM branch WHERE branch <> 'main'") == [
        ("north-2", "Europe/Berlin")
    ]


def test_columns_of_another_system_are_mapped_with_values_and_constants(tmp_path: Path) -> None:
    make(tmp_path)
    told = {
        "delimiter": ";",
        "encoding": "cp1252",
        "dates": "dmy",
        "fields": {
            "card": "Ausweis",
            "name": ["Vorname", "Name"],
            "class": "Gruppe",
            "address": {"join": ["Strasse", "Ort"], "glue": " / "},
            "phone": {"first": ["Tel", "Mobil"]},
            "expires": "gültig bis",
        },
        "values": {"class": {"E": "adult", "*": "child"}},
        "constants": {"home": "main", "language": "de"},
    }
    text = "Ausweis;Name;Vorname;Gruppe;Strasse;Ort;Tel;Mobil;gültig bis\nA1;Nämlich;Vör;E;Weg 1;Köln;;017;31.12.2030\n"
    text += "A2;X;Y;K;;Bonn;02;017;1/2/2031\n"

    report = bring(tmp_path, "patrons", text.encode("cp1252"), told=told)

    assert counts(report) == (2, 0, 0, 0, 0)
    assert rows(
        tmp_path,
        "SELECT patron, name, class, address, phone, expires, language FROM patron WHERE patron <> '7' ORDER BY 1",
    ) == [
        ("A1", "Vör Nämlich", "adult", "Weg 1 / Köln", "017", "2030-12-31", "de"),
        ("A2", "Y X", "child", "Bonn", "02", "2031-02-01", "de"),
    ]


def test_a_mapping_that_names_what_is_not_there_is_told(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(ConfigError, match="Nummer"):
        bring(tmp_path, "patrons", "card\n1\n", told={"fields": {"patron": "Nummer"}})
    with pytest.raises(ConfigError, match="shoe_size"):
        bring(tmp_path, "patrons", "card\n1\n", told={"constants": {"shoe_size": "43"}})


def test_no_report_says_who_somebody_is(tmp_path: Path) -> None:
    make(tmp_path)
    secrets = ("Family1", "+44 555", "1990-99-99", "mail@", "Streetname", "CARD|99", "8642")
    (tmp_path / "p.csv").write_text(
        "cardnumber,surname,firstname,phone,dateofbirth,email,address,branchcode,categorycode,password\n"
        "C1,Family1,Given1,+44 555,1990-99-99,mail@,Streetname,main,PT,8642\n"
        "CARD|99,Family1,Given1,+44 555,,mail@,Streetname,main,PT,8642\n"
        "C3,Family1,Given1,+44 555,,mail@,Streetname,main,PT\n"
        "C4,Family1,Given1,+44 555,,mail@,Streetname,,PT,8642\n",
        encoding="utf-8",
    )

    for more in (("--dry-run",), ("--dry-run", "--json"), (), ("--json",)):
        done = turnleaf(tmp_path, "import", "p.csv", "--kind", "patrons", *more)

        assert done.returncode == 1, done.stderr
        assert not [secret for secret in secrets if secret in done.stdout + done.stderr]
    rejected = tmp_path / "p.csv.rejected.csv"
    assert rejected.stat().st_mode & 0o777 == 0o600
    assert "8642" in rejected.read_text(encoding="utf-8")
