"""The bin as a step: returns, read-back, full, and the sentence that holds for any history."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.bin import (
    Bin,
    BinEffect,
    BinEvent,
    CheckedIn,
    CheckIn,
    Conditions,
    Emptied,
    ItemPlaced,
    KeepCount,
    NoteSecured,
    SayService,
    Secure,
    SecuredNoted,
    TagGone,
    TagsWritten,
    TellFull,
    step,
)
from kiosk.secure import Outcome, Written

OPEN = Conditions(room=True, pad=True, open=True)


def play(state: Bin, *events: BinEvent) -> tuple[Bin, list[BinEffect]]:
    told: list[BinEffect] = []
    for event in events:
        state, effects = step(state, event)
        told += effects
    return state, told


def written(item: str, uid: str, outcome: Outcome = "verified") -> TagsWritten:
    return TagsWritten(item, frozenset({uid}), Written(outcome, 7 if outcome == "verified" else None))


def test_a_return_is_written_down_then_secured_then_the_outcome_is_written_down() -> None:
    state, told = play(
        Bin(full_at=9),
        ItemPlaced("E1", "30001"),
        CheckedIn("30001", "c1"),
        written("30001", "E1"),
        SecuredNoted("30001"),
    )

    assert told == [
        CheckIn("30001"),
        Secure("30001", frozenset({"E1"})),
        KeepCount(1),
        NoteSecured("30001", "c1", "verified", 7),
    ]
    assert state.count == 1


def test_an_item_that_stays_before_the_antenna_is_returned_once() -> None:
    state, _ = play(
        Bin(full_at=9),
        ItemPlaced("E1", "30001"),
        CheckedIn("30001", "c1"),
        written("30001", "E1"),
        SecuredNoted("30001"),
    )
    state, told = play(state, OPEN, ItemPlaced("E1", "30001"))

    assert [one for one in told if isinstance(one, CheckIn)] == []


def test_an_item_that_comes_back_later_is_returned_again() -> None:
    done = (CheckedIn("30001", "c1"), written("30001", "E1"), SecuredNoted("30001"))
    state, _ = play(Bin(full_at=9), ItemPlaced("E1", "30001"), *done, TagGone("E1"))
    _, told = play(state, ItemPlaced("E1", "30001"))

    assert told == [CheckIn("30001")]


def test_a_full_bin_says_so_once_and_takes_nothing() -> None:
    state, told = play(
        Bin(full_at=1), ItemPlaced("E1", "30001"), CheckedIn("30001", "c1"), ItemPlaced("E2", "30002")
    )

    assert [one for one in told if isinstance(one, SayService | TellFull)] == [
        SayService("bin full"),
        TellFull(),
    ]
    assert CheckIn("30002") not in told

    _, told = play(state, Emptied())

    assert told == [KeepCount(0), SayService(""), CheckIn("30002")]


def test_a_full_outbox_closes_the_bin_with_its_reason() -> None:
    _, told = play(Bin(full_at=9), Conditions(room=False, pad=True, open=True), ItemPlaced("E1", "30001"))

    assert told == [SayService("outbox full")]


def test_a_set_of_two_parts_is_one_return_and_both_tags_are_secured() -> None:
    _, told = play(
        Bin(full_at=9),
        ItemPlaced("E1", "30001"),
        ItemPlaced("E2", "30001"),
        CheckedIn("30001", "c1"),
        TagsWritten("30001", frozenset({"E1", "E2"}), Written("verified", 7)),
        SecuredNoted("30001"),
    )

    assert [one for one in told if isinstance(one, CheckIn | Secure)] == [
        CheckIn("30001"),
        Secure("30001", frozenset({"E1", "E2"})),
    ]


def test_a_tag_that_was_taken_away_unwritten_is_told_as_failed() -> None:
    _, told = play(
        Bin(full_at=9),
        ItemPlaced("E1", "30001"),
        TagGone("E1"),
        CheckedIn("30001", "c1"),
        written("30001", "E1", "gone"),
    )

    assert told[-1] == NoteSecured("30001", "c1", "failed", None)


def test_a_part_that_failed_is_not_forgotten_for_one_that_was_secured_later() -> None:
    _, told = play(
        Bin(full_at=9),
        ItemPlaced("E1", "30001"),
        CheckedIn("30001", "c1"),
        ItemPlaced("E2", "30001"),
        written("30001", "E1", "failed"),
        written("30001", "E2"),
    )

    assert told[-1] == NoteSecured("30001", "c1", "failed", None)


@dataclass
class World:
    """Tags, an outbox that may be full, and effects that wait to be carried out in any order."""

    state: Bin = field(default_factory=lambda: Bin(full_at=4))
    pending: list[BinEffect] = field(default_factory=list)
    clear: set[str] = field(default_factory=lambda: {f"E{n}" for n in range(6)})
    returned: dict[str, str] = field(default_factory=dict)
    told: dict[str, list[str]] = field(default_factory=dict)
    wrote: dict[str, set[str]] = field(default_factory=dict)

    def do(self, event: BinEvent) -> None:
        self.state, effects = step(self.state, event)
        self.pending += effects

    def carry_out(self, index: int, outcome: Outcome, room: bool) -> None:
        if not self.pending:
            return
        effect = self.pending.pop(index % len(self.pending))
        match effect:
            case CheckIn(item=item):
                checkin = f"c{len(self.returned)}" if room else ""
                if checkin:
                    self.returned[checkin] = item
                self.do(CheckedIn(item, checkin))
            case Secure(item=item, uids=uids):
                if outcome == "verified":
                    self.clear -= uids
                slot = self.state.slots[item]
                self.wrote.setdefault(slot.checkin, set()).update(uids)
                self.do(TagsWritten(item, uids, Written(outcome)))
            case NoteSecured(item=item, checkin=checkin, outcome=said):
                self.told.setdefault(checkin, []).append(said)
                self.do(SecuredNoted(item))
            case KeepCount() | SayService() | TellFull():
                pass


ITEM = {"E0": "30000", "E1": "30000", "E2": "30002", "E3": "30003", "E4": "30004", "E5": "30005"}
UIDS = st.sampled_from(sorted(ITEM))
MOVES = st.one_of(
    st.tuples(st.just("place"), UIDS),
    st.tuples(st.just("gone"), UIDS),
    st.tuples(st.just("conditions"), st.tuples(st.booleans(), st.booleans(), st.booleans())),
    st.tuples(st.just("emptied"), st.none()),
    st.tuples(
        st.just("carry"),
        st.tuples(
            st.integers(0, 5), st.sampled_from(["verified", "failed", "gone", "unknown"]), st.booleans()
        ),
    ),
)


@settings(max_examples=400)
@given(st.lists(MOVES, max_size=60))
def test_no_history_ends_with_a_return_and_a_clear_tag_without_a_fact_that_opens_a_case(
    moves: list[tuple[str, object]],
) -> None:
    world = World()
    present: set[str] = set()
    for kind, value in moves:
        match kind, value:
            case "place", str(uid) if uid not in present:
                present.add(uid)
                world.do(ItemPlaced(uid, ITEM[uid]))
            case "gone", str(uid) if uid in present:
                present.discard(uid)
                world.do(TagGone(uid))
            case "conditions", (bool(room), bool(pad), bool(opened)):
                world.do(Conditions(room, pad, opened))
            case "emptied", _:
                world.do(Emptied())
            case "carry", (int(index), outcome, bool(room)):
                world.carry_out(index, outcome, room)  # type: ignore[arg-type]  # one of the four by the strategy
    while world.pending:
        world.carry_out(0, "failed", True)

    for checkin in world.returned:
        assert world.told[checkin], "every return has its outcome"
        if any(uid in world.clear for uid in world.wrote[checkin]):
            assert set(world.told[checkin]) - {"verified"}, "a clear tag has a fact that opens a case"
    for slot in world.state.slots.values():
        assert slot.phase in ("done", "refused")


@given(st.lists(MOVES, max_size=60))
def test_a_closed_bin_never_begins_a_return(moves: list[tuple[str, object]]) -> None:
    state = Bin(full_at=2)
    for kind, value in moves:
        before = state.closed_because
        effects: tuple[BinEffect, ...] = ()
        match kind, value:
            case "place", str(uid):
                state, effects = step(state, ItemPlaced(uid, ITEM[uid]))
            case "conditions", (bool(room), bool(pad), bool(opened)):
                state, _ = step(state, Conditions(room, pad, opened))
            case "gone", str(uid):
                state, _ = step(state, TagGone(uid))

        assert not (before and any(isinstance(one, CheckIn) for one in effects))
