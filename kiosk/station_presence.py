"""Who writes this station's retained status (design §3, presence): a pure step.

A station reads its own status back. Until its own birth has come back, whatever it reads is left over
from an earlier life. After that, nobody but this boot has a reason to write there: a foreign death is
an old will that came late, and is answered with a new birth; a foreign *online* is another process
under the same name. Once may be an old daemon on its last breath; twice is a clone.

Not for: deciding what central believes. Central ignores the death of a boot that is not the current one.
"""

from dataclasses import dataclass, replace

from wire.messages.states import Status

QUIET_MS = 2_000
"""Not more than one answer to a foreign status in this time, so that two clones do not shout in a circle."""

FORGET_MS = 600_000
"""A foreign boot that was seen once is forgotten after this time."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What a boot knows of its own status topic. Times are milliseconds since boot."""

    boot: str
    echoed: bool = False
    """This boot's own birth has come back: what is foreign from here on is not left over."""
    foreign_at: int | None = None
    answered_at: int | None = None
    clone: str | None = None
    """The foreign boot, once it is certain that another process has this station's name."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Say the birth again: the retained status is not this boot's."""


@dataclass(frozen=True, slots=True)
class CloneFound:
    """Another process writes under this station's name, and goes on doing so."""

    boot: str


PresenceEffect = Announce | CloneFound


def status_seen(presence: Presence, status: Status, mono: int) -> tuple[Presence, tuple[PresenceEffect, ...]]:
    """Return the new state and what to do after `status` stood on the station's own topic at `mono`."""
    if status.boot == presence.boot and status.state == "online":
        return replace(presence, echoed=True), ()
    if not presence.echoed:
        return presence, ()
    effects: list[PresenceEffect] = []
    if presence.answered_at is None or mono - presence.answered_at >= QUIET_MS:
        effects.append(Announce())
        presence = replace(presence, answered_at=mono)
    if status.state == "online":
        again = presence.foreign_at is not None and mono - presence.foreign_at <= FORGET_MS
        if again and presence.clone is None:
            effects.append(CloneFound(status.boot))
            presence = replace(presence, clone=status.boot)
        presence = replace(presence, foreign_at=mono)
    return presence, tuple(effects)
