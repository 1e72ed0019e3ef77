"""What happens to a patron at a kiosk, told as it happens."""

import pytest
from visit_world import DUE, World

from kiosk import visit_events as e
from kiosk import visit_state as s
from wire.messages.stream import Refusal

LENT = s.Lent(DUE)


def test_three_books_laid_down_after_the_card_are_lent_one_by_one() -> None:
    world = World()
    world.card()
    for item in ("31001", "31002", "31003"):
        world.lay(item)
        world.settle()

    assert [world.stage(i) for i in ("31001", "31002", "31003")] == [LENT] * 3
    assert not any(world.secured.values())

    world.press("finish")

    assert s.Goodbye(world.now, lent=3, dues=(DUE,)) == world.kiosk.visit


def test_books_that_lay_there_before_the_card_count_at_once() -> None:
    world = World()
    world.lay("31001")
    world.lay("31002")

    assert isinstance(world.kiosk.visit, s.Idle)

    world.card()
    world.settle()

    assert [world.stage("31001"), world.stage("31002")] == [LENT, LENT]


def test_the_loan_is_committed_before_the_tag_and_the_tag_before_the_word() -> None:
    world = World()
    world.card()
    world.lay("31001")
    order = [type(effect) for effect in world.log if isinstance(effect, e.Effect)]

    assert e.Lend in order
    assert e.WriteTags not in order

    world.carry_out()
    assert e.WriteTags not in [type(effect) for effect in world.log]

    world.answer(world.answers.pop())
    world.carry_one(world.waiting.pop())

    assert isinstance(world.stage("31001"), s.Noting)
    world.carry_out()
    assert world.stage("31001") == LENT


def test_a_book_lifted_before_the_answer_is_withdrawn_first_and_then_said_not_lent() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.lift("31001")

    assert s.Noting("r2", s.NotLent("removed")) == world.stage("31001")
    assert [e.Withdraw("r2", "removed")] == world.waiting

    world.settle()

    assert s.NotLent("removed") == world.stage("31001")


def test_a_book_put_back_after_that_is_asked_for_anew() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.lift("31001")
    world.settle()
    world.wait(1)
    world.lay("31001")
    world.settle()

    assert world.stage("31001") == LENT


def test_without_an_answer_for_eight_seconds_the_request_is_withdrawn() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.wait(7.9)
    assert isinstance(world.stage("31001"), s.Asking)

    world.wait(0.2)
    world.carry_out()

    assert s.NotLent("timeout") == world.stage("31001")
    world.answer(world.answers.pop())
    world.carry_out()
    assert s.NotLent("timeout") == world.stage("31001")
    assert [e.Withdraw("r2", "timeout")] == world.notes()


def test_a_tag_that_will_not_be_written_is_tried_five_times_and_then_withdrawn() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle(write="failed")
    for _ in range(8):
        world.wait(0.5)
        world.carry_out(write="failed")

    writes = [effect for effect in world.log if isinstance(effect, e.WriteTags)]
    assert len(writes) == 5
    assert s.NotLent("tag-failed") == world.stage("31001")


def test_a_book_lifted_between_loan_and_tag_can_be_put_back() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.answer(world.answers.pop())
    world.lift("31001")
    world.carry_out(write="gone")
    assert isinstance(world.stage("31001"), s.Away)

    world.press("finish")
    assert isinstance(world.kiosk.visit, s.Lending)
    assert isinstance(world.kiosk.visit.mood, s.Choosing)

    world.lay("31001")
    world.settle()

    assert world.stage("31001") == LENT
    assert isinstance(world.kiosk.visit, s.Lending)
    assert s.Calm() == world.kiosk.visit.mood


@pytest.mark.parametrize(
    ("outcome", "note"), [("gone", e.Withdraw("r2", "left")), ("unknown", e.NoteUnknown("r2", "31001"))]
)
def test_who_leaves_with_a_locked_book_leaves_no_loan_or_a_case(outcome: str, note: e.Effect) -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.answer(world.answers.pop())
    world.lift("31001")
    world.carry_out(write=outcome)
    world.press("finish")
    world.press("finish")
    world.settle()

    assert [note] == world.notes()
    assert not isinstance(world.kiosk.visit, s.Lending)


def test_one_refused_book_does_not_hold_up_the_others() -> None:
    world = World(refusals={"31002": Refusal(code="on-hold", next_step="desk")})
    world.card()
    world.lay("31001")
    world.lay("31002")
    world.settle()

    assert world.stage("31001") == LENT
    assert s.Refused(world.refusals["31002"]) == world.stage("31002")
    assert [w for w in world.log if isinstance(w, e.WriteTags) and w.item == "31002"] == []


