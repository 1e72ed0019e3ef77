"""Who may come: an account for each terminal, its secret as a hash, where it stands, from where it comes.

Wrong logins count by address and by name; while there were too many, nothing is compared any more. Two
accounts never share a name: the name is what loans and returns are recorded under.
"""

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from central.ledger import pins
from central.pin_tries import PinTries, TryLimits
from central.sip2.codec import Dialect
from central.sip2.profile import Profile
from wire.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
REMEMBERED = 4096
"""Secrets that were right and are not hashed again."""
NOBODY = f"scrypt$16384${'0' * 32}${'0' * 64}"
"""Compared where there is no such account, so that this takes as long as a wrong secret; fits none."""


@dataclass(frozen=True)
class Account:
    """One terminal, or several that are one to the library."""

    name: str
    """Its login (CN), and the station in its loans; `` of a login that is not needed."""
    branch: str
    zone: str = "UTC"
    library: str = ""
    """Name of the branch (AM)."""
    location: str = ""
    institution: str = ""
    profile: Profile = field(default_factory=lambda: Profile(about="SIP2 2.00"))
    secret: str = field(default="", repr=False)
    networks: tuple[Network, ...] = ()
    messages: frozenset[str] = frozenset()
    """Codes of the requests it may make; none named: all."""

    @cached_property
    def plain(self) -> Dialect:
        """How answers without error detection are written."""
        return self.profile.dialect(checksum=False)

    @cached_property
    def checked(self) -> Dialect:
        """How answers with error detection are written."""
        return self.profile.dialect(checksum=True)

    def comes_from(self, address: str) -> bool:
        """Say whether it may come from an address."""
        if not self.networks:
            return True
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in network for network in self.networks)


def network(text: str) -> Network:
    """Return a network, or one address; raises ValueError."""
    return ipaddress.ip_network(text, strict=False)


class Secrets:
    """Compares secrets with their hashes; one that was right is not hashed again for as long as it stands.

    What is remembered is a keyed hash of secret and stored hash: it is of no use elsewhere, and a secret that
    was changed is compared anew.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def _mark(self, given: str, sealed: str) -> bytes:
        return hashlib.blake2b(f"{sealed}\0{given}".encode(errors="replace"), key=self._key).digest()

    def known(self, given: str, sealed: str) -> bool:
        """Say whether it was right before."""
        return self._mark(given, sealed) in self._right

    def fits(self, given: str, sealed: str) -> bool:
        """Compare; takes some 40 ms, so it belongs in a thread."""
        if not given.isprintable() or not pins.fits(given, sealed):
            return False
        self._right[self._mark(given, sealed)] = None
        while len(self._right) > REMEMBERED:
            self._right.popitem(last=False)
        return True


class Accounts:
    """All accounts, and how often a login failed."""

    def __init__(
        self, accounts: Iterable[Account], *, tries: TryLimits | None = None, now: Callable[[], int]
    ) -> None:
        self._by_name: dict[str, Account] = {}
        for one in accounts:
            if one.name in self._by_name:
                raise ConfigError(
                    f"the SIP2 account {one.name or '(without a login)'} is there twice",
                    why="Its name says which terminal lent what.",
                    do="Give each terminal an account of its own.",
                )
            self._by_name[one.name] = one
        self._tries = PinTries(tries or TryLimits(by_card=10, by_station=20))
        self._now = now
        self._secrets = Secrets()

    def __len__(self) -> int:
        return len(self._by_name)

    def open_to(self, address: str) -> Account | None:
        """Return the account of those who need no login, if this address is one of theirs."""
        found = self._by_name.get("")
        return found if found is not None and found.comes_from(address) else None

    def wait_s(self, name: str, address: str) -> float:
        """Return how long nothing is compared for this name or address."""
        return self._tries.wait_s(address, self._counted(name, address), self._now())

    def known(self, name: str, secret: str, address: str) -> Account | None:
        """Return the account whose secret was right before, without hashing."""
        found = self._by_name.get(name)
        if found is None or not found.secret or not found.comes_from(address):
            return None
        return found if self._secrets.known(secret, found.secret) else None

    def judge(self, name: str, secret: str, address: str) -> Account | None:
        """Compare a login; slow, for a thread. Changes no count: `tried` does."""
        found = self._by_name.get(name) if name else None
        sealed = found.secret if found is not None and found.secret else NOBODY
        right = self._secrets.fits(secret, sealed)
        return found if right and found is not None and found.secret and found.comes_from(address) else None

    def tried(self, name: str, address: str, *, right: bool) -> None:
        """Count a login."""
        if right:
            self._tries.right(self._counted(name, address))
        else:
            self._tries.wrong(address, self._counted(name, address), self._now())

    def _counted(self, name: str, address: str) -> str:
        """Return under what a name is counted: strangers from elsewhere lock nobody out who is bound here."""
        found = self._by_name.get(name)
        return name if found is None or found.comes_from(address) else f"{name}\0elsewhere"
