"""Every refusal, and what is granted."""

from datetime import UTC, date, datetime

import pytest

from circulation.decide import (
    Granted,
    decide_checkin,
    decide_checkout,
    decide_renew,
    decide_withdrawal,
)
from circulation.model import Asked, Block, Item, OpenLoan, Patron, Place
from circulation.policy import Defaults, Policy, Rule
from wire.messages.stream import Refusal

AT = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
HERE = Place("main", "Europe/Copenhagen")
POLICY = Policy(
    defaults=Defaults(loan_days=10, limit=3, renewals=1),
    rules=(Rule(item="reference", for_loan=False), Rule(item="film", class_limit=1)),
)
STRICT = POLICY.model_copy(update={"on_loan_elsewhere": "refuse"})
ANNA = Patron("p1", "adult")
BOOK = Item("i1", "book", "main")
MINE = OpenLoan("r0", "p1", date(2026, 3, 5))
THEIRS = OpenLoan("r9", "p2", date(2026, 3, 5))


def asked(patron: Patron | None = ANNA, item: Item | None = BOOK, *, left: bool = False) -> Asked:
    return Asked("checkout", "r1", patron, item, HERE, left)


@pytest.mark.parametrize(
    ("code", "step", "request_"),
    [
        ("unknown-card", "desk", asked(patron=None)),
        ("card-expired", "desk", asked(Patron("p1", "adult", expires=date(2026, 3, 1)))),
        ("card-blocked", "desk", asked(Patron("p1", "adult", blocks=(Block("card-blocked"),)))),
        ("item-unknown", "desk", asked(item=None)),
        ("item-not-for-loan", "desk", asked(item=Item("i1", "book", "main", gone=True))),
        ("item-not-for-loan", "put-back", asked(item=Item("i1", "reference", "main"))),
        ("on-hold-shelf", "desk", asked(item=Item("i1", "book", "main", blocks=(Block("on-hold-shelf"),)))),
        ("left-the-pad", "put-back", asked(left=True)),
        ("limit-reached", "return-first", asked(Patron("p1", "adult", loans=3))),
        (
            "limit-reached",
            "return-first",
            asked(Patron("p1", "adult", loans_of_class=1), Item("i", "film", "main")),
        ),
        (
            "renewals-used",
            "none",
            asked(item=Item("i1", "book", "main", loan=OpenLoan("r0", "p1", date(2026, 3, 5), 1))),
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(code: str, step: str, request_: Asked) -> None:
    said = decide_checkout(POLICY, request_, AT)

    assert isinstance(said, Refusal)
    assert (code, step) == (said.code, said.next_step)


def test_a_patron_gets_an_item_until_a_local_date() -> None:
    assert Granted(date(2026, 3, 12)) == decide_checkout(POLICY, asked(), AT)


def test_a_card_is_good_on_its_last_day() -> None:
    said = decide_checkout(POLICY, asked(Patron("p1", "adult", expires=date(2026, 3, 2))), AT)

    assert isinstance(said, Granted)


def test_an_item_already_on_ones_own_card_is_lent_on_even_at_the_limit() -> None:
    said = decide_checkout(
        POLICY, asked(Patron("p1", "adult", loans=3), Item("i1", "book", "main", loan=MINE)), AT
    )

    assert Granted(date(2026, 3, 12), renewed=True, renewals=1) == said


def test_an_item_laid_down_twice_spends_no_renewal() -> None:
    used_up = OpenLoan("r0", "p1", date(2026, 3, 12), renewals=1)

    said = decide_checkout(POLICY, asked(item=Item("i1", "book", "main", loan=used_up)), AT)

    assert Granted(date(2026, 3, 12), renewed=True, renewals=1) == said


def test_lending_on_never_makes_an_item_due_earlier() -> None:
    late = OpenLoan("r0", "p1", date(2026, 5, 1))

    said = decide_renew(POLICY, asked(item=Item("i1", "book", "main", loan=late)), AT)

    assert Granted(date(2026, 5, 1), renewed=True, renewals=1) == said


def test_an_item_on_somebody_elses_card_has_come_back_unseen() -> None:
    said = decide_checkout(POLICY, asked(item=Item("i1", "book", "main", loan=THEIRS)), AT)

    assert Granted(date(2026, 3, 12), implied_return=True) == said


def test_or_staff_must_look_when_policy_says_so() -> None:
    said = decide_checkout(STRICT, asked(item=Item("i1", "book", "main", loan=THEIRS)), AT)

    assert Refusal(code="on-loan-elsewhere", next_step="desk") == said


@pytest.mark.parametrize(
    ("code", "loan"),
    [
        ("not-on-loan", None),
        ("on-loan-elsewhere", THEIRS),
        ("renewals-used", OpenLoan("r", "p1", date(2026, 3, 5), 1)),
    ],
)
def test_only_ones_own_loan_can_be_renewed(code: str, loan: OpenLoan | None) -> None:
    said = decide_renew(STRICT, asked(item=Item("i1", "book", "main", loan=loan)), AT)

    assert isinstance(said, Refusal)
    assert code == said.code


@pytest.mark.parametrize(
    ("known", "tag_written", "expected"),
    [(False, False, "nothing"), (False, True, "nothing"), (True, False, "undo"), (True, True, "keep")],
)
def test_a_withdrawal_undoes_what_the_tag_does_not_contradict(
    known: bool, tag_written: bool, expected: str
) -> None:
    assert expected == decide_withdrawal(known=known, tag_written=tag_written)


def test_a_return_is_recorded_whatever_is_returned() -> None:
    assert [decide_checkin(BOOK), decide_checkin(None)] == ["record", "record-unknown"]
