"""Settings of the edge daemons: a sentence each, errors that name the line, examples that load."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from kiosk.config_bin import BinSettings
from kiosk.config_gate import GateSettings
from kiosk.config_kiosk import KioskSettings
from kiosk.config_station import StationSettings
from wire.errors import ConfigError
from wire.settings import load

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def fields(model: type[BaseModel], before: str = "") -> list[tuple[str, str]]:
    """Return each setting's dotted name and sentence, deep."""
    found = []
    for name, field in model.model_fields.items():
        found.append((before + name, field.description or ""))
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += fields(kind, f"{before}{name}.")
    return found


@pytest.mark.parametrize("model", [KioskSettings, GateSettings, BinSettings])
def test_every_setting_has_its_sentence(model: type[StationSettings]) -> None:
    bare = [name for name, sentence in fields(model) if len(sentence) < 10]

    assert bare == []


@pytest.mark.parametrize(("file", "model"), [("gate.toml", GateSettings), ("bin.toml", BinSettings)])
def test_the_example_loads_and_shows_every_setting(file: str, model: type[StationSettings]) -> None:
    loaded = load(EXAMPLES / file, model)
    text = (EXAMPLES / file).read_text()
    missing = [
        name
        for name, _ in fields(model)
        if name != "kind" and not re.search(rf"^(# )?\[?{name.split('.')[-1]}\b", text, re.MULTILINE)
    ]

    assert missing == []
    assert loaded.state_dir == EXAMPLES / "state"
    assert loaded.broker.key == EXAMPLES / "identity" / "key.pem"


WITHOUT_DEFAULT = {"uhf": {"ca"}, "lamp": {"pins"}, "barriers": {"pins"}}
"""Settings that are nothing unless told; the example shows a possible value."""


def test_the_values_shown_in_an_example_are_the_defaults(tmp_path: Path) -> None:
    left_out = {"state_dir": True, "broker": True, "items_key": True, **WITHOUT_DEFAULT}
    for file, model in (("gate.toml", GateSettings), ("bin.toml", BinSettings)):
        shown = tmp_path / file
        text = (EXAMPLES / file).read_text()
        shown.write_text(re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))

        told = load(shown, model).model_dump(exclude=left_out)
        bare = load(EXAMPLES / file, model).model_dump(exclude=left_out)

        assert bare == told


def test_a_wrong_setting_names_file_line_and_mend(tmp_path: Path) -> None:
    file = tmp_path / "bin.toml"
    text = (EXAMPLES / "bin.toml").read_text()
    file.write_text(text.replace("capacity = 120 ", "capacity = 0 "))
    with pytest.raises(ConfigError) as told:
        load(file, BinSettings)

    line = next(n for n, one in enumerate(text.splitlines(), 1) if one.startswith("capacity"))
    assert f"{file}:{line}: capacity" in told.value.seen
    assert "Items that fit into the box" in told.value.do


def test_a_gate_that_could_not_tell_lent_from_secured_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text((EXAMPLES / "gate.toml").read_text().replace("# afi_lent = 0xC2", "afi_lent = 0x07"))
    with pytest.raises(ConfigError, match="could not tell them apart"):
        load(file, GateSettings)
