"""The link over MQTT 5: connects again and again, and tells everything in one order.

How it thinks: one connection object per life of a TCP connection; this module only decides when the next
one is tried, and keeps the owner's view ordered (Connected, what arrived, Disconnected). There are two
kinds of connection with one contract: paho's (`wire.mqtt_connection`, the default, for the edge) and the
one for many messages a second (`wire.mqtt_fast`, for central). clean_start
is 0 always with a session expiry; facts do not depend on that session, it only spares repetitions.

Files that cannot be read at the start raise ConfigError. A certificate that the broker or we refuse is
told once, with its mend, and tried again: the mend may happen at the other side.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from wire.errors import ConfigError, LinkError
from wire.link import Disconnected, Inbound, LinkEvent, LinkSettings, Outgoing, Refused, TooLarge
from wire.mqtt_tls import client_context
from wire.mqtt_window import Done

log = logging.getLogger("turnleaf.wire.mqtt")

BASE_S = 0.5
CAP_S = 30.0
LASTING_S = 10.0
"""A connection that lasted this long ended by chance: the next try is quick. One that ends sooner
(a broker that drops whoever it denies, two clones of one name) counts as a failed try."""
HIGH_WATER = 4096
LOW_WATER = 1024
TURN = 256
"""Events told in one turn of the loop; then whatever else waits has its turn."""


class Connection(Protocol):
    """One life of a TCP connection to a broker."""

    closed: asyncio.Future[str]
    """Why it ended."""

    @property
    def live(self) -> bool:
        """Whether messages can be handed over."""

    async def open(self) -> None:
        """Connect, subscribe, and tell Connected; raises ConfigError or LinkError."""

    def close(self) -> None:
        """Say goodbye as far as the socket takes it, and close."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read again."""

    def submit(self, out: Outgoing, done: Done | None) -> bool:
        """Hand a message over; False when there is no room. Raises TooLarge."""


Connect = Callable[[LinkSettings, int, Callable[[LinkEvent], None]], Connection]
"""Makes a connection of a generation that tells its events to a sink; it is not open yet."""


def paho(settings: LinkSettings, generation: int, sink: Callable[[LinkEvent], None]) -> Connection:
    """Make a connection with paho-mqtt, which is loaded now."""
    from wire.mqtt_connection import Connection as PahoConnection

    return PahoConnection(settings, generation, sink)


def retry_delay(attempt: int, rng: random.Random) -> float:
    """Return the seconds before try `attempt`, with full jitter; 0 follows a lasting connection."""
    return rng.uniform(0, min(CAP_S, BASE_S * 2 ** min(attempt, 16)))


class MqttLink:
    """`wire.link.Link` on an MQTT 5 broker over TLS."""

    def __init__(
        self, settings: LinkSettings, *, rng: random.Random | None = None, connection: Connect = paho
    ) -> None:
        self._settings = settings
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._connect = connection
        self._events: deque[LinkEvent] = deque()
        self._news = asyncio.Event()
        self._connection: Connection | None = None
        self._generation = 0
        self._told: set[str] = set()
        self._paused = False
        self.trouble: str | None = None
        """Why there is no connection just now, for people; None while there is one."""

    async def run(self) -> None:
        """Connect and stay connected until cancelled; on cancellation disconnect cleanly.

        Raises ConfigError when the certificate files cannot be used at the start.
        """
        client_context(self._settings)
        attempt = 0
        while True:
            attempt = await self._once(attempt)
            await asyncio.sleep(retry_delay(attempt, self._rng))

    async def _once(self, attempt: int) -> int:
        """Run one connection to its end and return the number of the next try."""
        loop = asyncio.get_running_loop()
        self._generation += 1
        connection = self._connect(self._settings, self._generation, self._take)
        self._connection = connection
        try:
            try:
                await connection.open()
            except (ConfigError, LinkError) as error:
                self._tell(error)
                return attempt + 1
            began = loop.time()
            self.trouble = None
            self._told.clear()
            reason = await asyncio.shield(connection.closed)
            log.info("connection %d ended: %s", self._generation, reason)
            self.trouble = reason
            self._put(Disconnected(self._generation, reason))
            return 0 if loop.time() - began >= LASTING_S else attempt + 1
        finally:
            self._connection = None
            connection.close()

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what happens, in order. One consumer."""
        told = 0
        while True:
            while not self._events:
                self._news.clear()
                await self._news.wait()
                told = 0
            event = self._events.popleft()
            if self._paused and len(self._events) <= LOW_WATER:
                self._paused = False
                if self._connection is not None:
                    self._connection.resume()
            yield event
            told += 1
            if told == TURN:
                told = 0
                await asyncio.sleep(0)

    def post(self, out: Outgoing) -> bool:
        """Hand a message over without waiting; False when there is no connection or no room.

        A packet larger than the broker takes is not sent and told as Refused.
        """
        if self._connection is None or not self._connection.live:
            return False
        try:
            return self._connection.submit(out, None)
        except TooLarge as error:
            log.warning("%s", error.seen)
            self._put(Refused(out.topic, error.seen))
            return True

    async def publish(self, out: Outgoing) -> None:
        """Publish and wait for the broker's word; raises PublishDenied, TooLarge or LinkError."""
        if self._connection is None or not self._connection.live:
            raise LinkError(f"not connected: {self.trouble or 'no try has ended yet'}")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._connection.submit(out, done):
            raise LinkError("too much waits to be sent")
        await done

    def _put(self, event: LinkEvent) -> None:
        self._events.append(event)
        self._news.set()

    def _take(self, event: LinkEvent) -> None:
        self._put(event)
        if isinstance(event, Inbound) and not self._paused and len(self._events) >= HIGH_WATER:
            self._paused = True
            if self._connection is not None:
                self._connection.pause()

    def _tell(self, error: ConfigError | LinkError) -> None:
        self.trouble = error.seen
        if error.seen in self._told:
            return
        self._told.add(error.seen)
        log.log(logging.ERROR if isinstance(error, ConfigError) else logging.WARNING, "%s", error)
