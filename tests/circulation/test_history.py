"""An item's history comes to one state, in whatever order it arrives (streams.md L6)."""

from hypothesis import given
from hypothesis import strategies as st

from circulation.history import (
    ItemEvent,
    ItemState,
    Lent,
    Returned,
    fold,
    order,
    secured,
    step,
    written,
)


@st.composite
def events(draw: st.DrawFn) -> list[ItemEvent]:
    """A history with ties, withdrawals and every report."""
    made: list[ItemEvent] = []
    for number in range(draw(st.integers(0, 8))):
        at = draw(st.integers(1, 9))
        if draw(st.booleans()):
            tag = draw(st.sampled_from(["written", "unknown", None]))
            taken_back = draw(st.booleans())
            made.append(
                Lent(
                    f"r{number}",
                    at,
                    taken_back,
                    tag,
                    tag == "written" and not taken_back and draw(st.booleans()),
                )
            )
        else:
            made.append(
                Returned(f"c{number}", at, draw(st.sampled_from(["verified", "failed", "unknown", None])))
            )
    return made


def brute(history: list[ItemEvent]) -> dict[str, int | None]:
    """L6 read aloud: the end of each loan that is not withdrawn."""
    alive = [e for e in history if isinstance(e, Returned) or not e.withdrawn]
    ends: dict[str, int | None] = {}
    for loan in alive:
        if isinstance(loan, Lent):
            later = [order(e) for e in alive if order(e) > order(loan)]
            ends[loan.id] = min(later)[0] if later else None
    return ends


@given(events())
def test_a_loan_ends_at_the_earliest_later_event_and_at_most_one_is_open(history: list[ItemEvent]) -> None:
    folded = fold(history)
    expected = brute(history)

    assert {k: v for k, v in expected.items() if v is not None} == folded.ends
    assert [k for k, v in expected.items() if v is None] == ([folded.state.loan] if folded.state.loan else [])


@given(events(), st.randoms())
def test_the_order_of_arrival_does_not_matter(history: list[ItemEvent], rng: object) -> None:
    shuffled = list(history)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its Random as object

    assert fold(history) == fold(shuffled)


@given(events())
def test_a_withdrawn_request_whose_tag_was_never_touched_is_as_if_it_had_never_been(
    history: list[ItemEvent],
) -> None:
    without = [e for e in history if not (isinstance(e, Lent) and e.withdrawn and e.tag is None)]

    assert fold(without) == fold(history)


@given(events())
def test_stepping_on_from_a_state_is_folding_anew(history: list[ItemEvent]) -> None:
    state = ItemState()
    for event in sorted(history, key=order):
        state = step(state, event)

    assert fold(history).state == state


@given(events())
def test_a_report_on_the_latest_event_is_as_if_it_had_come_with_it(history: list[ItemEvent]) -> None:
    state = fold(history).state
    for event in history:
        if event.id != state.last_id:
            continue
        rest = [e for e in history if e.id != event.id]
        if isinstance(event, Lent) and not event.withdrawn:
            assert (
                written(state, "written")
                == fold([*rest, event._replace(tag="written", contested=False)]).state
            )
            assert written(state, "unknown") == fold([*rest, event._replace(tag="unknown")]).state
        elif isinstance(event, Returned):
            for outcome in ("verified", "failed", "unknown"):
                assert secured(state, outcome) == fold([*rest, event._replace(secured=outcome)]).state


@given(events())
def test_no_history_ends_with_a_wrong_tag_and_no_trouble(history: list[ItemEvent]) -> None:
    """A loan whose tag may be secured, or a shelf whose tag may not be, is somebody's case."""
    state = fold(history).state
    last = next((e for e in history if e.id == state.last_id), None)
    if last is None:
        assert state == ItemState()
    elif state.loan is not None:
        unreported = isinstance(last, Returned) or next(e for e in history if e.id == state.loan).tag is None  # type: ignore[union-attr]  # a loan's id is a Lent
        assert state.trouble is not None or unreported or state.tag == "unsecured"
    else:
        unreported = isinstance(last, Returned) and last.secured is None
        assert state.trouble is not None or unreported or state.tag == "secured"


def test_returned_offline_lent_again_and_then_the_return_arrives() -> None:
    """Counterexample 10 and mutant 30: a late return must not end a later loan."""
    folded = fold([Lent("r1", 1), Lent("r2", 5, tag="written"), Returned("c1", 3, "verified")])

    assert folded.state.loan == "r2"
    assert folded.ends == {"r1": 3}


def test_lent_offline_returned_at_the_bin_and_then_the_checkout_arrives() -> None:
    """Mutant 31: a late loan does not open on an item that is on the shelf."""
    folded = fold([Returned("c1", 5, "verified"), Lent("r1", 2, tag="written")])

    assert folded.state.loan is None
    assert folded.ends == {"r1": 5}


def test_a_withdrawn_second_request_gives_the_item_back_to_who_had_it() -> None:
    """Mutant 32."""
    assert fold([Lent("r1", 1, tag="written"), Lent("r2", 4, withdrawn=True)]).state.loan == "r1"
