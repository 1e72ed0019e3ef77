"""The command `turnleaf`: what it loads, what it says, how it ends."""

import argparse
import importlib
import json
import subprocess
import sys
import types

import pytest

from turnleaf import cli
from wire.errors import ConfigError, DeviceError, LinkError, WireError

HERE = sorted(cli.available())


def test_help_lists_each_command_that_is_there(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    text = capsys.readouterr().out

    assert end.value.code == 0
    assert [name for name in HERE if f"\n    {name} " not in text] == []


def plain(line: str) -> str:
    return line.rstrip(".").lower()


@pytest.mark.parametrize("name", HERE)
def test_the_tables_line_is_the_modules_own(name: str):
    module = importlib.import_module(cli.COMMANDS[name][0])

    assert plain(cli.COMMANDS[name][1]) == plain(module.HELP), "change the table in turnleaf/cli.py"


@pytest.mark.parametrize("name", HERE)
def test_each_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    text = capsys.readouterr().out

    assert end.value.code == 0
    assert f"turnleaf {name}" in text.split("example:")[1]


def test_help_loads_no_heavy_module():
    heavy = "('pydantic', 'asyncio', 'paho', 'cryptography', 'sqlalchemy', 'textual', 'starlette')"
    code = (
        "import sys; from turnleaf import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stderr.strip() == "[]"


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.main(["--version"])

    assert capsys.readouterr().out == f"turnleaf {cli.installed_version()}\n"


def test_an_unknown_command_is_wrong_use():
    with pytest.raises(SystemExit) as end:
        cli.main(["no-such-command"])

    assert end.value.code == 2


def test_no_command_is_wrong_use(capsys: pytest.CaptureFixture[str]):
    assert cli.main([]) == 2
    assert "commands:" in capsys.readouterr().out


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A command `probe`, whose run a test sets."""
    module = types.ModuleType("probe_command")
    module.HELP, module.EXAMPLE = "Probe.", "turnleaf probe"  # type: ignore[attr-defined]
    module.arguments = lambda parser: parser.add_argument("--json", action="store_true")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "probe_command", module)
    monkeypatch.setattr(cli, "COMMANDS", {"probe": ("probe_command", "Probe.")})
    monkeypatch.setattr(cli, "_exists", lambda name: True)
    return module


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigError, 2), (DeviceError, 3), (LinkError, 3), (WireError, 1)]
)
def test_a_failure_is_told_in_three_parts(
    command: types.ModuleType, capsys: pytest.CaptureFixture[str], error: type, code: int
):
    def run(args: argparse.Namespace) -> int:
        raise error("the cable is out", why="Nothing is read.", do="Plug it in.")

    command.run = run  # type: ignore[attr-defined]

    assert cli.main(["probe"]) == code
    assert capsys.readouterr().err == (
        "the cable is out\n  Why it matters: Nothing is read.\n  What to do: Plug it in.\n"
    )
    assert cli.main(["probe", "--json"]) == code
    assert json.loads(capsys.readouterr().err) == {
        "error": error.__name__,
        "seen": "the cable is out",
        "why": "Nothing is read.",
        "do": "Plug it in.",
    }


def test_ctrl_c_ends_quietly(command: types.ModuleType, capsys: pytest.CaptureFixture[str]):
    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command.run = run  # type: ignore[attr-defined]

    assert cli.main(["probe"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_is_not_hidden(command: types.ModuleType):
    def run(args: argparse.Namespace) -> int:
        raise RuntimeError("a bug")

    command.run = run  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError):
        cli.main(["probe"])
