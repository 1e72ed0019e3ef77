"""One line of a self-test."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Check:
    """What was tried of a device, and what was seen."""

    device: str
    ok: bool
    seen: str
    do: str = ""
    values: dict[str, float] = field(default_factory=dict)
