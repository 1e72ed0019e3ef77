"""A book that the patron had already lies on the pad unlocked: lifted early, it is not called locked."""

from visit_world import DUE, World

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.view import screen

UNLOCKED = {"E004310011": False}


def lifted_while_it_is_renewed(world: World, item: str) -> None:
    world.lay(item)
    world.carry_out()
    world.answer(world.answers.pop(), renewed=True)
    world.lift(item)
    world.carry_out(write="gone")
    assert isinstance(world.stage(item), s.Away)


def said(world: World) -> str:
    return repr(screen(world.kiosk, world.now))


def test_a_renewed_book_that_was_unlocked_is_not_said_to_set_off_the_gate() -> None:
    world = World(secured=dict(UNLOCKED))
    world.card()
    lifted_while_it_is_renewed(world, "31001")

    assert "Not finished" in said(world)
    assert "Still locked" not in said(world)
    world.press("finish")
    assert "Go on without" in said(world)
    assert "gate" not in said(world)

    world.lay("31001")
    world.settle(renewed=True)
    assert world.stage("31001") == s.Lent(DUE, renewed=True)


def test_who_goes_on_without_it_takes_only_the_renewal_back() -> None:
    world = World(secured=dict(UNLOCKED))
    world.card()
    lifted_while_it_is_renewed(world, "31001")
    world.press("finish")
    world.press("finish")
    world.settle()

    assert world.notes() == [e.Withdraw("r2", "left")]
    assert isinstance(world.kiosk.visit, s.Idle)


def test_a_renewed_book_that_was_locked_after_all_is_said_to_be() -> None:
    world = World()
    world.card()
    lifted_while_it_is_renewed(world, "31001")

    assert "Still locked" in said(world)


def test_only_what_is_locked_is_named_in_the_question_about_the_gate() -> None:
    world = World(secured=dict(UNLOCKED))
    world.card()
    lifted_while_it_is_renewed(world, "31001")
    world.lay("31002")
    world.carry_out()
    world.answer(world.answers.pop())
    world.lift("31002")
    world.carry_out(write="gone")
    world.press("finish")

    dialog = screen(world.kiosk, world.now).dialog
    assert dialog is not None
    assert "locked" in dialog.title
    assert "The Hobbit" not in repr(dialog)
    assert "Momo" in repr(dialog)
