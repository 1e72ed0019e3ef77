from pathlib import Path

import pytest
from mutant_table import hunt, mutate
from mutants.table import MUTANTS, Mutant
from traces import TRACES, play


@pytest.mark.parametrize("name", sorted(TRACES))
def test_the_two_ends_come_through_the_shortest_bad_histories(name: str, tmp_path: Path) -> None:
    assert play(TRACES[name], tmp_path) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.number}-{mutant.removed}")
def test_a_rule_that_is_taken_out_is_missed(mutant: Mutant) -> None:
    assert mutant.trace in TRACES
    found = hunt(mutant)

    assert found, f"nothing noticed that this rule is gone: {mutant.removed}"
    assert "Error" not in found, found  # caught for its reason, not because the patch is broken


def test_a_patch_that_no_longer_fits_fails_loudly(tmp_path: Path) -> None:
    mutant = Mutant(0, "", "", "", (("wire/streams/station.py", "no such text", ""),))

    with pytest.raises(Exception, match="0 times"):
        mutate(mutant, tmp_path)


def test_all_mutants_of_the_page_are_here() -> None:
    assert list(range(1, 36)) == [mutant.number for mutant in MUTANTS]
