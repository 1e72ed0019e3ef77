"""The link over MQTT 5 (paho-mqtt 2.x): connects again and again, and tells everything in one order.

How it thinks: one `Connection` per life of a TCP connection; this module only decides when the next
one is tried, and keeps the owner's view ordered (Connected, what arrived, Disconnected). clean_start
is 0 always with a session expiry; facts do not depend on that session, it only spares repetitions.

Files that cannot be read at the start raise ConfigError. A certificate that the broker or we refuse is
told once, with its mend, and tried again: the mend may happen at the other side.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator

from wire.errors import ConfigError, LinkError
from wire.link import Disconnected, Inbound, LinkEvent, LinkSettings, Outgoing, Refused, TooLarge
from wire.mqtt_connection import Connection
from wire.mqtt_tls import client_context

log = logging.getLogger("turnleaf.wire.mqtt")

BASE_S = 0.5
CAP_S = 30.0
LASTING_S = 10.0
"""A connection that lasted this long ended by chance: the next try is quick. One that ends sooner
(a broker that drops whoever it denies, two clones of one name) counts as a failed try."""
HIGH_WATER = 4096
LOW_WATER = 1024


def retry_delay(attempt: int, rng: random.Random) -> float:
    """Return the seconds before try `attempt`, with full jitter; 0 follows a lasting connection."""
    return rng.uniform(0, min(CAP_S, BASE_S * 2 ** min(attempt, 16)))


class MqttLink:
    """`wire.link.Link` on an MQTT 5 broker over TLS."""

    def __init__(self, settings: LinkSettings, *, rng: random.Random | None = None) -> None:
        self._settings = settings
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._events: asyncio.Queue[LinkEvent] = asyncio.Queue()
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
        connection = Connection(self._settings, self._generation, self._take)
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
            self._events.put_nowait(Disconnected(self._generation, reason))
            return 0 if loop.time() - began >= LASTING_S else attempt + 1
        finally:
            self._connection = None
            connection.close()

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what happens, in order. One consumer."""
        while True:
            event = await self._events.get()
            if self._paused and self._events.qsize() <= LOW_WATER:
                self._paused = False
                if self._connection is not None:
                    self._connection.resume()
            yield event

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
            self._events.put_nowait(Refused(out.topic, error.seen))
            return True

    async def publish(self, out: Outgoing) -> None:
        """Publish and wait for the broker's word; raises PublishDenied, TooLarge or LinkError."""
        if self._connection is None or not self._connection.live:
            raise LinkError(f"not connected: {self.trouble or 'no try has ended yet'}")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._connection.submit(out, done):
            raise LinkError("too much waits to be sent")
        await done

    def _take(self, event: LinkEvent) -> None:
        self._events.put_nowait(event)
        if isinstance(event, Inbound) and not self._paused and self._events.qsize() >= HIGH_WATER:
            self._paused = True
            if self._connection is not None:
                self._connection.pause()

    def _tell(self, error: ConfigError | LinkError) -> None:
        self.trouble = error.seen
        if error.seen in self._told:
            return
        self._told.add(error.seen)
        log.log(logging.ERROR if isinstance(error, ConfigError) else logging.WARNING, "%s", error)