def test_a_book_that_is_mine_already_is_renewed() -> None:
    world = World(secured={"E004310011": False})
    world.card()
    world.lay("31001")
    world.settle(renewed=True)

    assert s.Lent(DUE, renewed=True) == world.stage("31001")


def test_a_set_is_lent_when_all_its_parts_lie_here() -> None:
    world = World()
    world.card()
    world.lay("31001", part=1, parts=2)
    world.settle()
    assert s.Incomplete() == world.stage("31001")

    world.lay("31001", part=2, parts=2)
    world.settle()

    assert world.stage("31001") == LENT
    assert world.secured == {"E004310011": False, "E004310012": False}


@pytest.mark.parametrize("tag", [s.Foreign(), s.Unreadable(), s.PatronTag()])
def test_a_tag_that_is_not_ours_is_never_touched(tag: s.Tag) -> None:
    world = World()
    world.card()
    world.tell(e.TagPlaced(world.now, "E00499", tag))
    world.settle()

    assert [w for w in world.log if isinstance(w, e.WriteTags | e.Lend)] == []


def test_returns_need_no_card_and_lie_still_first() -> None:
    world = World(secured={"E004310011": False})
    world.lay("31001")
    world.settle()
    assert world.committed == []

    world.wait(1.6)
    world.settle()

    assert s.Returned() == world.stage("31001")
    assert world.secured == {"E004310011": True}
    assert [e.NoteSecured("c1", "31001", "verified", 0x07)] == world.notes()


def test_a_bag_in_passing_is_no_return() -> None:
    world = World(secured={"E004310011": False})
    world.lay("31001")
    world.wait(1.0)
    world.lift("31001")
    world.wait(5)
    world.settle()

    assert world.committed == []


def test_a_secured_book_without_a_card_is_returned_when_the_patron_says_so() -> None:
    world = World()
    world.lay("31001")
    world.wait(5)
    assert world.committed == []

    world.press("return")
    world.wait(2)
    world.settle()

    assert s.Returned() == world.stage("31001")


def test_a_return_lifted_before_its_tag_was_secured_becomes_a_case_at_the_end() -> None:
    world = World(secured={"E004310011": False})
    world.lay("31001")
    world.wait(1.6)
    world.carry_one(world.waiting.pop(0))
    world.carry_one(world.waiting.pop(0))
    world.lift("31001")
    world.carry_out(write="gone")
    assert isinstance(world.stage("31001"), s.Away)

    world.press("start-over")
    world.settle()

    assert [e.NoteSecured("c1", "31001", "failed", None)] == world.notes()
    assert s.Goodbye(world.now, returned=1, to_staff=1) == world.kiosk.visit


def test_a_card_during_a_return_begins_a_visit_when_the_return_is_done() -> None:
    world = World(secured={"E004310011": False})
    world.lay("31001")
    world.wait(1.6)
    world.card()
    world.settle()

    assert isinstance(world.kiosk.visit, s.Lending)
    assert world.kiosk.visit.rows == ()
    assert (s.OnPad("E004310011", s.LeftBehind()),) == world.kiosk.pad


def test_the_next_patron_is_not_lent_what_the_last_one_left_on_the_pad() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle()
    world.press("finish")
    world.card("PAT-7002")
    world.settle()

    assert isinstance(world.kiosk.visit, s.Lending)
    assert world.kiosk.visit.rows == ()

    world.lift("31001")
    world.lay("31001")
    world.settle()

    assert world.stage("31001") == LENT


def test_another_card_ends_the_visit_before_it_and_nothing_is_mixed_up() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.carry_out()
    world.tell(e.CardPlaced(world.now, "PAT-7002", "v9"))
    assert isinstance(world.kiosk.visit, s.Lending)
    world.settle()

    assert isinstance(world.kiosk.visit, s.Lending)
    assert world.kiosk.visit.card == "PAT-7002"
    assert world.kiosk.visit.rows == ()


def test_who_packs_the_bag_on_the_pad_returns_nothing() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle()
    world.lift("31001")
    world.press("finish")
    world.wait(6)
    world.lay("31001")
    world.wait(30)
    world.settle()

    assert isinstance(world.kiosk.visit, s.Idle)
    assert not any(isinstance(effect, e.CheckIn) for effect in world.committed)

    world.press("return")
    world.wait(2)
    world.settle()

    assert world.stage("31001") == s.Returned()


def test_a_little_later_it_is_a_return_like_any_other() -> None:
    world = World()
    world.card()
    world.lay("31001")
    world.settle()
    world.lift("31001")
    world.press("finish")
    world.wait(21)
    world.lay("31001")
    world.wait(2)
    world.settle()

    assert world.stage("31001") == s.Returned()
    assert world.kiosk.lately == ()
