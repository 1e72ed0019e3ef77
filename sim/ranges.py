"""Which lengths of a run can be asked for."""

from wire.errors import ConfigError

WEEK_S = 7 * 86400.0
"""The longest run; its whole plan is made beforehand."""


def within(option: str, value: float, least: float, most: float) -> float:
    """Return the value; raises ConfigError when nothing can be played with it: not-a-number, for one."""
    if least <= value <= most:
        return value
    raise ConfigError(
        f"{option} {value:g}: it is from {least:g} to {most:g}",
        why="A run in which nothing is played would look like a good one.",
        do=f"Give {option} a number in this range, or leave it out.",
    )
