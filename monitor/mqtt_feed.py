"""The feed over MQTT 5: aiomqtt reads, where loss is allowed; what we ask goes out through the link.

Reading is at QoS 0: the broker then writes all it retains before it answers our next packet, so the grant
of a second subscription tells that the picture is whole. aiomqtt does not connect again by itself and loses
messages when its iterator is waited for with a timeout: one pump reads it, and only cancellation ends it.
"""

import asyncio
import logging
import random
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from pydantic import ValidationError

from monitor.feed import Args, Batch, Connection, Inbox
from monitor.fleet import Arrived
from monitor.where import Where
from wire.clock import Clock
from wire.errors import ConfigError, LinkError
from wire.ids import new_id
from wire.link import Connected, Disconnected, Inbound, Outgoing, Refused
from wire.messages.states import Operate, Operated
from wire.mqtt_link import MqttLink, retry_delay
from wire.mqtt_tls import certificate_fault
from wire.topics import BY_NAME, TABLE, Party, topic

if TYPE_CHECKING:
    import aiomqtt
    from paho.mqtt.subscribeoptions import SubscribeOptions

log = logging.getLogger("turnleaf.monitor.feed")

REPLY_S = 10.0
"""How long central has for a reply."""
LAST_ATTEMPT = 3
"""The back-off grows until here, 4 s at most: somebody is looking at the screen."""
WAITING = 100_000
"""Messages that wait in memory at most; the fleet is taken out of them at once."""

PUBLIC = tuple(topic(row.name) for row in TABLE if {Party.SCOPE, Party.EVERYONE} & set(row.reads))
"""What a console subscribes to, from the one table."""


