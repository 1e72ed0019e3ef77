"""Nothing lost, nothing doubled, whatever is killed; and the day that sees it turns red without the rules.

The rules are patched out of a copy of the tree; the product has no switch for them. What each needs to be
seen in half a minute (an outbox that keeps nothing that is confirmed, a commit that takes a while, as on a
slow disk) is patched into the control, too, and the control stays green.
"""

from pathlib import Path

import pytest
from chaos_mutants import FORGETS_ON_PUBACK, NO_DEDUPE, RESUME_BEFORE_COMMIT, SLOW_COMMIT
from fire import ROOT, Patch, copy_tree, play

NOTHING_KEPT: tuple[Patch, ...] = (
    ("kiosk/station.py", "keep=timedelta(days=settings.outbox.keep_days)", "keep=timedelta(0)"),
    ("wire/uplink.py", "PRUNE_S = 60.0", "PRUNE_S = 0.05"),
)
CONTROL = (*NOTHING_KEPT, SLOW_COMMIT)

BUSY = ("--seconds", "25", "--gap", "0.7", "--kill-every", "2.0")


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.pcscd
@pytest.mark.parametrize(
    ("seed", "victims"),
    [(3, ("central", "broker")), (4, ("kiosk-1", "kiosk-2", "bin-1")), (5, ("central", "broker", "kiosk-2"))],
)
def test_kill_minus_nine_loses_and_doubles_nothing(
    tmp_path: Path, seed: int, victims: tuple[str, ...]
) -> None:
    kills = [word for victim in victims for word in ("--kill", victim)]

    day = play(ROOT, tmp_path / "day", "--seed", str(seed), "--seconds", "25", "--kill-every", "3", *kills)

    assert day.code == 0, (day.found, day.words)
    assert (day.found["lost"], day.found["doubled"]) == (0, 0)
    assert sum(day.found["kills"].values()) >= 3
    assert day.found["loans"] >= 5


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.pcscd
def test_the_control_of_the_mutants_is_green(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree", CONTROL)

    day = play(tree, tmp_path / "day", "--seed", "11", "--kill", "central", *BUSY)

    assert day.code == 0, (day.found, day.words)


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.pcscd
@pytest.mark.parametrize(
    "patches",
    [(RESUME_BEFORE_COMMIT,), (FORGETS_ON_PUBACK,), NO_DEDUPE],
    ids=["resume before the commit", "outbox forgets on PUBACK", "no dedupe"],
)
def test_the_day_turns_red_without_the_rule(tmp_path: Path, patches: tuple[Patch, ...]) -> None:
    tree = copy_tree(tmp_path / "tree", (*CONTROL, *patches))

    for seed in ("11", "12", "13"):
        day = play(
            tree, tmp_path / f"day-{seed}", "--seed", seed, "--kill", "central", "--kill", "broker", *BUSY
        )
        if day.code != 0:
            break

    assert day.code == 1, day.words
    assert day.found.keys() >= {"lost", "doubled"}, day.words
    assert day.found["lost"] + day.found["doubled"] > 0, day.found
