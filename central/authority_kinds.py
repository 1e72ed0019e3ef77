"""Which authorities there are: `authority = "…"` in central.toml names one of `KINDS`.

A library's own system is added here: its `Chosen` has `Elsewhere` as authority, and the `RemoteAuthority`
that the runner calls.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from central.authority import Authority, OwnLedger, RemoteAuthority
from central.authority_runner import Patience
from central.config import CentralSettings
from circulation.policy import Policy
from wire.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Chosen:
    """An authority, and the system behind it when it does not decide at once."""

    authority: Authority
    remote: RemoteAuthority | None = None
    patience: Patience = field(default_factory=Patience)


def own(settings: CentralSettings, policy: Policy) -> Chosen:
    """Return the own ledger as authority."""
    return Chosen(OwnLedger(policy))


KINDS: dict[str, Callable[[CentralSettings, Policy], Chosen]] = {"own": own}


def choose(settings: CentralSettings, policy: Policy) -> Chosen:
    """Return the authority that the settings name; raises ConfigError when there is none of that name."""
    make = KINDS.get(settings.authority)
    if make is None:
        raise ConfigError(
            f'authority = "{settings.authority}" is none that this release has',
            why="Somebody must decide whether an item is lent.",
            do=f"Set authority in central.toml to one of: {', '.join(sorted(KINDS))}.",
        )
    return make(settings, policy)
