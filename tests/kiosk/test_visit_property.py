"""Sentences that must hold for any history at the pad: patrons, cards, cables, slow lines, stubborn tags."""

from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from visit_world import World

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.view import screen
from kiosk.visit import step
from kiosk.visit_offer import offers
from wire.messages.stream import Refusal

ITEMS = ("31001", "31002", "31003")
CARDS = ("PAT-7001", "PAT-7002")
BUTTONS = get_args(e.ButtonName)
VALUES = ("", "on", "off", "1", "2", "3", "light", "dark", "contrast", "en", "de", "xx", ITEMS[0])
PERSONAL = (*CARDS, "Greta", *ITEMS, "The Hobbit", "Momo", "Dune")


class Desk(World):
    """A world that also keeps the truth: loans, cases, and whether a write was allowed."""

    def carry_one(self, effect: e.Effect, *, write: str = "verified", account: object = None) -> None:
        if isinstance(effect, e.NoteWritten) or (
            isinstance(effect, e.NoteSecured) and effect.outcome == "verified"
        ):
            job = self.jobs[note_key(effect)]
            assert {job.secured} == {self.secured[uid] for uid in job.uids}, (
                "verified means: so it is on the tags"
            )
        if isinstance(effect, e.WriteTags):
            self._may_write(effect)
            self.jobs[effect.key] = effect
            if write == "unknown":  # nobody can say: half of the tags took it
                self.secured.update(dict.fromkeys(effect.uids[:1], effect.secured))
                self.tell(e.WriteEnded(self.now, effect.key, "unknown", None))
                return
        super().carry_one(effect, write=write)

    def _may_write(self, effect: e.WriteTags) -> None:
        ended = {note_key(note) for note in self.notes()}
        assert effect.key not in ended, "a request that was withdrawn or noted is never written"
        if not effect.secured:
            assert effect.key in self.granted, "only a granted request is written"
        self.writes[effect.key] = self.writes.get(effect.key, 0) + 1


def note_key(note: e.Effect) -> str:
    match note:
        case e.Withdraw(key) | e.NoteWritten(key) | e.NoteUnknown(key) | e.NoteSecured(key):
            return key
        case _:
            raise AssertionError(note)


