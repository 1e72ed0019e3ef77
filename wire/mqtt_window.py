"""Which messages are in flight, which wait for room, and who waits for the broker's word.

A client keeps to the server's Receive Maximum (MQTT 5 §3.2.2.3.3: a broker may end the connection when it
is exceeded); paho does not, so the limit is kept here. QoS 1 messages go out in the order
they were handed over.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from wire.errors import LinkError
from wire.link import Outgoing, PublishDenied, TooLarge
from wire.mqtt_limits import Limits, publish_size

BACKLOG = 8192
"""Messages that may wait for room in flight, and QoS 0 that the socket has not taken yet."""

Done = asyncio.Future[None]


class Window:
    """The outgoing side of one connection. `send` gives a message to the client and returns its packet id:
    None when it was not taken, 0 when nobody will tell of it (QoS 0, written at once)."""

    def __init__(
        self,
        send: Callable[[Outgoing], int | None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._send = send
        self._refused = refused
        self._waiting: deque[tuple[Outgoing, Done | None]] = deque()
        self._inflight: dict[int, tuple[Outgoing, Done | None]] = {}
        self._unsent: set[int] = set()
        self.limits = Limits(receive_maximum=1)
        self.held = False
        """Whether the socket takes no more for now: QoS 1 messages wait."""

    @property
    def inflight(self) -> int:
        """QoS 1 messages sent and not acknowledged."""
        return len(self._inflight)

    def uses(self, packet_id: int) -> bool:
        """Whether a packet id belongs to a message in flight."""
        return packet_id in self._inflight

    def submit(self, out: Outgoing, done: Done | None) -> bool:
        """Hand a message over; False when there is no room. Raises TooLarge."""
        self._measure(out)
        if out.qos == 0:
            return self._submit_unconfirmed(out, done)
        if self._room and not self._waiting:
            return self._launch(out, done)
        if len(self._waiting) >= BACKLOG:
            return False
        self._waiting.append((out, done))
        return True

    def told(self, packet_id: int, failure: str | None) -> None:
        """Take the broker's word on a message (or, for QoS 0, that the socket took it)."""
        if packet_id in self._unsent:
            self._unsent.discard(packet_id)
            return
        entry = self._inflight.pop(packet_id, None)
        if entry is None:
            return
        out, done = entry
        if failure is not None:
            self._fail(out, done, failure)
        elif done is not None and not done.done():
            done.set_result(None)
        self.advance()

    def advance(self) -> None:
        """Send what waited, as far as there is room."""
        while self._waiting and self._room:
            out, done = self._waiting.popleft()
            if done is None or not done.done():  # its publisher may have been cancelled meanwhile
                self._launch(out, done)

    def gone(self, reason: str) -> None:
        """Tell whoever waits that the connection ended; nothing is kept."""
        for _, done in (*self._inflight.values(), *self._waiting):
            if done is not None and not done.done():
                done.set_exception(LinkError(f"the connection ended before the broker's word: {reason}"))
        self._inflight.clear()
        self._waiting.clear()
        self._unsent.clear()

    @property
    def _room(self) -> bool:
        return not self.held and len(self._inflight) < self.limits.receive_maximum

    def _measure(self, out: Outgoing) -> None:
        most = self.limits.maximum_packet
        if most is None:
            return
        size = publish_size(out)
        if size > most:
            raise TooLarge(
                f"{out.topic}: packet of {size} bytes, the broker takes {most}",
                why="A broker ends the connection on such a packet; sending again would never end.",
                do="Send less in one message, or raise max_packet_size at the broker.",
            )

    def _submit_unconfirmed(self, out: Outgoing, done: Done | None) -> bool:
        if len(self._unsent) >= BACKLOG:
            return False
        packet_id = self._send(out)
        if packet_id is None:
            return False
        if packet_id:
            self._unsent.add(packet_id)
        if done is not None:
            done.set_result(None)
        return True

    def _launch(self, out: Outgoing, done: Done | None) -> bool:
        packet_id = self._send(out)
        if packet_id is None:
            return False
        self._inflight[packet_id] = (out, done)
        return True

    def _fail(self, out: Outgoing, done: Done | None, reason: str) -> None:
        if done is None:
            self._refused(out.topic, reason)
        elif not done.done():
            done.set_exception(
                PublishDenied(
                    f"the broker refused {out.topic}: {reason}",
                    why="Refused is configuration: sending it again does not help.",
                    do="`turnleaf broker check` proves the broker's rules; enrolment gives the right name.",
                )
            )
