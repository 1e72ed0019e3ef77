"""What `turnleaf sim` refuses to play: a typo is wrong use, and never a run in which nothing was lost."""

import json
from pathlib import Path
from typing import NoReturn

import pytest

from sim.stage import Stage
from sim.trial import KILLABLE
from turnleaf import cli


@pytest.fixture(autouse=True)
def nothing_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it is played")

    monkeypatch.setattr("sim.trial.run", play)
    monkeypatch.setattr("sim.chaos.field.run", play)


@pytest.mark.parametrize("value", ["-1", "0", "nan", "inf", "-inf", "1e-9", "1e300"])
@pytest.mark.parametrize(
    ("verb", "option"),
    [
        ("chaos", "--minutes"),
        ("chaos", "--kill-every"),
        ("day", "--seconds"),
        ("day", "--kill-every"),
        ("day", "--gap"),
    ],
)
def test_a_time_that_none_can_play_is_wrong_use(
    verb: str, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sim", verb, f"{option}={value}", "--json"]) == 2
    told = json.loads(capsys.readouterr().err)
    assert told["seen"].startswith(f"{option} {float(value):g}: ")
    assert option in told["do"]


def test_a_part_that_is_none_is_wrong_use_and_the_parts_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sim", "day", "--kill", "central", "--kill", "nosuch"]) == 2
    err = capsys.readouterr().err
    assert "--kill nosuch: there is no such part" in err
    assert ", ".join(KILLABLE) in err


def test_what_can_be_killed_is_what_a_day_is_played_with(tmp_path: Path) -> None:
    assert set(KILLABLE) == {"broker", "central", *Stage(tmp_path).stations}


@pytest.mark.parametrize("words", [("chaos", "--minutes", "0.5"), ("day", "--seconds", "1", "--gap", "0.7")])
def test_a_short_run_is_played(words: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError, match="it is played"):
        cli.main(["sim", *words])
