"""A broker as people type it, for every command that takes `--broker HOST:PORT`."""

from pathlib import Path

import pytest

from turnleaf import cli
from wire.broker_address import broker_address
from wire.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ("localhost:8884", "localhost", 8884),
        ("10.0.0.5:1", "10.0.0.5", 1),
        ("[::1]:8884", "::1", 8884),
        ("[2001:db8::5]:65535", "2001:db8::5", 65535),
    ],
)
def test_host_and_port_are_told_apart(given: str, host: str, port: int) -> None:
    assert broker_address(given) == (host, port)


REFUSED = [
    ("", "no broker is named"),
    ("localhost", "'localhost' is no broker: its port is missing"),
    ("localhost:", "'localhost:' is no broker: its port is missing"),
    ("[::1]", "'[::1]' is no broker: its port is missing"),
    (":8884", "a host, a colon and a port"),
    ("mqtts://localhost:8884", "a host, a colon and a port"),
    ("localhost:0", "from 1 to 65535"),
    ("localhost:65536", "from 1 to 65535"),
    ("localhost:mqtt", "from 1 to 65535"),
    ("localhost:²", "from 1 to 65535"),
    ("localhost:" + "9" * 5000, "from 1 to 65535"),
]


@pytest.mark.parametrize(("given", "seen"), REFUSED)
def test_what_is_no_address_is_refused(given: str, seen: str) -> None:
    with pytest.raises(ConfigError) as told:
        broker_address(given)

    assert seen in told.value.seen
    assert "HOST:PORT" in told.value.do


@pytest.mark.parametrize("words", [("fleet",), ("alarms",), ("watch",), ("stream", "list")])
@pytest.mark.parametrize(("given", "seen"), REFUSED[:4])
def test_every_command_says_the_same(
    words: tuple[str, ...],
    given: str,
    seen: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("TURNLEAF_BROKER", raising=False)

    assert cli.main([*words, f"--broker={given}", "--cert", str(tmp_path)]) == 2
    assert seen in capsys.readouterr().err


@pytest.mark.parametrize("name", ["alarms", "console", "fleet", "stream", "watch"])
def test_the_example_in_the_help_names_a_broker_and_who_asks(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    example = capsys.readouterr().out.split("example:\n", 1)[1]

    assert "--broker broker.library.example:8884 --cert identities/alice" in example
    assert "…" not in example


def test_a_stream_is_asked_for_at_an_ipv6_address_without_its_brackets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from central import cli_stream

    monkeypatch.setattr(cli_stream, "_name_in", lambda _: "alice")

    found = cli_stream._link_settings("[::1]:8884", tmp_path)

    assert (found.host, found.port) == ("::1", 8884)
