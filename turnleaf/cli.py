"""The command `turnleaf`: finds the sub-command, loads its module alone, and says failures in three parts.

The table keeps one line of help for each command, so that `turnleaf --help` loads none of them; a test
compares these lines with the modules' own. A command whose package is not installed is left out.
"""

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Final

from wire.errors import TurnleafError

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "kiosk": ("kiosk.cli_kiosk", "Run a self-check kiosk."),
    "gate": ("kiosk.cli_gate", "Run a security gate."),
    "bin": ("kiosk.cli_bin", "Run an unattended return bin."),
    "sensors": ("kiosk.cli_sensors", "Bring sensors that speak plain MQTT or Modbus/TCP into the samples."),
    "central": ("central.cli_central", "Run the central service."),
    "ledger": ("central.cli_ledger", "Make, load, copy and look into the ledger."),
    "stream": ("central.cli_stream", "Look at, retry or skip a station's parked stream."),
    "sip2": ("central.cli_sip2", "Talk SIP2 with a library system: one message, or a probe of what it can."),
    "broker": ("broker_config.cli_broker", "Make, run, provision and prove the MQTT broker."),
    "console": ("monitor.cli_console", "Watch the fleet and its alarms in the terminal."),
    "fleet": ("monitor.cli_fleet", "Print the fleet as it stands."),
    "alarms": ("monitor.cli_alarms", "Print the alarms as they stand."),
    "watch": ("monitor.cli_watch", "Print messages as they come."),
    "tag": ("turnleaf.cli_tag", "Read, write, verify and count item tags; decode and encode their bytes."),
    "shelf": ("turnleaf.cli_shelf", "Read a shelf and say what is missing, misplaced, foreign or unsecured."),
    "explain": ("turnleaf.cli_explain", "Say what bytes of a capture are, field by field."),
    "device": ("kiosk.cli_device", "Look at a station's devices: list, info, watch, selftest."),
    "topics": ("turnleaf.cli_topics", "Print the table of MQTT topics and their messages."),
    "sim": ("sim.cli_sim", "Play a simulated day, chaos or one accident, and reckon what came of it."),
    "demo": ("turnleaf.cli_demo", "Run a small library with simulated devices and patrons."),
    "doctor": ("turnleaf.cli_doctor", "Look for what keeps this installation from working."),
}
"""Sub-command -> module and its one line of help."""

INTERRUPTED = 130
"""What shells expect of a program that ended by Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code: 0 done, 1 failed, 2 wrong use, 3 waiting outside."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if not word.startswith("-")), None)
    module = _load(name) if name in available() else None
    parsed = _parsed(arguments, name, module)
    if module is None:
        return 2
    try:
        return int(module.run(parsed))
    except TurnleafError as error:
        _tell(error, as_json="--json" in arguments)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away; nothing is left to say
        return 1


def _parsed(arguments: list[str], name: str | None, module: ModuleType | None) -> argparse.Namespace:
    """Return what was asked for. The parser ends here; a daemon would keep 0.2 MB of it for life."""
    parser, commands = _parser()
    for command, (_, line) in available().items():
        if command == name and module is not None:
            module.arguments(
                commands.add_parser(
                    command,
                    help=line,
                    description=module.HELP,
                    epilog=f"example:\n  {module.EXAMPLE}",
                    formatter_class=argparse.RawDescriptionHelpFormatter,
                )
            )
        else:
            commands.add_parser(command, help=line, add_help=False)
    parsed = parser.parse_args(arguments)
    if module is None:
        parser.print_help()
    return parsed


def available() -> dict[str, tuple[str, str]]:
    """Return the commands whose modules are installed, without loading them."""
    return {name: entry for name, entry in COMMANDS.items() if _exists(entry[0])}


def installed_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("turnleaf")
    except PackageNotFoundError:
        return "0 (not installed)"


def _parser() -> tuple[argparse.ArgumentParser, "argparse._SubParsersAction[argparse.ArgumentParser]"]:
    parser = argparse.ArgumentParser(
        prog="turnleaf",
        description="Self-service lending: kiosks, gates and bins over MQTT, one ledger, one console.",
        epilog="turnleaf COMMAND --help says more and shows an example.",
    )
    parser.add_argument("--version", action="version", version=f"turnleaf {installed_version()}")
    return parser, parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _load(name: str | None) -> ModuleType | None:
    return None if name is None else importlib.import_module(COMMANDS[name][0])


def _tell(error: TurnleafError, *, as_json: bool) -> None:
    if as_json:
        told = {"error": type(error).__name__, "seen": error.seen, "why": error.why, "do": error.do}
        sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    sys.exit(main())
