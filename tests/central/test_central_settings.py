"""The example file of central holds every setting, and wrong ones name line and mend."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from central.config import CentralSettings, InfluxTelemetry, SqliteTelemetry
from wire.errors import ConfigError
from wire.settings import load

EXAMPLE = Path(__file__).parents[2] / "docs/examples/central.toml"


def test_the_example_is_complete_and_every_setting_has_its_sentence() -> None:
    settings = load(EXAMPLE, CentralSettings)
    missing: list[str] = []

    def look(model: type[BaseModel], told: object, before: str) -> None:
        for name, field in model.model_fields.items():
            assert field.description, name
            if isinstance(told, BaseModel) and name not in told.model_fields_set:
                missing.append(f"{before}{name}")
            inner = getattr(told, name, None)
            if isinstance(inner, BaseModel):
                look(type(inner), inner, f"{before}{name}.")

    look(CentralSettings, settings, "")
    assert missing == ["sip2", "sip2_server"], "sections that only a library with other systems needs"
    assert isinstance(settings.telemetry, SqliteTelemetry)
    assert settings.broker.ca == EXAMPLE.parent.absolute() / "identities/central/ca.pem"


def test_every_setting_of_sip2_stands_in_the_example(tmp_path: Path) -> None:
    before, _, rest = EXAMPLE.read_text().partition("# [sip2]")
    section, _, after = rest.partition("\n\n")
    file = tmp_path / "central.toml"
    file.write_text(before + "[sip2]" + section.replace("\n# ", "\n") + "\n\n" + after)

    told = load(file, CentralSettings).sip2

    assert told is not None
    assert sorted(set(type(told).model_fields) - told.model_fields_set) == []


def test_every_setting_of_the_sip2_server_stands_in_the_example(tmp_path: Path) -> None:
    before, _, rest = EXAMPLE.read_text().partition("# [sip2_server]")
    section, _, after = rest.partition("\n\n")
    file = tmp_path / "central.toml"
    file.write_text(before + "[sip2_server]" + section.replace("\n# ", "\n") + "\n\n" + after)

    told = load(file, CentralSettings).sip2_server

    assert told is not None
    assert sorted(set(type(told).model_fields) - told.model_fields_set) == []
    account = told.accounts[0]
    assert sorted(set(type(account).model_fields) - account.model_fields_set) == []


def test_influxdb_in_the_example_is_right_too(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    before, _, rest = text.partition("[telemetry]")
    commented = rest.partition("# [telemetry]")[2]
    influx = "[telemetry]" + "\n".join(
        line.removeprefix("# ") if line.startswith("# ") else line for line in commented.splitlines()
    )
    file = tmp_path / "central.toml"
    file.write_text(before + influx)

    assert isinstance(load(file, CentralSettings).telemetry, InfluxTelemetry)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("port = 8884", "port = 88840", "broker.port"),
        ('vera = "look"', 'vera = "rule"', "operators.vera"),
        ("status_s = 30", "statuses = 30", "statuses"),
        ('kind = "sqlite"', 'kind = "redis"', "telemetry"),
    ],
)
def test_a_wrong_setting_names_its_line_and_its_mend(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = tmp_path / "central.toml"
    file.write_text(EXAMPLE.read_text().replace(old, new, 1))

    with pytest.raises(ConfigError, match=told) as error:
        load(file, CentralSettings)

    assert str(file) in error.value.seen
    assert error.value.do
