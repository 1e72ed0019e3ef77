"""A real Mosquitto for one test: TLS, certificates, the ACL from the table, in a folder of its own.

    async def test_something(real_broker):
        real_broker.enrol("kiosk-1")                      # station; "central", "operator", "viewer" too
        link = real_broker.link("kiosk-1", subscriptions=[topic("answer", station="kiosk-1")])
        async with running(link) as seen: ...             # seen.until(...) waits for events

`kill`, `freeze`, `thaw`, `start`, `restart` are what they say, on the same ports.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from broker_config import pki
from broker_config.render import free_ports, ports, render
from broker_config.supervise import Broker
from wire.link import Connected, LinkEvent, LinkSettings
from wire.mqtt_link import Connect, MqttLink, paho

E = TypeVar("E")


class RealBroker:
    """A broker and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pki.init(folder, ["127.0.0.1"])
        render(folder, free_ports())
        self.broker = Broker(folder)
        self.connection: Connect = paho
        """The client that links are made with."""

    def enrol(self, name: str, role: str | None = None, **more: Any) -> Path:
        """Enrol an identity (stations by default) and return its folder."""
        home = pki.enrol(self.folder, name, role or ("central" if name == "central" else "station"), **more)
        if role in ("operator", "viewer"):
            render(self.folder)
            self.broker.reload()
        return home

    def settings(self, name: str, *, listener: str | None = None, **more: Any) -> LinkSettings:
        """Return how `name` connects: stations on their listener, all others on the other one."""
        home = self.folder / "identities" / name
        if not home.exists():
            self.enrol(name)
        station = pki.registry.load(self.folder).identities[name].role == "station"
        listen = ports(self.folder)
        port = (
            listen.stations
            if (listener or ("stations" if station else "operators")) == "stations"
            else listen.operators
        )
        files = {"ca": str(home / "ca.pem"), "cert": str(home / "cert.pem"), "key": str(home / "key.pem")}
        return LinkSettings(host="127.0.0.1", port=port, identity=name, **{**files, **more})

    def link(self, name: str, **more: Any) -> MqttLink:
        """Return a link of `name`, not running yet."""
        return MqttLink(self.settings(name, **more), connection=self.connection)

    async def start(self, *, watch: bool = False) -> None:
        await self.broker.start(watch=watch)

    async def restart(self) -> None:
        await self.broker.restart()

    async def kill(self) -> None:
        """SIGKILL the broker; `start` brings it back on the same ports."""
        await self.broker.kill()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and silent, as with a dead cable."""
        assert self.broker.pid is not None
        os.kill(self.broker.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.broker.pid is not None
        os.kill(self.broker.pid, signal.SIGCONT)

    async def stop(self) -> None:
        await self.broker.stop()


class Seen:
    """What a running link told so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.events: list[LinkEvent] = []
        self._news = asyncio.Event()

    def add(self, event: LinkEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, wanted: Callable[[list[LinkEvent]], E], timeout: float = 20) -> E:
        """Wait until `wanted(events)` is true, and return it."""
        async with asyncio.timeout(timeout):
            while not (found := wanted(self.events)):
                self._news.clear()
                await self._news.wait()
        return found

    async def next(self, kind: type[E], count: int = 1, timeout: float = 20) -> E:
        """Wait for the `count`-th event of this kind and return it."""
        found = await self.until(lambda events: self.of(kind)[count - 1 :], timeout)
        return found[0]

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of this kind."""
        return [event for event in self.events if isinstance(event, kind)]


@contextlib.asynccontextmanager
async def running(link: Any, *, connected: bool = True, read: bool = True) -> AsyncIterator[Seen]:
    """Run a link and collect its events; leaves by cancelling it, which disconnects cleanly."""
    seen = Seen()

    async def collect() -> None:
        async for event in link.events():
            seen.add(event)

    runner = asyncio.create_task(link.run())
    reader = asyncio.create_task(collect()) if read else None
    try:
        if connected and read:
            await seen.next(Connected)
        yield seen
    finally:
        for task in (runner, reader):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (runner, reader) if task is not None), return_exceptions=True)
