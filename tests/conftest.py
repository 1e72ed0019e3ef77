"""Fixtures that every package's tests share. The real parts themselves are in tests/real/."""

import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that tests say `from real.broker import ...`

from real.broker import RealBroker

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A job in the background of a script ignores Ctrl-C, and so would every command that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
async def real_broker(tmp_path: Path) -> AsyncIterator[RealBroker]:
    """A started Mosquitto with the production configuration; enrol who you need (see tests/real/broker.py)."""
    broker = RealBroker(tmp_path / "broker")
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
