"""What bytes of a capture mean, field by field: the one shape of every answer of `turnleaf explain`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the bytes."""

    text: str
    """A sentence: what was seen, and what was expected there."""
    offset: int | None = None
    """Where the first wrong byte stands, counted from 0; None when it is nowhere in particular."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What bytes are. `fields` are plain JSON values in the order of the standard."""

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sections: Mapping[str, str] = field(default_factory=dict)
    """Field name -> where its standard says so, e.g. "ISO 28560-3 §…"."""

    @property
    def valid(self) -> bool:
        """Whether the bytes are what they should be."""
        return not self.problems
