"""The guard of the bench: it speaks up for what became slower, and keeps still about what only swings."""

import json

from tests.bench.table import RECORDED, compare, table, together


def found(
    *p50_ms: float, rate: int = 2000, facts_per_s: tuple[float, ...] = (6000, 6100, 6200)
) -> dict[str, object]:
    chains = [
        {"kind": "tls", "facts_per_s": one, "limit": 30_000, "central_cpu_us": 120, "limit_cpu_us": 24}
        for one in facts_per_s
    ]
    floor = {"p50_ms": 0.5, "p99_ms": 2.0}
    return {
        "chains": chains,
        "paced": [{"rate": rate, "p50_ms": p50, "p99_ms": 4.0, "floor": floor} for p50 in p50_ms],
    }


def worse(before: dict[str, object], after: dict[str, object]) -> list[str]:
    text, names = compare(before, after)
    assert [line.split("|")[1].strip() for line in text.splitlines() if "WORSE" in line] == names
    return names


SLOWER = ["p50 at 2000/s over the floor"]


def test_what_became_slower_in_every_round_is_named() -> None:
    assert worse(found(0.8, 0.9, 1.0), found(1.2, 1.3, 1.4)) == SLOWER


def test_of_what_swings_one_slow_round_is_the_machine() -> None:
    assert worse(found(0.8, 0.9, 1.0), found(0.9, 1.3, 3.0)) == []


def test_of_what_swings_all_that_lies_within_the_rounds_before_is_no_change() -> None:
    assert worse(found(0.8, 0.9, 2.0), found(1.2, 1.3, 1.4)) == []


def test_what_is_steady_is_named_by_its_middle_alone() -> None:
    before, after = found(0.8, 0.9, 2.0, rate=500), found(0.9, 1.3, 1.4, rate=500)

    assert worse(before, after) == ["p50 at 500/s over the floor"]


def test_a_little_slower_is_no_change() -> None:
    assert worse(found(0.8, 0.9, 1.0), found(1.05, 1.1, 1.12)) == []


def test_fewer_facts_a_second_are_worse_and_more_are_not() -> None:
    less = found(0.9, facts_per_s=(3000, 3100, 3200))

    assert worse(found(0.9), less) == ["throughput, tls"]
    assert worse(less, found(0.9)) == []


def test_runs_of_a_good_and_a_bad_hour_are_kept_together() -> None:
    good, bad = found(0.8, 0.9) | {"at": "10:00"}, found(1.9, 2.0) | {"at": "11:00"}
    both = together([good, bad])

    assert worse(good, bad) == SLOWER
    assert worse(both, bad) == []
    assert worse(both, found(2.1, 2.2)) == SLOWER
    assert together([both, good])["runs"] == ["10:00", "11:00", "10:00"]


def test_what_is_recorded_can_be_shown_and_compared_with() -> None:
    recorded = json.loads(RECORDED.read_text())
    slow = [one | {"p50_ms": one["p50_ms"] * 100} for one in recorded["paced"]]
    rates = [one["rate"] for one in recorded["paced"]]

    assert all(f"| {rate}/s |" in table(recorded) for rate in rates)
    assert worse(recorded, recorded | {"paced": slow}) == sorted(
        {f"p50 at {n}/s over the floor" for n in rates}
    )
