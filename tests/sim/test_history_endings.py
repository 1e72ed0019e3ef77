"""What a history says at its end, and how histories are named on the command line."""

import argparse
import json
from pathlib import Path

import pytest

from sim import cli_sim
from sim.histories.ending import Ending, Finding
from sim.histories.house import House
from sim.histories.table import HISTORIES, Outcome
from wire.errors import ConfigError


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli_sim.arguments(parser)
    return parser.parse_args(["history", *words])


def test_what_is_as_promised_is_told_once_and_what_is_not_with_the_promise() -> None:
    assert Finding("the tag", "secured", "secured").words == "the tag: secured"
    assert Finding("the tag", "secured", "unsecured").words == "the tag: unsecured (and not secured)"


def test_one_thing_that_is_not_as_promised_makes_the_end_wrong(tmp_path: Path) -> None:
    ending = Ending(House(tmp_path))
    ending.see("the tag", "secured", "secured")
    assert ending.ok

    ending.see("loans", 2, 1)

    assert not ending.ok
    assert ending.words == "the tag: secured; loans: 2 (and not 1)"


def test_a_history_in_which_nothing_was_looked_at_is_not_right(tmp_path: Path) -> None:
    assert not Ending(House(tmp_path)).ok


def test_an_outcome_says_in_words_what_was_expected_and_what_was_seen() -> None:
    told = Outcome("the-name", False, "The tag is secured.", "the tag: unsecured", 3, 1.5).as_text()

    assert told.splitlines() == [
        "✖ the-name (1.5 s, 3 facts)",
        "    expected  The tag is secured.",
        "    seen      the tag: unsecured",
    ]


def test_the_list_names_every_history_with_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli_sim.run(parsed("--list", "--json"))
    listed = json.loads(capsys.readouterr().out)["histories"]

    assert code == 0
    assert [(one["history"], one["what"], one["end"]) for one in listed] == [
        (history.name, history.what, history.end) for history in HISTORIES
    ]


@pytest.mark.parametrize("words", [(), ("killed-by-boredom",), ("second-central", "killed-by-boredom")])
def test_a_name_that_is_none_is_wrong_use_and_nothing_is_played(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as told:
        cli_sim.run(parsed(*words))

    assert told.value.exit_code == 2
    assert "second-central" not in told.value.seen