class Kiosk(RuleBasedStateMachine):
    """Random patrons at one kiosk. The world brings outcomes late, in order, and of every kind."""

    @initialize()
    def open(self) -> None:
        self.world = Desk()
        self.world.granted, self.world.refused = set(), set()
        self.world.jobs, self.world.writes = {}, {}

    @rule(card=st.sampled_from(CARDS))
    def lay_card(self, card: str) -> None:
        self.world.tell(e.CardPlaced(self.world.now, card, f"v{next(self.world.ids)}"))

    @rule()
    def take_card(self) -> None:
        self.world.take_card()

    @rule(item=st.sampled_from(ITEMS))
    def lay(self, item: str) -> None:
        if item == "31003":
            self.world.lay(item, part=1, parts=2)
        else:
            self.world.lay(item)

    @rule()
    def lay_second_part(self) -> None:
        self.world.lay("31003", part=2, parts=2)

    @rule(item=st.sampled_from(ITEMS), part=st.sampled_from((1, 2)))
    def lift(self, item: str, part: int) -> None:
        self.world.lift(item, part=part)

    @rule(outcome=st.sampled_from(("verified", "verified", "failed", "gone", "unknown")))
    def outcome(self, outcome: str) -> None:
        if self.world.waiting:
            self.world.carry_one(self.world.waiting.pop(0), write=outcome)

    @rule()
    def outcomes(self) -> None:
        self.world.carry_out()

    @rule(item=st.sampled_from(ITEMS[:2]), card=st.sampled_from(CARDS))
    def come_as_far_as_the_write(self, item: str, card: str) -> None:
        self.lay_card(card)
        self.world.carry_out()
        self.world.lift(item)
        self.world.lay(item)
        while self.world.waiting and not isinstance(self.world.waiting[0], e.WriteTags):
            self.outcome("verified")
        self.answer(refused=False, late=False)

    @rule(refused=st.booleans(), late=st.booleans())
    def answer(self, refused: bool, late: bool) -> None:
        if not self.world.answers:
            return
        request = self.world.answers[0] if late else self.world.answers.pop(0)
        item = self.world.items[request]
        if request in self.world.refused or (refused and request not in self.world.granted):
            self.world.refusals[item] = Refusal(code="on-hold")
            self.world.refused.add(request)
        else:
            self.world.granted.add(request)
            self.world.refusals.pop(item, None)
        self.world.answer(request)

    @rule(seconds=st.sampled_from((0.25, 2.0, 9.0, 80.0)))
    def wait(self, seconds: float) -> None:
        until = self.world.now + seconds
        while self.world.now < until:
            self.world.now += min(2.0, seconds)
            self.world.tell(e.Tick(self.world.now))

    @rule(data=st.data())
    def press(self, data: st.DataObject) -> None:
        """Press what the screen shows, as a finger can."""
        self.world.press(*data.draw(st.sampled_from(self.on_screen())))

    @rule(button=st.sampled_from(BUTTONS), value=st.sampled_from(VALUES), later=st.sampled_from((0.0, 2.0)))
    def press_what_is_not_there(self, button: str, value: str, later: float) -> None:
        if (button, value) in self.on_screen():
            return
        before = self.world.kiosk

        after, effects = step(before, e.Pressed(self.world.now + later, button, value))

        assert (after, effects) == (before, ())

    def on_screen(self) -> list[tuple[str, str]]:
        """Return the buttons that can be pressed: a dialog makes everything behind it inert."""
        shown = screen(self.world.kiosk, self.world.now)
        buttons = shown.dialog.buttons if shown.dialog else (*shown.buttons, *shown.fixed, *shown.bar)
        return [(button.action, button.value) for button in buttons]

    @rule(
        lending=st.booleans(),
        returns=st.booleans(),
        pad=st.booleans(),
        receipt=st.sampled_from(("none", "ready", "paper-out")),
    )
    def conditions(self, lending: bool, returns: bool, pad: bool, receipt: str) -> None:
        works = s.Conditions(lending=lending, returns=returns, pad=pad, receipt=receipt)
        self.world.tell(e.ConditionsChanged(self.world.now, works))

    # --- what must hold ---

    @invariant()
    def what_was_said_had_been_committed(self) -> None:
        visit = self.world.kiosk.visit
        if not isinstance(visit, s.Listing):
            return
        for row in visit.rows:
            mine = [n for n in self.world.notes() if self.world.items[note_key(n)] == row.item]
            match row.stage:
                case s.Lent():
                    assert isinstance(mine[-1], e.NoteWritten)
                case s.NotLent(reason) if reason != "full":
                    assert isinstance(mine[-1], e.Withdraw)
                case s.Unsure():
                    assert isinstance(mine[-1], e.NoteUnknown)
                case s.Returned():
                    assert mine[-1].outcome == "verified"
                case s.HandIn():
                    assert mine[-1].outcome != "verified"

    @invariant()
    def each_request_and_checkin_is_noted_at_most_once(self) -> None:
        keys = [note_key(note) for note in self.world.notes()]

        assert len(set(keys)) == len(keys)

    @invariant()
    def after_a_visit_nothing_waits_and_nothing_personal_is_left(self) -> None:
        kiosk = self.world.kiosk
        if not isinstance(kiosk.visit, s.Idle | s.Goodbye):
            return
        personal = PERSONAL if isinstance(kiosk.visit, s.Goodbye) else PERSONAL[:3] + PERSONAL[-3:]
        left = repr(kiosk.visit) + repr(kiosk.comfort) + repr(kiosk.lately)
        assert [word for word in personal if word in left] == []
        noted = {note_key(note) for note in self.world.notes()}
        assert set() == set(self.world.items) - noted - self.world.refused

    @invariant()
    def the_step_takes_what_the_screen_offers(self) -> None:
        assert sorted(offers(self.world.kiosk)) == sorted(self.on_screen())

    @invariant()
    def at_most_one_write_is_in_flight_for_an_item(self) -> None:
        keys = [w.key for w in self.world.waiting if isinstance(w, e.WriteTags)]

        assert len(set(keys)) == len(keys)

    def teardown(self) -> None:
        """However it went: once everybody has left, each loan has its tag or its case."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.tell(e.ConditionsChanged(world.now, s.Conditions()))
        for _ in range(4):
            world.go()
            world.carry_out()
            world.wait(20)
            world.carry_out()
        noted = {note_key(note) for note in world.notes()}
        assert set() == set(world.items) - noted - world.refused


TestKiosk = Kiosk.TestCase
TestKiosk.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
