"""What central makes of states and samples: presence, the worst thing first, counts of the day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central import fleet
from central.alarms.book import Book
from central.alarms.rules import Key, Thresholds, conditions, judged
from central.fleet import StationView
from central.telemetry.intake import clean, point
from wire.messages.states import Part, Parts, Sample, Status, Work

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
FRESH = StationView("kiosk-1", "main", "kiosk", "By the door", NOW)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def status(state: str = "online", boot: str = "A", heartbeat_s: int = 30) -> Status:
    said = {
        "state": state,
        "boot": boot,
        "at": NOW,
        "kind": "kiosk",
        "version": "1",
        "heartbeat_s": heartbeat_s,
    }
    return Status.model_validate(said)


def online(boot: str = "A") -> StationView:
    return fleet.on_status(FRESH, status(boot=boot), NOW)


def parts(**states: str) -> Parts:
    found = [
        Part.model_validate({"part": name, "state": state, "since": NOW}) for name, state in states.items()
    ]
    return Parts(boot="A", at=NOW, parts=tuple(found))


def work(service: str = "open", *, oldest: float | None = None, reason: str = "") -> Work:
    return Work.model_validate(
        {"boot": "A", "at": NOW, "service": service, "reason": reason, "outbox_open": 3, "outbox_fill": 0.1,
         "outbox_oldest": None if oldest is None else at(oldest)}
    )  # fmt: skip


def sample(n: int, boot: str = "A", clock: str = "synced", **values: float) -> Sample:
    return Sample.model_validate(
        {"at": NOW, "clock": clock, "boot": boot, "mono": 1, "n": n, "values": values}
    )


def test_gates_are_behind_while_a_kiosk_of_their_branch_may_have_lent_unheard() -> None:
    gate = StationView("gate-1", "main", "gate", "Gate", NOW)
    other = StationView("gate-2", "annex", "gate", "Gate of the annex", NOW)
    fine = online()
    waiting = fleet.on_work(fine, work(oldest=0), NOW)
    gone = fleet.on_status(waiting, status("left"), NOW)

    def behind(kiosk: StationView, seconds: float = 9) -> tuple[str, ...]:
        return fleet.behind((gate, other, kiosk), at(seconds))

    assert behind(FRESH) == (), "it was never seen, so it lent nothing"
    assert behind(fine) == ()
    assert behind(waiting, 8) == ()
    assert behind(waiting, 8.1) == ("gate-1",)
    assert behind(fleet.on_status(fine, status("lost"), NOW)) == ("gate-1",)
    assert behind(fine, 91) == ("gate-1",), "no news"
    assert behind(gone) == ("gate-1",), "switched off with entries in its outbox"
    assert behind(fleet.on_status(fine, status("left"), NOW)) == ()


def test_the_death_of_another_boot_is_ignored() -> None:
    second = fleet.on_status(online("A"), status(boot="B"), at(5))

    assert fleet.on_status(second, status("lost", "A"), at(6)) is second
    assert fleet.presence(fleet.on_status(second, status("lost", "B"), at(6)), at(6)) == "lost"
    assert fleet.presence(fleet.on_status(second, status("left", "B"), at(6)), at(6)) == "left"


@pytest.mark.parametrize(
    ("silent", "there"), [(0, "online"), (90, "online"), (91, "stale"), (180, "stale"), (181, "lost")]
)
def test_silence_is_stale_after_three_heartbeats_and_then_lost(silent: float, there: str) -> None:
    assert fleet.presence(online(), at(silent)) == there


def test_any_word_of_a_station_ends_its_silence() -> None:
    view = online()

    for heard in (
        fleet.on_work(view, work(), at(300)),
        fleet.on_parts(view, parts(pad="ok"), at(300)),
        fleet.on_sample(view, "pad", sample(1, response_ms=1.0), at(300)),
    ):
        assert fleet.presence(heard, at(301)) == "online"


def test_the_worst_thing_gives_the_word() -> None:
    view = fleet.on_work(online(), work("returns-only", oldest=-120), NOW)
    degraded = fleet.on_parts(view, parts(pad="degraded", printer="ok"), NOW)
    lost = fleet.on_parts(view, parts(pad="degraded", printer="lost"), NOW)

    assert fleet.worst(FRESH, NOW) == ("silent", "not seen yet")
    assert fleet.worst(online(), NOW) == ("ok", "fine")
    assert fleet.worst(view, NOW) == ("look", "3 waiting")
    assert fleet.worst(degraded, NOW) == ("look", "pad degraded")
    assert fleet.worst(lost, NOW) == ("act", "printer lost")
    assert fleet.worst(lost, at(1000)) == ("act", "lost")
    assert fleet.worst(fleet.on_work(online(), work("closed", reason="inventory"), NOW), NOW) == (
        "look",
        "closed: inventory",
    )


@given(st.lists(st.integers(1, 60), unique=True, min_size=1).map(sorted))
def test_samples_that_did_not_arrive_are_counted_and_a_new_boot_begins_anew(arrived: list[int]) -> None:
    view = online()
    for number in arrived:
        view = fleet.on_sample(view, "pad", sample(number, response_ms=float(number)), NOW)
    missing = arrived[-1] - arrived[0] + 1 - len(arrived)
    after = fleet.on_sample(view, "pad", sample(1, boot="B", response_ms=0.5), NOW)

    assert (view.samples_lost, after.samples_lost) == (missing, missing)
    assert fleet.entry(after, NOW).values == {"pad.response_ms": 0.5}


def test_counts_are_of_one_local_day_and_never_below_nothing() -> None:
    view = fleet.on_loan(FRESH, "2026-05-01", loans=2)
    late = fleet.on_loan(view, "2026-04-30", loans=5)
    withdrawn = fleet.on_loan(fleet.on_loan(view, "2026-05-01", loans=-1), "2026-05-01", loans=-5, returns=1)
    tomorrow = fleet.on_loan(view, "2026-05-02", returns=1)

    assert (late.loans_today, withdrawn.loans_today, withdrawn.returns_today) == (2, 0, 1)
    assert (tomorrow.loans_today, tomorrow.returns_today) == (0, 1)


# --- conditions


def rules(view: StationView, *standing: Key, seconds: float = 0) -> set[tuple[str, str]]:
    found = conditions(view, frozenset(standing), Thresholds(), at(seconds))
    return {(one.key.part, one.key.rule) for one in found}


def test_thresholds_have_a_value_to_raise_and_one_to_clear() -> None:
    old = Key("kiosk-1", "", "outbox-old")

    assert rules(fleet.on_work(online(), work(oldest=-61), NOW)) == {("", "outbox-old")}
    assert rules(fleet.on_work(online(), work(oldest=-30), NOW)) == set()
    assert rules(fleet.on_work(online(), work(oldest=-30), NOW), old) == {("", "outbox-old")}


@pytest.mark.parametrize(
    ("level", "found"), [(2.0, []), (1.0, [("look", 5.0, 20.0)]), (0.0, [("act", 0.0, 20.0)])]
)
def test_paper_near_its_end_is_to_be_looked_at_and_no_paper_is_to_be_acted_on(
    level: float, found: list[tuple[str, float, float]]
) -> None:
    view = fleet.on_sample(online(), "printer", sample(1, paper_level=level), NOW)
    stands = [*conditions(view, frozenset(), Thresholds(), NOW)]

    assert [(one.severity, one.for_s, one.keep_s) for one in stands] == found
    assert {one.key for one in stands} <= {Key("kiosk-1", "printer", "paper-low")}
    assert all((one.seen, one.why, one.do) for one in stands)


def test_a_sensor_that_flickers_at_the_edge_of_a_roll_is_one_alarm_that_ends_with_a_refill() -> None:
    book, view, said = Book(), online(), []
    key = Key("kiosk-1", "printer", "paper-low")
    levels = [2, *[1] * 8, 2, 1, 2, 1, *[0] * 3, *[2] * 25]
    for second, level in enumerate(levels):
        view = fleet.on_sample(view, "printer", sample(second + 1, paper_level=float(level)), at(second))
        found = conditions(view, book.standing, Thresholds(), at(second))
        said += book.update(found, {key}, (f"alarm-{second}",), at(second))

    assert [(one.severity, one.standing, one.since, one.times) for one in said] == [
        ("look", True, at(6), 1),
        ("act", True, at(6), 1),
        ("act", False, at(6), 1),
    ]
    assert said[-1].returned_at == at(len(levels) - 25 + 20)


@pytest.mark.parametrize(
    "part", ["lamp", "barriers", "people-counter", "printer", "card-reader", "a-part-of-tomorrow"]
)
def test_a_part_that_works_badly_is_to_be_looked_at(part: str) -> None:
    view = fleet.on_parts(online(), parts(**{part: "degraded", "pad": "ok"}), NOW)
    (found,) = conditions(view, frozenset(), Thresholds(), NOW)

    assert (found.key, found.severity) == (Key("kiosk-1", part, "device-degraded"), "look")
    assert part in found.seen
    assert all((found.why, found.do))
    assert found.for_s > 0
    assert found.explained_by is None


def through(**states: str) -> Parts:
    said = parts(**states)
    reached = [one.model_copy(update={"through": "pad"} if one.part != "pad" else {}) for one in said.parts]
    return said.model_copy(update={"parts": tuple(reached)})


@pytest.mark.parametrize("state", ["lost", "degraded"])
def test_what_is_reached_through_a_lost_part_is_explained_by_it(state: str) -> None:
    pad = Key("kiosk-1", "pad", "device-lost")
    for own, cause in (("lost", pad), ("ok", None)):
        view = fleet.on_parts(online(), through(pad=own, lamp=state), NOW)
        found = {one.key: one for one in conditions(view, frozenset(), Thresholds(), NOW)}
        assert found[Key("kiosk-1", "lamp", f"device-{state}")].explained_by == cause
        assert own == "ok" or found[pad].explained_by is None


def test_a_printer_that_only_wants_paper_is_one_alarm() -> None:
    view = fleet.on_parts(online(), parts(printer="degraded"), NOW)
    empty = fleet.on_sample(view, "printer", sample(1, paper_level=0.0), NOW)
    full = fleet.on_sample(view, "printer", sample(1, paper_level=2.0), NOW)
    found = {one.key.rule: one.explained_by for one in conditions(empty, frozenset(), Thresholds(), NOW)}

    assert found == {"paper-low": None, "device-degraded": Key("kiosk-1", "printer", "paper-low")}
    assert rules(full) == {("printer", "device-degraded")}


def test_a_part_that_was_degraded_before_it_was_lost_is_one_alarm_then() -> None:
    book, view = Book(), fleet.on_parts(online(), parts(lamp="degraded"), NOW)
    keys = {Key("kiosk-1", "lamp", rule) for rule in ("device-lost", "device-degraded")}
    for second in range(12):
        if second == 6:
            view = fleet.on_parts(view, parts(lamp="lost"), at(second))
        found = conditions(view, book.standing, Thresholds(), at(second))
        book.update(found, keys, (f"{second}-{n}" for n in range(2)), at(second))

    assert {key.rule: alarm.state for key, alarm in book.alarms.items()} == {
        "device-degraded": "suppressed", "device-lost": "unacknowledged",
    }  # fmt: skip


def test_a_lost_station_is_one_condition_and_its_parts_cannot_be_judged() -> None:
    view = fleet.on_parts(online(), parts(pad="lost"), NOW)
    known = {Key("kiosk-1", "pad", "device-lost"), Key("kiosk-1", "", "station-lost")}

    assert rules(view) == {("pad", "device-lost")}
    assert rules(view, seconds=1000) == {("", "station-lost")}
    assert judged(view, known, NOW) == known
    assert judged(view, known, at(1000)) == {Key("kiosk-1", "", "station-lost")}


def test_every_condition_says_what_was_seen_why_it_matters_and_what_to_do() -> None:
    view = fleet.on_parts(fleet.on_work(online(), work(oldest=-61), NOW), parts(pad="lost", lamp="lost"), NOW)
    found = [*conditions(view, frozenset(), Thresholds(), NOW)]
    found += conditions(online(), frozenset(), Thresholds(), at(1000))

    assert len(found) == 4
    for one in found:
        assert all((one.seen, one.why, one.do))
        assert max(len(one.seen), len(one.why), len(one.do)) <= 300


# --- samples


@pytest.mark.parametrize(
    ("part", "values", "kept"),
    [
        ("pad", {"response_ms": 1.0}, {"response_ms": 1.0}),
        ("Pad!", {"response_ms": 1.0}, None),
        ("pad", {"A name": 1.0, "ok": 2.0}, {"ok": 2.0}),
        ("pad", {"ok": float("nan")}, None),
        ("pad", {f"v{n}": 1.0 for n in range(100)}, {f"v{n}": 1.0 for n in range(64)}),
    ],
)
def test_only_names_and_finite_numbers_get_past_the_door(
    part: str, values: dict[str, float], kept: dict[str, float] | None
) -> None:
    cleaned = clean(part, sample(1).model_copy(update={"values": values}))

    assert (cleaned.values if cleaned else None) == kept


def test_a_clock_that_is_far_off_is_not_believed() -> None:
    told = sample(1, response_ms=1.0)

    assert point("main", "kiosk-1", "pad", told, at(30)).at == NOW
    assert point("main", "kiosk-1", "pad", told, at(90)).at == at(90)
    assert point("main", "kiosk-1", "pad", sample(1, clock="free", x=1.0), at(3)).at == at(3)
