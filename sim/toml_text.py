"""Writes the settings files of simulated stations. Small on purpose: tables of plain values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def toml_text(settings: Mapping[str, Any]) -> str:
    """Return `settings` as TOML: scalars first, then a table for each nested mapping."""
    lines = [f"{key} = {_value(value)}" for key, value in settings.items() if not isinstance(value, Mapping)]
    for key, table in settings.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{key}]", *(f"{name} = {_value(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
