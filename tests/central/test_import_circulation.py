"""Loans, holds and fees from files: what the ledger knows wins, and a repeat is nothing new."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from import_kit import NOW, bring, counts, everything, make, rows, said, url

from central.authority import OwnLedger
from central.desk import Desk
from central.imports.fields import FEE_KINDS, HOLD_STATES
from central.ledger.history import settle_history
from central.ledger.ledger import Ledger
from central.results import FromStation, read_upward
from circulation.fees import FeeKind
from circulation.model import HoldState
from circulation.policy import Policy
from wire.clock import FakeClock

LOANS = (
    "issue_id,borrowernumber,barcode,date_due,branchcode,issuedate,renewals,returndate\n"
    "1,7,i1,2026-12-01 23:59:00,MAIN,2026-11-01 10:30:00,2,\n"
    "2,7,i2,2026-12-02 23:59:00,,2026-11-02 10:30:00,0,\n"
    "3,7,i3,2026-10-02 23:59:00,MAIN,2026-09-02 10:30:00,0,2026-09-20 11:00:00\n"
)


async def checkin(folder: Path, item: str, at: datetime) -> None:
    """Hand an item in at a kiosk, through the desk."""
    ledger = Ledger.open(url(folder))
    desk = Desk(ledger, OwnLedger(Policy()), Policy(), FakeClock(at), b"k" * 32)
    running = asyncio.create_task(desk.run())
    body = {
        "schema": "checkin/1",
        "item": item,
        "at": at.isoformat(),
        "clock": "synced",
        "boot": "b",
        "mono": 1,
    }
    entry = {"kind": "entry", "stream": f"s{at:%s}", "link": "l", "to": ledger.boot, "seq": 1, "id": f"f{at:%s}",
             "prev_id": "", "body": body}  # fmt: skip
    message = read_upward(json.dumps(entry).encode())
    assert message is not None
    await desk.submit(FromStation("k1", message))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    ledger.close()


def test_open_loans_come_in_and_gates_hear_of_them(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "loans", LOANS)

    assert counts(report) == (2, 0, 0, 1, 0)
    assert report.tally.notices == {"loan that is over": 1}
    assert report.unused == ("issue_id",)
    started = int(datetime(2026, 11, 1, 9, 30, tzinfo=UTC).timestamp() * 1000)
    assert rows(
        tmp_path,
        "SELECT item, patron, station, branch, start, ended, due, renewals, tag FROM loan ORDER BY item",
    ) == [
        ("i1", "7", "import", "main", started, None, "2026-12-01", 2, "written"),
        ("i2", "7", "import", "main", started + 86_400_000, None, "2026-12-02", 0, "written"),
    ]
    assert rows(tmp_path, "SELECT item, version, state FROM change WHERE state = 'loan' ORDER BY n") == [
        ("i1", 2, "loan"),
        ("i2", 2, "loan"),
    ]


def test_the_same_loans_again_are_nothing_new_even_under_another_name(tmp_path: Path) -> None:
    make(tmp_path)
    bring(tmp_path, "loans", LOANS)
    before = everything(tmp_path)

    header, *lines = LOANS.splitlines()
    again = bring(tmp_path, "loans", "\n".join([header, *reversed(lines)]), name="other.csv")

    assert counts(again) == (0, 0, 2, 1, 0)
    assert everything(tmp_path) == before


def test_an_imported_loan_is_what_its_history_comes_to(tmp_path: Path) -> None:
    """The state that was stepped on to is the one that folding all events gives."""
    make(tmp_path)
    bring(tmp_path, "loans", LOANS)
    ledger = Ledger.open(url(tmp_path))
    ledger.hot.begin()
    for item in ("i1", "i2", "i3"):
        row = ledger.hot.item(item)
        assert row is not None
        assert settle_history(ledger.hot, item) == row.state
    ledger.hot.rollback()
    ledger.close()


async def test_a_return_at_a_kiosk_ends_an_imported_loan_and_no_repeat_opens_it_again(tmp_path: Path) -> None:
    make(tmp_path)
    bring(tmp_path, "loans", LOANS)
    await checkin(tmp_path, "i1", datetime(2026, 11, 10, 12, tzinfo=UTC))
    before = everything(tmp_path)

    again = bring(tmp_path, "loans", LOANS)

    assert counts(again) == (0, 0, 2, 1, 0)
    assert everything(tmp_path) == before
    assert rows(tmp_path, "SELECT item FROM loan WHERE ended IS NULL") == [("i2",)]


async def test_what_the_ledger_knows_since_is_not_overruled_by_a_list(tmp_path: Path) -> None:
    make(tmp_path)
    await checkin(tmp_path, "i1", datetime(2026, 11, 10, 12, tzinfo=UTC))
    bring(tmp_path, "patrons", "card,class,home\nC8,adult,main\n")
    bring(tmp_path, "loans", "card,item,start,due\nC7,i2,2026-11-01,2026-12-01\n")

    report = bring(
        tmp_path,
        "loans",
        "card,item,start,due\n"
        "C7,i1,2026-11-01,2026-12-01\n"  # came back since
        "C8,i2,2026-11-02,2026-12-01\n"  # has been lent to another
        "C7,i9,2026-11-01,2026-12-01\n"
        "C9,i3,2026-11-01,2026-12-01\n"
        "C7,i3,2027-11-01,2026-12-01\n"
        "C7,i3,yesterday,2026-12-01\n"
        "C7,i4,2026-11-15,2026-12-15\n",
    )

    assert counts(report) == (1, 0, 0, 0, 6)
    assert [(line, column) for line, column, _ in said(report)] == [
        (2, "start"), (3, "item"), (4, "item"), (5, "card"), (6, "start"), (7, "start"),
    ]  # fmt: skip
    assert rows(tmp_path, "SELECT item FROM loan WHERE ended IS NULL ORDER BY 1") == [("i2",), ("i4",)]


async def test_an_item_with_an_open_case_is_left_to_staff(tmp_path: Path) -> None:
    make(tmp_path)
    ledger = Ledger.open(url(tmp_path))
    row = ledger.hot.item("i1")
    assert row is not None
    ledger.hot.connection.execute("UPDATE item SET trouble = 'returned-unsecured' WHERE item = 'i1'")
    ledger.close()

    report = bring(tmp_path, "loans", "card,item,start,due\nC7,i1,2026-11-01,2026-12-01\n")

    assert said(report) == [(2, "item", "has an open case; close that first")]


def test_a_later_list_moves_the_due_date_of_a_loan_that_was_renewed_there(tmp_path: Path) -> None:
    make(tmp_path)
    text = "card,item,start,due,renewals\nC7,i1,2026-11-01,{},{}\n"
    bring(tmp_path, "loans", text.format("2026-12-01", 0))

    report = bring(tmp_path, "loans", text.format("2026-12-29", 1))
    again = bring(tmp_path, "loans", text.format("2026-12-29", 1))

    assert (counts(report), counts(again)) == ((0, 1, 0, 0, 0), (0, 0, 1, 0, 0))
    assert rows(tmp_path, "SELECT due, renewals FROM loan") == [("2026-12-29", 1)]


def test_a_loan_that_was_renewed_here_since_keeps_its_due_date(tmp_path: Path) -> None:
    make(tmp_path)
    text = "card,item,start,due\nC7,i1,2026-11-01,{}\n"
    bring(tmp_path, "loans", text.format("2026-12-01"))
    ledger = Ledger.open(url(tmp_path))
    loan = rows(tmp_path, "SELECT request FROM loan")[0][0]
    ledger.hot.begin()
    ledger.hot.new_renewal("r1", loan, NOW, datetime(2027, 1, 5, tzinfo=UTC).date())
    ledger.hot.loan_due(loan, datetime(2027, 1, 5, tzinfo=UTC).date(), 1)
    ledger.hot.commit()
    ledger.close()

    same = bring(tmp_path, "loans", text.format("2026-12-01"))
    other = bring(tmp_path, "loans", text.format("2026-12-20"))

    assert (counts(same), counts(other)) == ((0, 0, 1, 0, 0), (0, 0, 0, 0, 1))
    assert rows(tmp_path, "SELECT due FROM loan") == [("2027-01-05",)]


# --- holds


def test_the_words_are_those_of_the_rules() -> None:
    assert get_args(FeeKind) == FEE_KINDS
    assert set(HOLD_STATES) - {"transit"} == set(get_args(HoldState))


HOLDS = (
    "reserve_id,cardnumber,biblionumber,barcode,branchcode,reservedate,priority,found,expirationdate,suspend,"
    "item_level_hold,cancellationdate\n"
    "1,C9,t1,,MAIN,2026-11-03,2,,,0,0,\n"
    "2,C8,t1,,MAIN,2026-11-02,1,,2027-01-01,0,0,\n"
    "3,C7,t1,i1,MAIN,2026-11-01,0,W,2026-11-25,0,0,\n"
    "4,C7,t2,i2,MAIN,2026-11-01,1,,,0,1,\n"
    "5,C8,t3,i3,CPL,2026-11-05,0,T,,0,1,\n"
    "6,C8,t4,,MAIN,2026-11-05,1,,,1,0,\n"
    "7,C9,t4,,MAIN,2026-11-05,1,,,0,0,2026-11-06\n"
    "8,C9,t4,,MAIN,2026-11-05,1,F,,0,0,\n"
)


def three_patrons(folder: Path) -> None:
    make(folder)
    bring(folder, "patrons", "card,class,home\nC8,adult,main\nC9,adult,main\n")


def test_holds_wait_here_in_the_order_in_which_they_waited_there(tmp_path: Path) -> None:
    three_patrons(tmp_path)

    report = bring(tmp_path, "holds", HOLDS, zone="UTC")

    assert counts(report) == (5, 0, 0, 2, 1)
    assert [(line, column) for line, column, _ in said(report)] == [(7, "suspend")]
    assert rows(
        tmp_path,
        "SELECT n, patron, item, title_id, pickup, state, ready_item, ready_until, expires FROM hold ORDER BY n",
    ) == [
        (1, "7", None, "t1", "main", "ready", "i1", "2026-11-25", None),
        (2, "C8", "i3", None, "cpl", "waiting", "i3", None, None),
        (3, "7", "i2", None, "main", "waiting", None, None, None),
        (4, "C8", None, "t1", "main", "waiting", None, None, "2027-01-01"),
        (5, "C9", None, "t1", "main", "waiting", None, None, None),
    ]


def test_the_same_holds_again_are_nothing_new(tmp_path: Path) -> None:
    three_patrons(tmp_path)
    bring(tmp_path, "holds", HOLDS, zone="UTC")
    before = everything(tmp_path)

    again = bring(tmp_path, "holds", HOLDS, zone="UTC")

    assert counts(again) == (0, 0, 5, 2, 1)
    assert everything(tmp_path) == before


def test_holds_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    three_patrons(tmp_path)
    bring(tmp_path, "loans", "card,item,start,due\nC7,i4,2026-11-01,2026-12-01\n")
    bring(tmp_path, "holds", "card,item,pickup,placed\nC7,i1,main,2026-11-01\n")

    report = bring(
        tmp_path,
        "holds",
        "card,item,title_id,pickup,placed,state\n"
        "C7,i1,,main,2026-11-02,\n"  # again
        "C1,i1,,main,2026-11-02,\n"
        "C7,,t9,main,2026-11-02,\n"
        "C7,i9,,main,2026-11-02,\n"
        "C7,,,main,2026-11-02,\n"
        "C7,i2,,nowhere,2026-11-02,\n"
        "C7,,t2,main,2026-11-02,ready\n"
        "C8,i4,,main,2026-11-02,ready\n"
        "C8,i3,,main,2026-11-02,ready\n"
        "C9,i3,,main,2026-11-03,ready\n"
        "C9,i3,,main,2026-11-03,somewhere\n",
    )

    assert counts(report) == (1, 0, 0, 0, 10)
    assert sorted((line, column) for line, column, _ in said(report)) == [
        (2, "card"), (3, "card"), (4, "title_id"), (5, "item"), (6, "item"), (7, "pickup"), (8, "item"),
        (9, "item"), (11, "item"), (12, "state"),
    ]  # fmt: skip


# --- fees

FEES = (
    "accountlines_id,borrowernumber,barcode,date,amount,amountoutstanding,debit_type_code\n"
    "1,7,i1,2026-11-01,12.500000,10.000000,OVERDUE\n"
    "2,7,,2026-11-01,5.000000,0.000000,MANUAL\n"
    "3,7,,2026-11-01,-2.000000,-1.000000,\n"
    "4,7,i2,2026-11-01,30.00,30.00,LOST\n"
    "5,99,,2026-11-01,1.00,1.00,RENT\n"
    "6,7,,2026-11-01,1.005,1.00,RENT\n"
    "7,7,,2026-11-01,1.00,2.00,RENT\n"
)


def test_what_is_owed_comes_in_and_what_is_paid_stays_out(tmp_path: Path) -> None:
    make(tmp_path)

    report = bring(tmp_path, "fees", FEES)
    again = bring(tmp_path, "fees", FEES)

    assert counts(report) == (2, 0, 0, 2, 3)
    assert counts(again) == (0, 0, 2, 2, 3)
    assert report.tally.notices == {"credit or payment": 1, "fee that is paid": 1}
    assert [(line, column) for line, column, _ in said(report)] == [
        (6, "borrowernumber"), (7, "amount"), (8, "amountoutstanding"),
    ]  # fmt: skip
    assert rows(tmp_path, "SELECT patron, item, kind, amount, paid FROM fee ORDER BY amount") == [
        ("7", "i1", "overdue", 1250, 250),
        ("7", "i2", "replacement", 3000, 0),
    ]


def test_two_fees_that_look_alike_are_two_fees_each_time(tmp_path: Path) -> None:
    make(tmp_path)
    text = "card,amount,at\nC7,0.50,2026-11-01\nC7,0.50,2026-11-01\nC7,0.70,2026-11-01\n"

    first = bring(tmp_path, "fees", text, batch=1)
    again = bring(tmp_path, "fees", text)

    assert (counts(first), counts(again)) == ((3, 0, 0, 0, 0), (0, 0, 3, 0, 0))
    assert rows(tmp_path, "SELECT sum(amount), count(*) FROM fee") == [(170, 3)]


def test_a_later_list_pays_what_was_paid_there_and_never_less(tmp_path: Path) -> None:
    make(tmp_path)
    text = "card,fee,amount,owed,at\nC7,f1,10,{},2026-11-01\n"
    bring(tmp_path, "fees", text.format("8"))

    paid = bring(tmp_path, "fees", text.format("3"))
    older = bring(tmp_path, "fees", text.format("8"))
    over = bring(tmp_path, "fees", text.format("0"))

    assert [counts(one)[1:3] for one in (paid, older, over)] == [(1, 0), (0, 1), (1, 0)]
    assert rows(tmp_path, "SELECT amount, paid FROM fee") == [(1000, 1000)]


@pytest.mark.parametrize(("currency", "amount"), [("EUR", 1234), ("BHD", 12340)])
def test_amounts_are_kept_in_the_smallest_unit_of_the_currency(
    currency: str, amount: int, tmp_path: Path
) -> None:
    make(tmp_path)

    bring(tmp_path, "fees", 'card,amount,at\nC7,"12,34",2026-11-01\n', currency=currency)

    assert rows(tmp_path, "SELECT amount FROM fee") == [(amount,)]
