"""Writes the generated parts of docs/reference; `--check` names those that differ from the code.

topics.md      from wire/topics.py
settings.md    from the settings models
commands.md    from the commands' own parsers
alarms.md      from central/alarms/rules.py
driver-faults.md  from tests/firmware_bridge/fault_outcomes.py
sip2-profiles.md  from central/sip2/profiles
"""

import argparse
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
sys.path.insert(0, str(ROOT))


def topics() -> str:
    """Return the page of topics."""
    return importlib.import_module("turnleaf.topic_reference").markdown()


# --- settings ---------------------------------------------------------------------------------------

SETTINGS = (
    ("Kiosk", "kiosk.config_kiosk", "KioskSettings", "docs/examples/kiosk.toml"),
    ("Gate", "kiosk.config_gate", "GateSettings", "docs/examples/gate.toml"),
    ("Return bin", "kiosk.config_bin", "BinSettings", "docs/examples/bin.toml"),
    ("Foreign sensors", "kiosk.sensors.config", "SensorsSettings", "docs/examples/sensors.toml"),
    ("Tag station", "kiosk.tagging.config", "TagStationSettings", "docs/examples/tags.toml"),
    ("Central service", "central.config", "CentralSettings", "docs/examples/central.toml"),
    ("Policy of lending", "circulation.policy", "Policy", "docs/examples/policy.toml"),
)


def settings() -> str:
    """Return the page of settings."""
    lines = [
        "# Settings",
        "",
        "Made from the models by `make docs`. A path counts from the folder of its file; a setting without a",
        "default must be given; a word that is no setting is refused with file, line and mend.",
    ]
    for title, module, name, example in SETTINGS:
        model = getattr(importlib.import_module(module), name)
        lines += ["", f"## {title}", "", f"A complete example: [{example}](../../{example}).", ""]
        lines += _table(model, "")
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel], before: str) -> Iterator[str]:
    yield "| setting | type | default | meaning |"
    yield "|---|---|---|---|"
    yield from _rows(model, before)


def _rows(model: type[BaseModel], before: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        full = f"{before}{field.alias or name}"
        nested = [one for one in _options(field.annotation) if _is_model(one)]
        if nested:
            yield f"| **`[{full}]`** | table | {_default(field)} | {field.description or ''} |"
            for one in nested:
                yield from _rows(one, f"{full}.")
            continue
        yield f"| `{full}` | {_type(field.annotation)} | {_default(field)} | {field.description or ''} |"


def _is_model(one: Any) -> bool:
    return inspect.isclass(one) and issubclass(one, BaseModel)


def _options(annotation: Any) -> list[Any]:
    """Return the models and types that an annotation may hold; a list of tables counts as its tables."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [found for one in get_args(annotation) for found in _options(one)]
    if origin in (tuple, list):
        return [found for one in get_args(annotation) if one is not Ellipsis for found in _options(one)]
    return [annotation]


def _type(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one) for one in args if one is not type(None))
    if origin in (tuple, list):
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"table of {_type(args[1])}"
    if hasattr(annotation, "__metadata__"):
        return _type(args[0])
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
        getattr(annotation, "__name__", ""), getattr(annotation, "__name__", str(annotation)).lower()
    )


def _default(field: Any) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "" if field.default_factory is not None else "must be given"
    if value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return f"`{value}`"


# --- commands ---------------------------------------------------------------------------------------


def commands() -> str:
    """Return the page of commands."""
    table = importlib.import_module("turnleaf.cli").COMMANDS
    lines = [
        "# Commands",
        "",
        "Made from the commands' own parsers by `make docs`. Exit codes: 0 done, 1 failed, 2 wrong use,",
        "3 waiting on something outside. `--json` gives one JSON document on standard output.",
    ]
    for name, (module_name, line) in sorted(table.items()):
        module = importlib.import_module(module_name)
        parser = argparse.ArgumentParser(prog=f"turnleaf {name}", add_help=False)
        module.arguments(parser)
        lines += ["", f"## turnleaf {name}", "", line, "", "```", module.EXAMPLE, "```"]
        lines += _options_of(parser)
        for sub_name, sub in _verbs(parser):
            lines += ["", f"### turnleaf {name} {sub_name}", ""]
            lines += [text for text in [sub.description or _help_of(parser, sub_name)] if text]
            lines += _options_of(sub)
    return "\n".join(lines) + "\n"


def _verbs(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _help_of(parser: argparse.ArgumentParser, verb: str) -> str:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                if choice.dest == verb:
                    return choice.help or ""
    return ""


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):
            continue
        if action.help == argparse.SUPPRESS:
            continue
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        needed = "" if not action.required or not action.option_strings else " (must be given)"
        text = (action.help or "").replace("%%", "%").replace("|", "\\|")
        rows.append(f"| `{name}` | {text}{needed} |")
    return ["", "| option | meaning |", "|---|---|", *rows] if rows else []


# --- alarms -----------------------------------------------------------------------------------------


def alarms() -> str:
    """Return the page of alarms: what each rule says, in its own words."""
    sample = importlib.import_module("scripts.alarm_samples")
    lines = [
        "# Alarms",
        "",
        "Made from `central/alarms/rules.py` by `make docs`. Each alarm says what was seen, why it matters",
        "and what to do; the examples are made by the rules themselves. An alarm is *unacknowledged* until",
        "somebody has seen it, even when its cause is gone (ISA-18.2).",
        "",
        "| rule | severity | seen, for example | why it matters | what to do |",
        "|---|---|---|---|---|",
    ]
    for one in sample.samples():
        cells = (f"`{one.key.rule}`", one.severity, one.seen, one.why, one.do)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


# --- profiles of SIP2 -------------------------------------------------------------------------------


def sip2_profiles() -> str:
    """Return the page of the makes whose terminals speak SIP2 with us."""
    known = importlib.import_module("central.sip2.profile")
    lines = [
        "# SIP2 profiles",
        "",
        "Made from `central/sip2/profiles` by `make docs`. A terminal's account names its profile in",
        "`central.toml`; a library's own is a file with the settings below, named by its path.",
    ]
    for name in known.names():
        one = known.profile(name)
        told = one.model_dump(mode="json", exclude_unset=True, exclude={"about", "known_from", "verified"})
        lines += ["", f"## {name}", "", one.about, ""]
        lines.append(f"Known from: {one.known_from}. {'Verified.' if one.verified else 'Unverified.'}")
        if told:
            lines += ["", *(f"* `{setting}`: `{value}`" for setting, value in told.items())]
    return "\n".join([*lines, "", "## Settings of a profile", "", *_table(known.Profile, "")]) + "\n"


def driver_faults() -> str:
    """Return the page of what drivers make of bad cables and odd firmware; the tests hold each cell."""
    page: Callable[[], str] = importlib.import_module("tests.firmware_bridge.fault_outcomes").markdown
    return page()


PAGES: dict[str, Callable[[], str]] = {
    "topics.md": topics,
    "settings.md": settings,
    "commands.md": commands,
    "alarms.md": alarms,
    "driver-faults.md": driver_faults,
    "sip2-profiles.md": sip2_profiles,
}


def main() -> int:
    """Write the pages, or say which differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page differs")
    args = parser.parse_args()
    stale = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not args.check:
            REFERENCE.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"docs/reference/{name} {'differs: make docs' if args.check else 'written'}\n")
    return 1 if stale and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
