"""Profiles: what terminals of one make, or those set up for one library system, expect of an answer.

Each is a file in `profiles/`; a library's own is named by its path. A profile holds quirks alone: what SIP2
leaves open, or what a make gets wrong. Whether a quirk was seen with a device, its `verified` says.
"""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from central.sip2.codec import MOST, Dialect
from wire.errors import ConfigError
from wire.settings import Settings, load

FieldId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]$")]
Alert = Literal["hold-here", "hold-elsewhere", "transit", "other"]
Extension = Literal["AQ", "CR", "CS", "CT", "CV", "CY", "DA", "PA", "PB", "PC", "PI"]

ECHOED = 65_536
"""Longest number that is echoed; longer than any message that is taken."""


class Profile(Settings):
    """What differs between makes."""

    about: str = Field(description="Whose terminals they are, and what is different with them.")
    known_from: str = Field("", description="How that is known.")
    verified: bool = Field(False, description="Whether it was tried, or stands in the standard.")
    encoding: Literal["utf-8", "iso-8859-1", "cp850"] = Field("utf-8", description="Encoding of text.")
    terminator: Literal["cr", "crlf"] = Field("cr", description="What ends an answer.")
    checksum: Literal["as-asked", "required"] = Field(
        "as-asked", description="Whether a message without error detection is asked for again (96)."
    )
    due: Literal["sip2", "iso", "european", "american"] = Field(
        "sip2", description="Form of AH: 18 characters, 2026-12-03, 03.12.2026 or 12/03/2026."
    )
    lists: Literal["item", "item-title", "title"] = Field(
        "item", description="What stands for an item in the lists of 64."
    )
    language: Literal["en", "de"] = Field("en", description="Language of AF where none is told.")
    checked_in_ok: bool = Field(
        True, description="Whether the return of an item that was not lent is ok, as with lent ones."
    )
    alerts: tuple[Alert, ...] = Field(
        ("hold-here", "hold-elsewhere", "transit", "other"), description="What sets the alert of 10."
    )
    unlock_renewed: bool = Field(
        False, description="Whether 30 says that the tag is to be desensitised; 12 always does."
    )
    extensions: tuple[Extension, ...] = Field(
        ("AQ", "CR", "CS", "CT", "CV", "CY", "DA", "PA", "PB", "PC", "PI"),
        description="Fields beyond 2.00 that are sent.",
    )
    hidden: tuple[FieldId, ...] = Field((), description="Fields that are never sent.")
    forced: tuple[FieldId, ...] = Field((), description="Fields that are sent even when they are empty.")

    def dialect(self, *, checksum: bool) -> Dialect:
        """Return how answers are written."""
        return Dialect(
            encoding=self.encoding,
            checksum=checksum,
            terminator=b"\r" if self.terminator == "cr" else b"\r\n",
            most=MOST,
            longest_id=ECHOED,
            as_it_came=True,
            hidden=frozenset(self.hidden),
            forced=frozenset(self.forced),
        )


def names() -> list[str]:
    """Return the profiles that come with Turnleaf."""
    folder = resources.files("central.sip2") / "profiles"
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))


@cache
def profile(name: str) -> Profile:
    """Return a profile by its name, or a library's own by its path; raises ConfigError."""
    if name.endswith(".toml"):
        return load(Path(name), Profile)
    if name not in names():
        raise ConfigError(
            f"{name!r} is no SIP2 profile",
            why="Terminals of different makes read answers differently; it is not guessed.",
            do=f"Name one of {', '.join(names())}, or the path of your own (ending in .toml).",
        )
    with resources.as_file(resources.files("central.sip2") / "profiles" / f"{name}.toml") as path:
        return load(path, Profile)
