"""`turnleaf broker check`: proves each rule at the broker that runs, from outside, by trying to break it.

It works with certificates that it makes itself for ten minutes, under names that nobody bears, so it
needs no station's key and disturbs none. A SUBACK proves nothing at Mosquitto (it grants everything and
filters deliveries), so the proof of a subscription is what arrives.
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from broker_config import pki, render
from broker_config.control import settings_of
from broker_config.roles import CENTRAL
from broker_config.supervise import accepts
from wire.errors import LinkError
from wire.link import Connected, Disconnected, Inbound, Outgoing, PublishDenied
from wire.mqtt_link import MqttLink
from wire.topics import topic

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Proof:
    """One rule, whether it holds, and what was seen and is to be done when not."""

    line: str
    ok: bool
    seen: str = ""
    do: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Probe:
    """A connected identity and what it received."""

    link: MqttLink
    received: list[Inbound] = field(default_factory=list)
    ended: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def collect(self) -> None:
        async for event in self.link.events():
            if isinstance(event, Inbound):
                self.received.append(event)
                event.ack()
            elif isinstance(event, Disconnected):
                self.ended += 1
            if isinstance(event, Connected | Inbound):
                self.news.set()

    async def wait(self) -> None:
        """Wait for a connection or a message."""
        async with asyncio.timeout(PATIENCE_S):
            await self.news.wait()
        self.news.clear()


class _Bench:
    """Where the proofs are made: the folder, and probes of temporary certificates."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        tail = secrets.token_hex(4)
        self.mine, self.other = f"probe-a-{tail}", f"probe-b-{tail}"

    @asynccontextmanager
    async def probe(
        self, name: str, *subscriptions: str, client_id: str | None = None, wait: bool = True
    ) -> AsyncIterator[_Probe]:
        home = self.temporary / name
        if not home.exists():
            pki.temporary_identity(self.folder, name, self.temporary)
        settings = settings_of(
            self.folder,
            home,
            name,
            stations=name != CENTRAL,
            client_id=client_id or (f"check-{secrets.token_hex(4)}" if name == CENTRAL else None),
            subscriptions=subscriptions,
        )
        probe = _Probe(MqttLink(settings))
        tasks = [asyncio.create_task(probe.link.run()), asyncio.create_task(probe.collect())]
        try:
            if wait:
                await probe.wait()
            yield probe
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def check(folder: Path) -> list[Proof]:
    """Return a proof for each rule; when the broker does not answer, one that says so."""
    listen = render.ports(folder)
    with TemporaryDirectory() as temporary:
        bench = _Bench(folder, Path(temporary))
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.bind, listen.bind)
        try:
            async with bench.probe(bench.mine):
                pass
        except TimeoutError:
            return [
                Proof(
                    f"the broker answers on {host}:{listen.stations}",
                    ok=False,
                    seen="no connection with a fresh certificate of this CA",
                    do=f"Start it (`turnleaf broker --dir {folder} up`) and read its log.",
                )
            ]
        proofs = [Proof(f"the broker answers on {host}:{listen.stations}", ok=True)]
        proofs.append(await _no_certificate(folder, host, listen.stations))
        proofs.append(await _no_certificate(folder, host, listen.operators))
        for prove in (_publishing, _foreign_subscription, _foreign_client_id):
            proofs += await _bounded(prove, bench)
        proofs.append(await _oversize(bench, host, listen.stations))
        return proofs


async def _bounded(prove: Callable[[_Bench], Awaitable[list[Proof]]], bench: _Bench) -> list[Proof]:
    try:
        return await prove(bench)
    except TimeoutError:
        name = prove.__name__.strip("_").replace("_", " ")
        return [Proof(name, ok=False, seen="the broker stopped answering", do="Read the broker's log.")]


async def _publishing(bench: _Bench) -> list[Proof]:
    rules = (
        ("own up", topic("sample", station=bench.mine, part="check"), True),
        ("another station's up", topic("fact", station=bench.other), False),
        ("another station's state", topic("status", station=bench.other), False),
        ("any down", topic("answer", station=bench.mine), False),
        ("items", topic("changes"), False),
        ("central", topic("central"), False),
        ("pub", topic("feed", branch="all"), False),
        ("req, as a station", topic("request", identity=bench.mine, verb="stations"), False),
        ("rsp", topic("response", identity=bench.mine, verb="stations"), False),
    )
    proofs = []
    for what, name, allowed in rules:
        async with bench.probe(bench.mine) as probe:  # a broker may drop whoever it denies
            said = await _publish(probe.link, name)
        ok = (said == "") is allowed
        proofs.append(
            Proof(
                f"publishing to {what} is {'allowed' if allowed else 'denied'}",
                ok,
                "" if ok else f"{name}: {said or 'accepted'}",
                "" if ok else f"Write the acl anew: turnleaf broker --dir {bench.folder} render",
            )
        )
    return proofs


