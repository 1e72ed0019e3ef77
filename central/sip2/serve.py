"""The server as the settings say, on a ledger and its desk: inside `central run`, or alone.

Alone (`turnleaf sip2 serve`) there is no MQTT: stations of our own are not heard. The ledger is locked all
the same, so it is one or the other.
"""

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from pydantic import Field

from central.authority_kinds import Chosen, choose
from central.authority_runner import Runner
from central.config import CentralSettings, Sip2Account, Sip2ServerSettings
from central.desk import Desk
from central.ledger.ledger import Ledger
from central.pin_tries import PinTries, TryLimits
from central.sip2.accounts import Account, Accounts, network
from central.sip2.fakes import Tell
from central.sip2.house import House, Limits
from central.sip2.profile import profile
from central.sip2.reads import LedgerReads
from central.sip2.server import Sip2Server
from central.sip2.session import Terms
from central.terminal import AtTerminal
from circulation.policy import Policy
from wire.clock import Clock, SystemClock
from wire.errors import ConfigError
from wire.settings import Settings, load

log = logging.getLogger("turnleaf.central.sip2.server")

UNSAID = b"told to nobody"
"""Key of the item hashes where there are no gates to read them."""


class Sip2Accounts(Settings):
    """A file of accounts."""

    accounts: tuple[Sip2Account, ...] = Field((), description="Who may come; [[accounts]] in TOML.")


class AtDesk:
    """The desk, as terminals have it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def submit(self, request: AtTerminal, tell: Tell) -> None:
        """Do it; `tell` hears what came of it after the commit, without another turn of the loop."""
        self._desk.hand_over(request, lambda result: tell(None if result is None else result.done))


def on_loopback(host: str) -> bool:
    """Say whether an address is this machine's own, so that nobody else hears what is said there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_of(settings: Sip2ServerSettings) -> ssl.SSLContext | None:
    """Return how it is encrypted; None on loopback, or where that was asked for. Raises ConfigError."""
    if settings.cert is None or settings.key is None:
        if on_loopback(settings.host):
            return None
        if not settings.plain_text_off_loopback:
            raise ConfigError(
                f"SIP2 would be spoken without TLS on {settings.host}",
                why="Whoever hears that network hears patrons' cards and PINs.",
                do="Set sip2_server.cert and key; or listen on 127.0.0.1 behind a tunnel; or, knowing that,"
                " set plain_text_off_loopback.",
            )
        log.warning("SIP2 is spoken without TLS on %s: cards and PINs can be overheard", settings.host)
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.cert, settings.key)
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"SIP2: certificate, key or client_ca cannot be used: {error}",
            why="Nothing listens without them.",
            do="Look at sip2_server.cert, key and client_ca; they are PEM files, key and certificate a pair.",
        ) from error
    return context


def accounts_of(settings: Sip2ServerSettings) -> list[Account]:
    """Return the accounts of the settings and of their file; raises ConfigError."""
    told = list(settings.accounts)
    if settings.accounts_file is not None:
        told += load(settings.accounts_file, Sip2Accounts).accounts
        _private(settings.accounts_file)
    if not told:
        raise ConfigError(
            "sip2_server has no accounts",
            why="No terminal could log in.",
            do="Write [[sip2_server.accounts]] with user, secret and branch; `turnleaf sip2 password` makes"
            " the secret.",
        )
    return [
        Account(
            one.user,
            one.branch,
            location=one.location,
            institution=one.institution,
            profile=profile(one.profile),
            secret=one.secret,
            networks=tuple(network(text) for text in one.addresses),
            messages=frozenset(one.messages),
        )
        for one in told
    ]


def _private(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        log.warning("%s can be read by others: chmod 600 it", path)


async def serve(
    settings: Sip2ServerSettings,
    ledger: Ledger,
    desk: Desk,
    policy: Policy,
    clock: Clock,
    tries: PinTries,
    *,
    at_once: bool = True,
    ready: Callable[[int], None] = lambda port: None,
) -> None:
    """Let terminals in until cancelled; `at_once` says whether loans are decided here."""
    accounts = accounts_of(settings)
    tls = tls_of(settings)
    with ExitStack() as stack:
        reads = LedgerReads(ledger.url)
        stack.callback(reads.close)
        found = reads.branch(accounts[0].branch)
        wrong = TryLimits(settings.logins_wrong, 2 * settings.logins_wrong, settings.within_s)
        house = House(
            Terms(policy, settings.answer_s, settings.retries, at_once, found[1] if found else "UTC"),
            Limits(
                settings.connections,
                settings.connections_per_address,
                settings.longest,
                settings.idle_s,
                settings.login_s,
            ),
            Accounts(accounts, tries=wrong, now=clock.mono),
            reads,
            AtDesk(desk),
            tries,
            clock,
        )
        server = Sip2Server(house, settings.host, settings.port, tls)
        log.info("SIP2 for %d accounts on %s", len(accounts), settings.host)
        await server.run(ready)


async def run_alone(settings: CentralSettings, ready: Callable[[int], None] = lambda port: None) -> None:
    """Open the ledger and let terminals in, without MQTT, until cancelled; raises ConfigError."""
    if settings.sip2_server is None:
        raise ConfigError(
            "central.toml has no [sip2_server]",
            why="Nothing says on which address to listen, and who may come.",
            do="Write that section; docs/examples/central.toml shows it.",
        )
    clock = SystemClock()
    policy = load(settings.policy, Policy)
    chosen: Chosen = choose(settings, policy)
    async with AsyncExitStack() as stack:
        ledger = Ledger.open(settings.ledger, policy=policy, clock=clock)
        stack.callback(ledger.close)
        desk = Desk(ledger, chosen.authority, policy, clock, UNSAID)
        pin = settings.pin
        tries = PinTries(TryLimits(pin.tries_by_card, pin.tries_by_station, pin.within_s))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(desk.run(), name="desk")
            tasks.create_task(_unsaid(desk), name="effects")
            if chosen.remote is not None:
                runner = Runner(chosen.remote, desk.submit, desk.asked, ledger.boot, chosen.patience)
                tasks.create_task(runner.run(), name="authority")
            tasks.create_task(
                serve(
                    settings.sip2_server,
                    ledger,
                    desk,
                    policy,
                    clock,
                    tries,
                    at_once=chosen.authority.at_once,
                    ready=ready,
                ),
                name="sip2 server",
            )


async def _unsaid(desk: Desk) -> None:
    """Take what commits changed besides: without MQTT there is nobody to tell. Gates ask anew later."""
    while True:
        await desk.effects.get()
