"""The desk. (Signatures first; bodies follow.)"""

import asyncio
from pathlib import Path
from typing import Any

from central.ledger.ledger import Ledger
from central.results import DeskInput, DeskResult, Effect
from wire.clock import Clock


class Desk:
    """The one writer."""

    effects: asyncio.Queue[Effect]

    def __init__(
        self, ledger: Ledger, authority: Any, policy: Any, clock: Clock, items_key: bytes
    ) -> None: ...

    async def run(self) -> None:
        """Commit what is submitted, in groups, until cancelled. Raises LeaseLost when another took over."""

    async def submit(self, given: DeskInput) -> DeskResult:
        """Take one input; returns after the commit that holds it."""
        raise NotImplementedError

    def heard(self, station: str, boot: str, mono: int) -> None:
        """Note a live (not retained) status of a station: it corrects the station's clock later."""


def load_policy(path: Path | None) -> Any:
    """Return the policy in a TOML file, or the defaults."""