class Reader:
    """Reads `filters` again and again and tells three callbacks."""

    def __init__(self, where: Where, clock: Clock, filters: Sequence[str] = PUBLIC) -> None:
        self._where = where
        self._clock = clock
        self._filters = filters
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self.on_begin: Callable[[], None] = lambda: None
        self.on_message: Callable[[Arrived], None] = lambda _: None
        self.on_settled: Callable[[], None] = lambda: None
        self.connection = Connection("connecting", clock.now())

    async def run(self) -> None:
        """Read until cancelled. Raises ConfigError when the certificate's files cannot be used."""
        import aiomqtt

        context = self._context()
        attempt = 0
        while True:
            try:
                await self._read(context)
            except aiomqtt.MqttError as error:  # of sockets and TLS, too; an OSError is of whoever listens
                attempt = 0 if self.connection.word == "connected" else attempt + 1
                _heed_cancellation()
                self._away(self._words(error))
            await asyncio.sleep(retry_delay(min(attempt, LAST_ATTEMPT), self._rng))

    def _away(self, why: str) -> None:
        since = self.connection.since if self.connection.word == "away" else self._clock.now()
        if self.connection.word != "away":
            log.info("the broker is away: %s", why)
        self.connection = Connection("away", since, why)

    def _words(self, error: Exception) -> str:
        """Return why there is no broker; a fault of certificates in the words of the link."""
        text = str(error) or type(error).__name__
        fault = certificate_fault(text, self._where.link_settings())
        return fault.seen if fault is not None else re.sub(r"^\[[^]]*\] ", "", text)

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._where.file("ca"))
            context.load_cert_chain(self._where.file("cert"), self._where.file("key"))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"{self._where.folder}: the certificate cannot be used: {error}",
                do="Give the folder that `turnleaf broker enrol NAME --role operator` made.",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    async def _read(self, context: ssl.SSLContext) -> None:
        import aiomqtt
        from paho.mqtt.subscribeoptions import SubscribeOptions

        again = SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        where = self._where
        client = aiomqtt.Client(
            where.host,
            where.port,
            identifier=f"{where.identity}-{new_id()[:8]}",
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=context,
            keepalive=15,
            timeout=10,
            max_queued_incoming_messages=WAITING,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client._disconnected.add_done_callback(_heard_of)  # no public way; asyncio would complain on stderr
        async with client:
            await self._pump(client, again)

    async def _pump(self, client: "aiomqtt.Client", again: "SubscribeOptions") -> None:
        """Subscribe and hand over what arrives, until the connection ends."""
        _heed_cancellation()
        self.on_begin()
        await client.subscribe([(wanted, 0) for wanted in self._filters])
        await client.subscribe(self._filters[0], options=again)  # its grant follows everything retained
        _heed_cancellation()
        backlog = len(client.messages)
        self.connection = Connection("connected", self._clock.now())
        if not backlog:
            self.on_settled()
        async for message in client.messages:
            at = None if message.retain else self._clock.now()
            self.on_message(Arrived(str(message.topic), bytes(message.payload or b""), at))
            backlog -= 1
            if backlog == 0:
                self.on_settled()


def _heed_cancellation() -> None:
    """End here if we were cancelled: aiomqtt awaits with wait_for, which on 3.11 may swallow it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _heard_of(ended: "asyncio.Future[None]") -> None:
    """Look at why a client was disconnected: when its owner is past caring, nobody else does."""
    if not ended.cancelled():
        ended.exception()


class MqttFeed:
    """`monitor.feed.Feed` on a broker."""

    def __init__(self, where: Where, clock: Clock) -> None:
        self._where = where
        self._clock = clock
        self._inbox = Inbox()
        self.reader = Reader(where, clock)
        self.reader.on_begin = self._inbox.begin
        self.reader.on_settled = self._inbox.settle
        self.reader.on_message = self._inbox.put
        self._link = MqttLink(where.link_settings())
        self._linked = asyncio.Event()
        self._replies: dict[str, asyncio.Future[Operated]] = {}

    @property
    def connection(self) -> Connection:
        """How it stands between us and the broker."""
        return self.reader.connection

    async def run(self) -> None:
        """Read and be ready to ask, until cancelled; raises ConfigError for unusable certificates."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.reader.run(), name="read")
            group.create_task(self._link.run(), name="link")
            group.create_task(self._events(), name="link-events")

    def take(self) -> Batch:
        """Return what came since the last call."""
        return self._inbox.take()

    async def ask(self, verb: str, args: Args) -> Operated:
        """Ask central something; raises LinkError when broker or central do not answer in time."""
        if self.connection.word == "away":
            raise LinkError(f"the broker is away: {self.connection.why}", do="It is tried again and again.")
        asked = Operate(
            request=new_id(), until=self._clock.now() + timedelta(seconds=REPLY_S), args=dict(args)
        )
        out = Outgoing(
            topic("request", identity=self._where.identity, verb=verb),
            asked.encode(),
            expiry_s=BY_NAME["request"].expiry_s,
            correlation=asked.request.encode(),
        )
        reply: asyncio.Future[Operated] = asyncio.get_running_loop().create_future()
        self._replies[asked.request] = reply
        try:
            async with asyncio.timeout(REPLY_S):
                await self._linked.wait()
                await self._link.publish(out)
                return await reply
        except TimeoutError:
            raise LinkError(
                "no reply came from central", do="See whether broker and central run: turnleaf doctor"
            ) from None
        finally:
            del self._replies[asked.request]

    async def _events(self) -> None:
        async for event in self._link.events():
            match event:
                case Connected():
                    self._linked.set()
                case Disconnected():
                    self._linked.clear()
                case Refused():
                    log.warning("the broker refused %s: %s", event.topic, event.reason)
                case Inbound():
                    event.ack()
                    self._replied(event.payload)
                case _:
                    assert_never(event)

    def _replied(self, payload: bytes) -> None:
        try:
            said = Operated.decode(payload)
        except ValidationError:
            log.warning("a reply of central cannot be read")
            return
        waiting = self._replies.get(said.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(said)
