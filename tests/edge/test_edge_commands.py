"""`turnleaf gate` and `turnleaf bin`: their settings are checked and shown without a device or a broker."""

import json
from pathlib import Path

import pytest

from turnleaf.cli import main

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("kind", ["gate", "bin"])
def test_settings_shows_what_is_in_force_as_text_and_as_json(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(EXAMPLES / f"{kind}.toml")
    text_code = main([kind, "settings", "--config", config])
    text = capsys.readouterr().out
    json_code = main([kind, "settings", "--config", config, "--json"])
    shown = json.loads(capsys.readouterr().out)

    assert (text_code, json_code) == (0, 0)
    assert f"name = {kind}-1" in text
    assert "pad.afi_lent = 194" in text
    assert shown["outbox"]["rows"] == 20_000


@pytest.mark.parametrize("kind", ["gate", "bin"])
def test_a_file_that_is_not_there_ends_with_code_two(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([kind, "run", "--config", "/nowhere.toml"])

    assert code == 2
    assert "/nowhere.toml" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["gate", "bin"])
def test_help_has_an_example(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([kind, "run", "--help"])

    assert f"turnleaf {kind} run --config" in capsys.readouterr().out
