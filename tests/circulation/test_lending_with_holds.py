"""Lending and renewing with holds, fees and open days; and what has happened already."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from circulation.decide import Granted, decide, decide_checkout, decide_happened, decide_renew
from circulation.model import Asked, Block, Hold, Item, OpenLoan, Patron, Place
from circulation.policy import Defaults, Policy, Rule
from circulation.policy_parts import CalendarSettings, FeeSettings, HoldSettings
from wire.messages.stream import Refusal

AT = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
HERE = Place("main", "Europe/Copenhagen")
POLICY = Policy(
    defaults=Defaults(loan_days=10, limit=3, renewals=1),
    rules=(Rule(item="reference", for_loan=False),),
)
ANNA = Patron("p1", "adult")
BOOK = Item("i1", "book", "main")
MINE = OpenLoan("r0", "p1", date(2026, 3, 5))
THEIRS = OpenLoan("r9", "p2", date(2026, 3, 5))


def asked(patron: Patron | None = ANNA, item: Item | None = BOOK) -> Asked:
    return Asked("checkout", "r1", patron, item, HERE)


def code(said: object) -> str:
    assert isinstance(said, Refusal)
    return said.code


WANTED = Item("i1", "book", "main", title="t1")
HOLD = Hold("h1", "p2", None, "t1", "main", placed=1, order=1)
KEPT = HOLD._replace(state="ready", ready_item="i1", ready_until=date(2026, 3, 5))
RENTED = POLICY.model_copy(update={"rules": (Rule(item="film", rental_fee="1.50"),)})
FILM = Item("f1", "film", "main")


def test_what_is_kept_for_somebody_else_is_put_back() -> None:
    said = decide_checkout(POLICY, asked(item=WANTED)._replace(holds=(KEPT,)), AT)

    assert Refusal(code="on-hold-for-another", next_step="put-back") == said


def test_ones_own_hold_is_over_with_the_item_that_was_kept_for_it() -> None:
    mine = KEPT._replace(patron="p1")
    said = decide_checkout(POLICY, asked(item=WANTED)._replace(holds=(mine,)), AT)

    assert Granted(date(2026, 3, 12), hold=mine._replace(state="collected", ready_until=None)) == said


def test_another_copy_that_was_kept_is_freed() -> None:
    mine = KEPT._replace(patron="p1", ready_item="i7")
    said = decide_checkout(POLICY, asked(item=WANTED)._replace(holds=(mine,)), AT)

    assert isinstance(said, Granted)
    assert said.freed == "i7"


def test_a_loan_is_not_renewed_while_somebody_waits() -> None:
    out = WANTED._replace(loan=MINE)
    waited_for = asked(item=out)._replace(holds=(HOLD,))
    generous = POLICY.model_copy(update={"holds": HoldSettings(renew_when_wanted=True)})

    assert decide_renew(POLICY, waited_for, AT) == Refusal(
        code="on-hold-for-another", params={"due": "2026-03-05"}, next_step="none"
    )
    assert isinstance(decide_renew(generous, waited_for, AT), Granted)
    assert isinstance(
        decide_renew(POLICY, waited_for._replace(holds=(HOLD._replace(patron="p1"),)), AT), Granted
    )


def test_a_loan_is_renewed_while_another_copy_is_free_for_who_waits() -> None:
    out = WANTED._replace(loan=MINE)
    waited_for = asked(item=out)._replace(holds=(HOLD,), free_copies=1)

    assert isinstance(decide_renew(POLICY, waited_for, AT), Granted)
    assert code(decide_renew(POLICY, waited_for._replace(free_copies=0), AT)) == "on-hold-for-another"


def test_laid_down_once_more_an_item_that_somebody_waits_for_is_still_the_patrons() -> None:
    out = WANTED._replace(loan=MINE._replace(due=date(2026, 3, 12)))
    said = decide_checkout(POLICY, asked(item=out)._replace(holds=(HOLD,)), AT)

    assert Granted(date(2026, 3, 12), renewed=True) == said


def test_a_fee_is_agreed_to_before_anything_is_lent() -> None:
    refused = decide_checkout(RENTED, asked(item=FILM), AT)
    agreed = decide_checkout(RENTED, asked(item=FILM)._replace(fee_accepted=True), AT)

    assert refused == Refusal(
        code="fee-to-acknowledge", params={"fee": "1.50", "currency": "EUR"}, next_step="desk"
    )
    assert Granted(date(2026, 3, 12), fee=150) == agreed


def test_nobody_agrees_to_a_fee_for_what_is_refused_then() -> None:
    full = asked(Patron("p1", "adult", loans=3), FILM)

    assert code(decide_checkout(RENTED, full, AT)) == "limit-reached"


def test_renewing_costs_what_lending_costs_but_laying_down_twice_does_not() -> None:
    out = FILM._replace(loan=MINE)
    again = FILM._replace(loan=MINE._replace(due=date(2026, 3, 12)))

    assert code(decide_renew(RENTED, asked(item=out), AT)) == "fee-to-acknowledge"
    assert Granted(date(2026, 3, 12), renewed=True) == decide_checkout(RENTED, asked(item=again), AT)


def test_who_owes_or_has_overdue_items_is_lent_nothing() -> None:
    policy = Policy(defaults=Defaults(overdue_limit=1), fees=FeeSettings(block_at="5"))

    assert code(decide_checkout(policy, asked(ANNA._replace(overdue=1)), AT)) == "too-many-overdue"
    assert code(decide_checkout(policy, asked(ANNA._replace(fines=500)), AT)) == "fees"
    assert isinstance(decide_checkout(policy, asked(ANNA._replace(fines=499)), AT), Granted)


def test_a_due_date_on_a_closed_day_moves_where_the_policy_says_so() -> None:
    closed = CalendarSettings(closed=("2026-03-12",), due_on_open_days=True)
    moves = POLICY.model_copy(update={"calendar": closed})
    stays = POLICY.model_copy(update={"calendar": closed.model_copy(update={"due_on_open_days": False})})

    assert Granted(date(2026, 3, 13)) == decide_checkout(moves, asked(), AT)
    assert Granted(date(2026, 3, 12)) == decide_checkout(stays, asked(), AT)


# --- what has happened


def test_what_has_happened_is_recorded_with_the_rule_it_broke() -> None:
    happened = decide_happened(POLICY, asked(item=WANTED)._replace(holds=(KEPT,)), AT)

    assert Granted(date(2026, 3, 12)) == happened.granted
    assert code(happened.broke) == "on-hold-for-another"


def test_the_date_that_the_patron_was_told_counts() -> None:
    told = date(2026, 3, 20)

    assert Granted(told) == decide_happened(POLICY, asked(), AT, told).granted
    assert Granted(told) == decide_happened(POLICY, asked(item=None), AT, told).granted


def test_the_patrons_own_hold_is_over_with_what_has_happened_too() -> None:
    mine = KEPT._replace(patron="p1", ready_item="i7")
    blocked = asked(ANNA._replace(blocks=(Block("card-blocked"),)), WANTED)
    happened = decide_happened(POLICY, blocked._replace(holds=(mine,)), AT)

    assert (happened.granted.freed, happened.granted.hold) == (
        "i7",
        mine._replace(state="collected", ready_item="i1", ready_until=None),
    )


def test_even_an_unknown_card_has_an_item_that_was_lent_to_it() -> None:
    happened = decide_happened(POLICY, asked(patron=None), AT)

    assert Granted(date(2026, 3, 12)) == happened.granted
    assert code(happened.broke) == "unknown-card"


def test_a_renewal_too_many_that_happened_is_still_one() -> None:
    used_up = BOOK._replace(loan=MINE._replace(renewals=1))
    happened = decide_happened(POLICY, asked(item=used_up)._replace(kind="renew"), AT)

    assert Granted(date(2026, 3, 12), renewed=True, renewals=2) == happened.granted
    assert code(happened.broke) == "renewals-used"


@st.composite
def any_request(draw: st.DrawFn) -> Asked:
    """A request of anybody about anything, with or without a reason to refuse it."""
    loan = draw(st.sampled_from([None, MINE, THEIRS, MINE._replace(renewals=1, due=date(2026, 4, 1))]))
    item = Item(
        "i1",
        draw(st.sampled_from(["book", "film", "reference"])),
        "main",
        gone=draw(st.booleans()),
        loan=loan,
        title="t1",
    )
    patron = Patron("p1", "adult", loans=draw(st.integers(0, 4)), overdue=draw(st.integers(0, 2)))
    holds = draw(st.lists(st.sampled_from([HOLD, KEPT, KEPT._replace(hold="h2", patron="p1")]), max_size=2))
    return Asked(
        draw(st.sampled_from(["checkout", "renew"])),
        "r1",
        draw(st.sampled_from([None, patron])),
        draw(st.sampled_from([None, item])),
        HERE,
        left=draw(st.booleans()),
        holds=tuple(holds),
        fee_accepted=draw(st.booleans()),
    )


STERN = Policy(
    defaults=Defaults(loan_days=10, limit=3, renewals=1, overdue_limit=2),
    rules=(Rule(item="reference", for_loan=False), Rule(item="film", rental_fee="1")),
)


@given(any_request(), st.none() | st.dates(date(2026, 3, 1), date(2026, 5, 1)))
def test_what_has_happened_is_never_refused(request_: Asked, told: date | None) -> None:
    happened = decide_happened(STERN, request_, AT, told)
    said = decide(STERN, request_._replace(fee_accepted=True), AT)
    loan = None if request_.item is None else request_.item.loan
    own = loan is not None and request_.patron is not None and loan.patron == "p1"

    assert (happened.broke is None) == isinstance(said, Granted)
    assert happened.broke is None or happened.broke == said
    assert told is None or happened.granted.due >= told
    if own and loan is not None:
        assert happened.granted.due >= loan.due
        assert happened.granted.renewed
        assert happened.granted.renewals >= loan.renewals
    if isinstance(said, Granted) and told is None:
        assert happened.granted == said


@given(any_request())
def test_what_is_granted_is_so_by_every_rule(request_: Asked) -> None:
    said = decide(STERN, request_, AT)
    if isinstance(said, Refusal):
        return

    assert request_.patron is not None
    assert request_.item is not None
    assert request_.patron.overdue < 2
    assert not request_.item.gone
    assert not request_.left
    assert said.fee == 0 or request_.fee_accepted
    if not said.renewed:
        assert request_.patron.loans < 3
        assert request_.item.item_class != "reference"
        assert all(one.patron == "p1" for one in request_.holds if one.state == "ready")