async def _publish(link: MqttLink, name: str) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await link.publish(Outgoing(name, b"{}", qos=1))
    except PublishDenied as error:
        return error.seen
    except LinkError as error:
        return f"dropped: {error.seen}"
    return ""


async def _foreign_subscription(bench: _Bench) -> list[Proof]:
    own, foreign = topic("resume", station=bench.mine), topic("resume", station=bench.other)
    async with bench.probe(bench.mine, own, foreign) as probe, bench.probe(CENTRAL) as central:
        for name in (foreign, own):
            await central.link.publish(Outgoing(name, b"{}"))
        await probe.wait()
        arrived = [message.topic for message in probe.received]
    ok = arrived == [own]
    return [
        Proof(
            "a subscription to another station's down delivers nothing",
            ok,
            "" if ok else f"arrived: {', '.join(arrived)}",
            "" if ok else f"Write the acl anew: turnleaf broker --dir {bench.folder} render",
        )
    ]


async def _foreign_client_id(bench: _Bench) -> list[Proof]:
    async with bench.probe(bench.other) as victim, bench.probe(bench.mine, client_id=bench.other):
        with suppress(LinkError):
            await victim.link.publish(Outgoing(topic("sample", station=bench.other, part="check"), b"{}"))
        ok = victim.ended == 0
    return [
        Proof(
            "another station's client id cannot be taken",
            ok,
            "" if ok else "a second certificate threw the first off by its client id",
            "" if ok else "The station listener needs use_username_as_clientid true.",
        )
    ]


async def _no_certificate(folder: Path, host: str, port: int) -> Proof:
    line = f"a client without certificate is refused on port {port}"
    said = await _converse(_context(folder, None), host, port, _connect("nobody"))
    ok = not said.startswith(b"\x20") and await accepts(folder, host, port)
    return Proof(
        line,
        ok,
        "" if ok else "it was let in" if said else "nobody answers there",
        "" if ok else "The listener needs require_certificate true.",
    )


async def _oversize(bench: _Bench, host: str, port: int) -> Proof:
    name = topic("sample", station=bench.mine, part="check").encode()
    size = render.MAX_PACKET + 1
    body = len(name).to_bytes(2, "big") + name + b"\0\1" + b"\0" + bytes(size)
    packet = b"\x32" + _variable(len(body)) + body
    context = _context(bench.folder, bench.temporary / bench.mine)
    said = await _converse(context, host, port, _connect(bench.mine) + packet)
    ok = said.startswith(b"\x20") and said[_first_packet(said) :][:1] != b"\x40"  # CONNACK, but no PUBACK
    return Proof(
        f"a packet above {render.MAX_PACKET} bytes is refused",
        ok,
        "" if ok else "it was acknowledged" if said else "the connection was refused",
        "" if ok else "mosquitto.conf needs max_packet_size.",
    )


def _context(folder: Path, home: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca" / "ca.pem"))
    if home is not None:
        context.load_cert_chain(home / "cert.pem", home / "key.pem")
    return context


async def _converse(context: ssl.SSLContext, host: str, port: int, said: bytes) -> bytes:
    """Send bytes and return all that comes back until the broker closes or two seconds of silence."""
    heard = bytearray()
    with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
        try:
            writer.write(said)
            await writer.drain()
            while True:
                async with asyncio.timeout(2):
                    part = await reader.read(4096)
                if not part:
                    break
                heard += part
        finally:
            writer.close()
    return bytes(heard)


def _connect(name: str) -> bytes:
    """Return a CONNECT packet of MQTT 5 (§3.1): clean start, keep alive 10 s, no properties."""
    body = b"\0\4MQTT\5\2\0\x0a\0" + len(name).to_bytes(2, "big") + name.encode()
    return b"\x10" + _variable(len(body)) + body


def _variable(value: int) -> bytes:
    """Return a variable byte integer (MQTT 5 §1.5.5)."""
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _first_packet(heard: bytes) -> int:
    """Return the length of the first packet (the CONNACK, always short)."""
    return 2 + heard[1] if len(heard) > 1 else 0
