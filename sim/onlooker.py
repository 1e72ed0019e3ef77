"""An independent onlooker: reads every message with a certificate of its own, and keeps count.

It is made for simulated libraries alone, and asks no daemon. What it says is compared with the ledger's
file and with the memory of the tags.
"""

import asyncio
import json
import logging
import random
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

log = logging.getLogger("turnleaf.sim.onlooker")


@dataclass(frozen=True, slots=True)
class Message:
    """One message on the wire."""

    number: int
    topic: str
    levels: tuple[str, ...]
    payload: bytes
    retained: bool

    def body(self) -> dict[str, Any]:
        """Return the payload as a dictionary; empty when it is none."""
        try:
            found = json.loads(self.payload) if self.payload else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass
class Onlooker:
    """Reads `turnleaf/v1/#` until it is told to stop."""

    host: str
    port: int
    identity: Path
    """Folder with ca.pem, cert.pem, key.pem."""
    listeners: list[Callable[[Message], None]] = field(default_factory=list)
    messages: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    """Schemas and kinds of the payloads."""
    feed: Counter[str] = field(default_factory=Counter)
    values: int = 0
    """Measured values in samples."""
    last: deque[Message] = field(default_factory=lambda: deque(maxlen=400))
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until cancelled; connects again when the broker goes away."""
        import aiomqtt

        while True:
            try:
                await self._read()
            except (aiomqtt.MqttError, OSError) as error:
                log.debug("the broker is away: %s", error)
            self.connected.clear()
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _read(self) -> None:
        import aiomqtt
        from paho.mqtt.client import MQTTv5

        context = ssl.create_default_context(cafile=str(self.identity / "ca.pem"))
        context.load_cert_chain(self.identity / "cert.pem", self.identity / "key.pem")
        async with aiomqtt.Client(
            self.host,
            self.port,
            identifier=f"{self.identity.name}-{random.randrange(1 << 32):08x}",
            protocol=aiomqtt.ProtocolVersion(MQTTv5),
            tls_context=context,
            max_queued_incoming_messages=100_000,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        ) as client:
            await client.subscribe("turnleaf/v1/#", qos=1)
            self.connected.set()
            async for message in client.messages:
                payload = bytes(message.payload or b"")
                self._take(str(message.topic), payload, bool(message.retain))

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        self.messages += 1
        found = Message(self.messages, topic, tuple(topic.split("/")[2:]), payload, retained)
        body = found.body()
        kind = str(body.get("schema") or body.get("kind") or "")
        if kind == "entry" and isinstance(body.get("body"), dict):
            kind = str(body["body"].get("schema", kind))
        self.kinds[kind] += 1
        if kind == "feed/1":
            self.feed[str(body.get("event"))] += 1
        if kind == "sample/1":
            self.values += len(body.get("values", ()))
        self.last.append(found)
        for listener in self.listeners:
            listener(found)
