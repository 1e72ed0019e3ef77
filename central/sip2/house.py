"""What every connection of the server works with: limits, accounts, reads, the desk; and who is right.

Logins and PINs are hashed in threads, logins apart from PINs, so that a flood of logins keeps no patron
waiting. What was right before is not hashed again for as long as it stands.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from central.pin_tries import PinTries
from central.sip2.accounts import NOBODY, Account, Accounts, Secrets
from central.sip2.answers import Verdict
from central.sip2.fakes import Terminals
from central.sip2.reads import Reads
from central.sip2.session import Terms
from wire.clock import Clock
from wire.ids import mask

log = logging.getLogger("turnleaf.central.sip2.server")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken."""

    connections: int = 500
    connections_per_address: int = 250
    longest: int = 8192
    """Bytes of the longest message."""
    idle_s: float = 900.0
    login_s: float = 30.0


@dataclass(frozen=True, slots=True)
class House:
    """What every connection works with."""

    terms: Terms
    limits: Limits
    accounts: Accounts
    reads: Reads
    terminals: Terminals
    tries: PinTries
    clock: Clock
    secrets: Secrets = field(default_factory=Secrets)
    pins: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "sip2-pin"))
    logins: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "sip2-login"))

    def close(self) -> None:
        """End the threads; what they were at is of no use to anybody."""
        self.pins.shutdown(wait=False, cancel_futures=True)
        self.logins.shutdown(wait=False, cancel_futures=True)

    # --- logins

    def located(self, account: Account | None) -> Account | None:
        """Return an account with what the registry says of its branch; None where it says nothing."""
        if account is None:
            return None
        found = self.reads.branch(account.branch)
        if found is None:
            log.error("SIP2 account %s: the registry has no branch %s", account.name, account.branch)
            return None
        return replace(account, library=found[0], zone=found[1])

    def known(self, user: str, password: str, address: str) -> Account | None:
        """Return the account of a login that was right before."""
        return self.located(self.accounts.known(user, password, address))

    async def login(self, user: str, password: str, address: str) -> Account | None:
        """Compare a login, unless there were too many wrong ones."""
        accounts, found = self.accounts, None
        if accounts.wait_s(user, address) == 0:
            found = await _in(self.logins, accounts.judge, user, password, address)
            accounts.tried(user, address, right=found is not None)
        if found is None:
            log.warning("a login as %s from %s was refused", mask(user), address)
        return self.located(found)

    # --- PINs

    def pin_at_once(self, who: str, card: str, pin: str) -> Verdict | None:
        """Judge a PIN without hashing: no try is left, or it was right before. Else None."""
        if self.tries.wait_s(who, card, self.clock.mono()) > 0:
            return "too-many"
        sealed = self.reads.word("pin", card)
        if sealed == "" and self.terms.policy.pin_of_none == "right":
            return "right"
        return "right" if sealed is not None and self.secrets.known(pin, sealed) else None

    async def pin(self, who: str, card: str, pin: str) -> Verdict:
        """Compare a PIN. An unknown card counts as a wrong one, and takes as long."""
        sealed = self.reads.word("pin", card)
        right = await _in(self.pins, self.secrets.fits, pin, sealed or NOBODY)
        if right and sealed:
            self.tries.right(card)
            return "right"
        now = self.clock.mono()
        self.tries.wrong(who, card, now)
        if self.tries.wait_s(who, card, now) > 0:
            log.warning("%s: too many wrong PINs for a card or at this terminal", who)
        return "wrong"


async def _in(pool: ThreadPoolExecutor, work: Callable[..., Any], *given: object) -> Any:
    return await asyncio.get_running_loop().run_in_executor(pool, work, *given)
