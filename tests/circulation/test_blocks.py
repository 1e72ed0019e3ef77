"""How a patron stands, in the words of SIP2's patron status."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.blocks import Standing, standing
from circulation.decide import decide_checkout, decide_renew, refuse_patron
from circulation.hold_requests import AskedHold, decide_place
from circulation.model import Asked, Block, Item, OpenLoan, Patron, Place
from circulation.policy import Defaults, Policy, Rule
from circulation.policy_parts import FeeSettings, HoldSettings
from wire.messages.stream import Refusal

AT = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
TODAY = date(2026, 3, 2)
HERE = Place("main", "Europe/Copenhagen")
POLICY = Policy(
    defaults=Defaults(limit=3, overdue_limit=2),
    rules=(Rule(patron="child", limit=1, overdue_limit=1),),
    fees=FeeSettings(block_at="10"),
    holds=HoldSettings(limit=2),
)
BOOK = Item("i1", "book", "main")


@st.composite
def patrons(draw: st.DrawFn) -> Patron:
    return Patron(
        "p1",
        draw(st.sampled_from(["adult", "child"])),
        draw(st.sampled_from([None, date(2026, 3, 1), TODAY])),
        loans=draw(st.integers(0, 4)),
        blocks=draw(st.sampled_from([(), (Block("card-blocked"),), (Block("card-lost"),)])),
        overdue=draw(st.integers(0, 3)),
        holds=draw(st.integers(0, 3)),
        fines=draw(st.sampled_from([0, 400, 1000])),
        fees=draw(st.sampled_from([0, 600, 1200])),
    )


@pytest.mark.parametrize(
    ("patron", "said"),
    [
        (Patron("p1", "adult"), ""),
        (None, "YYYY"),
        (Patron("p1", "adult", date(2026, 3, 1)), "YYYY"),
        (Patron("p1", "adult", blocks=(Block("card-blocked"),)), "YYYY"),
        (Patron("p1", "adult", blocks=(Block("card-lost"),)), "YYYYY"),
        (Patron("p1", "adult", date(2026, 3, 1), blocks=(Block("card-lost"),)), "YYYYY"),
        (Patron("p1", "adult", loans=3), "Y    Y"),
        (Patron("p1", "adult", overdue=2), "YY Y  Y"),
        (Patron("p1", "child", overdue=1), "YY Y  Y"),
        (Patron("p1", "adult", holds=2), "   Y"),
        (Patron("p1", "adult", fines=1000), "YY Y      Y"),
        (Patron("p1", "adult", fees=1000), "YY Y       Y"),
        (Patron("p1", "adult", fines=600, fees=400), "YY Y      YY"),
        (Patron("p1", "adult", fines=600, fees=399), ""),
    ],
)
def test_the_bits_of_patron_status_are_true_for_a_reason(patron: Patron | None, said: str) -> None:
    found = standing(POLICY, patron, TODAY, "main")

    assert said.ljust(14) == "".join("Y" if bit else " " for bit in found.bits)
    assert (found.reasons == ()) == (said == "")


def test_there_are_fourteen() -> None:
    assert list(Standing().bits) == [False] * 14


@given(patrons())
def test_what_is_denied_is_refused_and_what_is_not_is_granted(patron: Patron) -> None:
    """The bits and the decisions come from the same rules: they never contradict one another."""
    found = standing(POLICY, patron, TODAY, "main")
    asked = Asked("checkout", "r1", patron, BOOK, HERE)
    out = BOOK._replace(loan=OpenLoan("r0", "p1", TODAY))
    hold = AskedHold("h1", 1, patron, (BOOK,), "main", HERE)

    assert found.charge_denied == isinstance(decide_checkout(POLICY, asked, AT), Refusal)
    assert found.renew_denied == isinstance(decide_renew(POLICY, asked._replace(item=out), AT), Refusal)
    assert found.hold_denied == isinstance(decide_place(POLICY, hold, AT), Refusal)


@given(patrons())
def test_a_kiosk_hears_before_the_first_item_what_would_refuse_each(patron: Patron) -> None:
    greeted = refuse_patron(patron, TODAY, POLICY)
    said = decide_checkout(POLICY, Asked("checkout", "r1", patron, BOOK, HERE), AT)

    if greeted is not None:
        assert greeted == said
    else:
        assert not isinstance(said, Refusal) or said.code == "limit-reached"


@given(patrons())
def test_a_policy_that_limits_nothing_denies_for_the_card_alone(patron: Patron) -> None:
    found = standing(Policy(), patron._replace(loans=0, holds=0), TODAY)

    assert found.charge_denied == (refuse_patron(patron, TODAY) is not None)
    assert not any((found.too_many_overdue, found.excessive_fines, found.excessive_fees))
