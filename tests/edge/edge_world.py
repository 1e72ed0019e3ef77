"""Stations, pads and a central of one event loop, joined by the broker in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from scripted_central import SUBSCRIPTIONS, ScriptedCentral

from kiosk.config_bin import BinSettings
from kiosk.config_gate import GateSettings
from kiosk.config_station import StationSettings
from kiosk.station_link import link_settings
from wire.clock import new_stamper
from wire.link import LinkSettings
from wire.link_memory import MemoryBroker, MemoryLink
from wire.messages.states import StationKind

S = TypeVar("S", bound=StationSettings)
T = TypeVar("T")
KEY = bytes(range(32))


def settings_of(model: type[S], folder: Path, name: str, port: int = 1, **more: Any) -> S:
    """Return small, quick settings of a station in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "items.key"
    key.write_text(KEY.hex())
    files = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
    raw: dict[str, Any] = {
        "name": name,
        "state_dir": folder / name,
        "broker": {"host": "127.0.0.1", "port": 1, **files},
        "heartbeat_s": 1,
        "sample_s": 1,
        **more,
    }
    if model in (GateSettings, BinSettings):
        raw["pad"] = {"host": "127.0.0.1", "port": port, "poll_ms": 20, **raw.pop("pad", {})}
    if model is GateSettings:
        raw["items_key"] = key
    return model.model_validate(raw)


def memory_link(broker: MemoryBroker, settings: StationSettings, kind: StationKind) -> MemoryLink:
    """Return a link with the production subscriptions and will."""
    return MemoryLink(broker, link_settings(settings, kind, new_stamper()))


def central_of(broker: MemoryBroker) -> ScriptedCentral:
    """Return a central on this broker, not running yet."""
    where = LinkSettings("", 0, "central", "", "", "", subscriptions=SUBSCRIPTIONS)
    return ScriptedCentral(MemoryLink(broker, where), KEY)


@asynccontextmanager
async def running(*works: Coroutine[Any, Any, Any]) -> AsyncIterator[list["asyncio.Task[Any]"]]:
    """Run loops for the length of a block; a loop that fails fails the test."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result


async def until(wanted: Callable[[], T], timeout: float = 20) -> T:
    """Wait until `wanted()` is true, and return it."""
    async with asyncio.timeout(timeout):
        while not (found := wanted()):
            with suppress(TimeoutError):
                await asyncio.sleep(0.01)
    return found
