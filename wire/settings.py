"""Typed TOML settings whose errors name the file, the line and the mend."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from wire.errors import ConfigError


class Settings(BaseModel):
    """A frozen section of a settings file. Every field carries a sentence (`Field(description=...)`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    """A daemon builds the sections that its own file has, not those of every kind of station."""


S = TypeVar("S", bound=BaseModel)


def load(path: Path, model: type[S]) -> S:
    """Return the settings in the TOML file at `path`; relative paths in it are relative to it.

    Raises ConfigError naming file, line, what is wrong and how to mend it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", do="Give the path of a TOML file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}", do="Mend the line that is named.") from error
    try:
        return model.model_validate(raw, context={"folder": path.parent.absolute()})
    except ValidationError as error:
        raise _explain(path, text, model, error) from error


def resolve(folder: Path, value: Path) -> Path:
    """Return `value` as an absolute path; a relative one counts from `folder`."""
    return value if value.is_absolute() else (folder / value).absolute()


def _explain(path: Path, text: str, model: type[BaseModel], error: ValidationError) -> ConfigError:
    lines = []
    mends = []
    for fault in error.errors():
        keys = [str(key) for key in fault["loc"]]
        name = ".".join(keys)
        lines.append(f"{path}:{_line_of(text, keys)}: {name}: {fault['msg']}")
        sentence = _sentence(model, keys)
        mends.append(
            f"remove or rename {name}; it is not a setting"
            if fault["type"] == "extra_forbidden"
            else f"set {name}: {sentence or 'see the reference of settings'}"
        )
    return ConfigError("\n".join(lines), why="The daemon does not guess settings.", do="; ".join(mends))


def _line_of(text: str, keys: list[str]) -> int:
    """Return the line of the key, or of the nearest table above it that exists."""
    table, best = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            table = header.group(1).replace('"', "").replace(" ", "")
            if ".".join(keys).startswith(table):
                best = number
            continue
        key = re.match(r"\s*([A-Za-z0-9_.\"-]+)\s*=", line)
        if key:
            full = f"{table}.{key.group(1)}" if table else key.group(1)
            if full.strip('"') == ".".join(k for k in keys if not k.isdigit()):
                return number
    return best


def _sentence(model: type[BaseModel], keys: list[str]) -> str:
    """Return the description of the field at `keys`, or an empty string."""
    current: Any = model
    sentence = ""
    for key in keys:
        fields = getattr(current, "model_fields", {})
        if key not in fields:
            break
        sentence = fields[key].description or ""
        current = fields[key].annotation
    return sentence
