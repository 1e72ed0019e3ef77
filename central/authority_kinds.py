"""Which authorities there are: `authority = "…"` in central.toml names one of `KINDS`.

A library's own system is added here: its `Chosen` has `Elsewhere` as authority, and the `RemoteAuthority`
that the runner calls.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from central.authority import Authority, Elsewhere, OwnLedger, RemoteAuthority
from central.authority_runner import Patience
from central.config import CentralSettings
from central.looks import ItemLook
from central.results import DeskInput, DeskResult
from circulation.policy import Policy
from wire.clock import SystemClock
from wire.errors import ConfigError

LOOK_S = 2.0
"""After this a question of a gate is given up: its connection can answer the next one again."""


class Beside(Protocol):
    """What runs beside an authority elsewhere and hears of loans that it made without us."""

    async def run(self, submit: Callable[[DeskInput], Awaitable[DeskResult]]) -> None:
        """Live until cancelled; tell the desk what is heard."""

    def numbers(self) -> dict[str, float]:
        """Return what is measured of it, by name."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An authority, and the system behind it when it does not decide at once."""

    authority: Authority
    remote: RemoteAuthority | None = None
    patience: Patience = field(default_factory=Patience)
    look: ItemLook | None = None
    """Who is asked how an item stands, for gates that are about to sound."""
    looks_at_once: int = 2
    beside: Beside | None = None
    """What else runs while it decides."""


def own(settings: CentralSettings, policy: Policy) -> Chosen:
    """Return the own ledger as authority; raises ConfigError when kiosks are to pass to another one."""
    if settings.sip2 is not None and settings.sip2.proxy is not None:
        raise ConfigError(
            '[sip2.proxy] is set, and authority = "own"',
            why="Kiosks would pass through here to a system that does not decide about loans.",
            do='Take the table out, or set authority = "sip2".',
        )
    return Chosen(OwnLedger(policy))


def sip2(settings: CentralSettings, policy: Policy) -> Chosen:
    """Return the library's own system, asked over SIP2; raises ConfigError when it is not described."""
    from central.sip2.authority import Sip2Authority
    from central.sip2.client import Peer
    from central.sip2.codec import Dialect
    from central.sip2.look import Sip2Look
    from central.sip2.pool import Pool

    found = settings.sip2
    if found is None:
        raise ConfigError(
            'authority = "sip2", and there is no table [sip2]',
            why="It is not known which system decides.",
            do="Add [sip2] with host, port and user to central.toml.",
        )
    peer = Peer(
        found.host, found.port, found.user, secret(found.password_file), found.location,
        Dialect(found.encoding, found.checksum), found.timeout_s, tls=found.tls or found.ca is not None,
        ca=found.ca, prompts=found.prompts,
    )  # fmt: skip
    clock = SystemClock()
    remote = Sip2Authority(
        Pool(peer, clock, size=found.connections), clock, institution=found.institution,
        terminal=secret(found.terminal_password_file), zone=found.zone,
    )  # fmt: skip
    call_s = (
        found.timeout_s * 4 * 2 + found.timeout_s * 4
    )  # an answer with its repeats, after a login with its own
    patience = Patience(at_once=found.connections, call_s=call_s)
    beside = None
    if found.proxy is not None:
        from central.sip2.proxy_mirror import InlineProxy
        from central.sip2.proxy_start import sides

        listen, system = sides(found.proxy, found)
        beside = InlineProxy(listen, system, clock, peer.dialect, found.proxy.connections)
    if found.gate_connections == 0:
        return Chosen(Elsewhere(), remote, patience, beside=beside)
    quick = replace(peer, timeout_s=min(found.timeout_s, LOOK_S), retries=0)
    look = Sip2Look(
        Pool(quick, clock, size=found.gate_connections), clock, institution=found.institution,
        terminal=secret(found.terminal_password_file), zone=found.zone,
    )  # fmt: skip
    return Chosen(Elsewhere(), remote, patience, look, found.gate_connections, beside)


def secret(path: Path | None) -> str:
    """Return what stands in a file of a secret, empty where there is none; raises ConfigError."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", do="Give a file that central may read.") from error


KINDS: dict[str, Callable[[CentralSettings, Policy], Chosen]] = {"own": own, "sip2": sip2}


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
