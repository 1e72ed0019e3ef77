"""The ledger as a whole. (Signatures first; bodies follow.)"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wire.messages.asks import Account, ItemChange, ItemSeen


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A branch of the registry."""

    branch: str
    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class StationRow:
    """A station of the registry."""

    station: str
    branch: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case, open while `closed` is None."""

    key: str
    kind: str
    station: str
    branch: str
    item: str
    detail: str
    opened: datetime
    closed: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A stream that waits for an operator."""

    stream: str
    station: str
    seq: int
    seen: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All items' states at change number `n`: (keyed hash, version, state 0|1|2) each."""

    n: int
    rows: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Changes:
    """Item changes first..n without holes; empty when there are none after."""

    first: int
    n: int
    at: datetime
    changes: tuple[ItemChange, ...]


class Ledger:
    """The circulation database, locked and leased by this process."""

    boot: str
    epoch: int

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Lock, migrate, take the lease. Raises ConfigError when another central works on it."""
        raise NotImplementedError

    def close(self) -> None:
        """Release connections, lease and lock."""

    async def account(self, ask: str, card: str, pin: str | None, now: datetime) -> Account:
        """Return what a kiosk may show of the patron of this card."""
        raise NotImplementedError

    async def item(self, ask: str, item: str) -> ItemSeen:
        """Return title and whereabouts of an item."""
        raise NotImplementedError

    async def on_loan(self, item: str) -> bool | None:
        """Say whether an item is on loan; None when it is not known here."""
        raise NotImplementedError

    async def snapshot_items(self, key: bytes) -> Snapshot:
        """Return all items' states, read at one moment."""
        raise NotImplementedError

    async def changes_after(self, n: int, key: bytes, limit: int = 1000) -> Changes | None:
        """Return the changes after `n`; None when they are pruned (a snapshot is needed)."""
        raise NotImplementedError

    async def stations(self) -> list[StationRow]:
        """Return the registry's stations."""
        raise NotImplementedError

    async def branches(self) -> list[BranchRow]:
        """Return the registry's branches."""
        raise NotImplementedError

    async def cases(self, open_only: bool = True) -> list[CaseRow]:
        """Return cases, newest first."""
        raise NotImplementedError

    async def parked(self) -> list[ParkedRow]:
        """Return the streams that wait for an operator."""
        raise NotImplementedError

    async def counts(self, now: datetime) -> dict[str, Any]:
        """Return figures of the day for display."""
        raise NotImplementedError
