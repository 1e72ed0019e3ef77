"""What the desk remembers between transactions, beside the ledger."""

from dataclasses import dataclass, field

from central.desk_time import Heard


@dataclass(slots=True)
class Memory:
    """What the desk remembers between transactions; lost with the process, harmlessly."""

    boot: str
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    """By station and boot."""
    gap_said: dict[str, int] = field(default_factory=dict)
    """When a resume for a gap was last said, ms, by stream."""
