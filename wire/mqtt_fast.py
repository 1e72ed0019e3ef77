"""One MQTT 5 connection on an `asyncio.Protocol` and the codec of the `mqtt5` package: for central.

How it thinks: the codec (Rust) turns bytes into packets and back; this class knows the few rules of a
client's session that the streams need, and nothing else. What is written in one turn of the loop leaves in
one piece: one send, one TLS record for many packets. Acknowledgements go out in the order in which the
messages came (MQTT 5 §4.6), whatever order their owner settles them in, and only on the connection that
they came by.

It takes a seventh of the processor time that paho takes for a message (`tests/bench/link_bench.py`); an edge
daemon, which says a message now and then, stays on paho (`wire.mqtt_connection`) behind the same port.

Not for: reconnecting (wire.mqtt_link), durability (the outbox), QoS 2.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

import mqtt5

from wire.errors import LinkError
from wire.link import Connected, Inbound, LinkEvent, LinkSettings, Outgoing, Refused
from wire.mqtt_acks import Acks
from wire.mqtt_fast_packet import connect, connect_fault, encoded, failed, said, subscribe, subscribe_fault
from wire.mqtt_limits import CONNECT_TIMEOUT_S, GRANT_TIMEOUT_S, RECEIVE_MAXIMUM, Limits
from wire.mqtt_link import MqttLink
from wire.mqtt_tls import certificate_fault, client_context, unanswered
from wire.mqtt_window import Done, Window

log = logging.getLogger("turnleaf.wire.mqtt")

UNSENT_MOST = 16 * 1024 * 1024
"""Bytes that may wait for the socket; beyond it a QoS 0 message is not taken. QoS 1 waits in the window."""
SHUTDOWN_S = 2.0
"""How long a goodbye may wait for the broker's own end of TLS."""
SILENT = 1.5
"""Keepalives without a byte from the broker after which the connection counts as dead (§3.1.2.10)."""
FIRST_ID, LAST_ID = 1, 65535


def fast_link(settings: LinkSettings) -> MqttLink:
    """Return a link like any other, on this connection."""
    return MqttLink(settings, connection=FastConnection)


class FastConnection(asyncio.Protocol):
    """A connection from CONNECT to its end. Used from the loop alone."""

    def __init__(self, settings: LinkSettings, generation: int, sink: Callable[[LinkEvent], None]) -> None:
        self._settings = settings
        self._generation = generation
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._granted: asyncio.Future[bool] = self._loop.create_future()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self._held: list[Inbound] | None = []
        self._window = Window(self._send, self._refused)
        self._acks = Acks(self._acknowledge)
        self._session_present = False
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._rest = b""
        self._last_id = 0
        self._choked = False
        self._paused = False
        self._keepalive_s = float(settings.keepalive_s)
        self._heard_at = self._wrote_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def live(self) -> bool:
        """Whether messages can be handed over: connected, subscriptions granted, not gone."""
        return self._held is None and not self.closed.done()

    def context(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken. None, without TLS, is for measurements alone: no setting leads there."""
        return client_context(self._settings)

    async def open(self) -> None:
        """Connect, subscribe, and tell the owner Connected; raises ConfigError or LinkError."""
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        context = self.context()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._loop.create_connection(
                    lambda: self,
                    settings.host,
                    settings.port,
                    ssl=context,
                    ssl_shutdown_timeout=None if context is None else SHUTDOWN_S,
                )
        except (OSError, ssl.CertificateError) as error:
            reason = str(error) or type(error).__name__
            fault = certificate_fault(reason, settings)
            if fault is None and isinstance(error, ssl.SSLError | ConnectionResetError):
                fault = unanswered(reason, settings)
            if fault is not None:
                raise fault from error
            raise LinkError(f"no connection to the broker {where}: {reason}") from error
        self._tick()
        both: set[asyncio.Future[Any]] = {self._granted, self.closed}
        try:
            async with asyncio.timeout(GRANT_TIMEOUT_S):
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            raise LinkError(f"the broker {where} accepted the connection and stays silent") from error
        if not self._granted.done():
            reason = self.closed.result()
            raise certificate_fault(reason, settings) or unanswered(reason, settings)
        self._granted.result()
        self._sink(Connected(self._generation, self._session_present))
        held, self._held = self._held or [], None
        for message in held:
            self._sink(message)

    def close(self) -> None:
        """Send what is queued and a clean DISCONNECT as far as the socket takes it, and close."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None and not self.closed.done():
            self._out.append(mqtt5.DisconnectPacket().write())
            self._flush()
            self._transport.close()
        self._gone("closed by this side")

    def pause(self) -> None:
        """Read no more for now: the owner is behind, the broker shall wait (TCP flow control)."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self._paused:
            self._paused = False
            self._heard_at = self._loop.time()
            self._transport.resume_reading()
            self._loop.call_soon(self._read, b"")

    # --- out ------------------------------------------------------------------------------------

    def submit(self, out: Outgoing, done: Done | None) -> bool:
        """Hand a message over; False when there is no room. Raises TooLarge."""
        return self._window.submit(out, done)

    def _acknowledge(self, packet_ids: list[int]) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += [mqtt5.PubAckPacket(packet_id).write() for packet_id in packet_ids]

    def _send(self, out: Outgoing) -> int | None:
        """Put a PUBLISH in line; None when too much waits for the socket. A QoS 0 message has the id 0."""
        if self._choked and out.qos == 0 and self._unsent() > UNSENT_MOST:
            return None
        packet_id = self._next_id() if out.qos else 0
        self._write(encoded(out, packet_id))
        return packet_id

    def _unsent(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _next_id(self) -> int:
        """Return a packet id that is not in use (§2.2.1)."""
        while True:
            self._last_id = self._last_id + 1 if self._last_id < LAST_ID else FIRST_ID
            if not self._window.uses(self._last_id):
                return self._last_id

    def _write(self, data: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        """Write what this turn of the loop brought, in one piece."""
        if not self._out or self._transport is None or self._transport.is_closing():
            return
        self._wrote_at = self._loop.time()
        self._transport.write(b"".join(self._out))
        self._out.clear()

    def _refused(self, name: str, reason: str) -> None:
        log.warning("the broker refused a message on %s: %s", name, reason)
        self._sink(Refused(name, reason))

    # --- what the transport tells ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS stands: say CONNECT. (asyncio sets TCP_NODELAY; with Nagle a round trip takes 40 ms.)"""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard_at = self._wrote_at = self._loop.time()
        self._write(connect(self._settings))
        self._flush()

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._choked = self._window.held = True

    def resume_writing(self) -> None:
        """The socket takes more again."""
        self._choked = self._window.held = False
        self._window.advance()

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._heard_at = self._loop.time()
        self._read(data)

    def _read(self, data: bytes) -> None:
        """Take the packets in what arrived; what is not whole, or comes while we pause, is kept."""
        data = self._rest + data if self._rest else data
        view, at = memoryview(data), 0
        try:
            while at < len(data) and not self._paused and not self.closed.done():
                packet, size = mqtt5.read(view[at:])
                at += size
                if type(packet) is mqtt5.PublishPacket:
                    self._published(packet)
                elif type(packet) is mqtt5.PubAckPacket:
                    reason = packet.reason_code
                    self._window.told(packet.packet_id, said(reason) if failed(reason) else None)
                else:
                    self._other(packet)
        except IndexError:  # the codec's word for: not whole yet
            pass
        except ValueError as error:
            self._abort(f"the broker sent what is no MQTT 5: {error}")
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # the codec's word for text that is not UTF-8
                self._abort("the broker sent text that is not UTF-8")
            else:
                self._broken(error)
        self._rest = data[at:]

    def _broken(self, error: BaseException) -> None:
        """A bug of ours: it ends the link, where asyncio would only log it and close the line."""
        if not self.closed.done():
            self.closed.set_exception(error)
            self._window.gone(type(error).__name__)
            self._acks.gone()
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone."""
        self._gone(str(exc) or type(exc).__name__ if exc is not None else "the broker closed the line")

    # --- packets --------------------------------------------------------------------------------

    def _published(self, packet: mqtt5.PublishPacket) -> None:
        ack = _nothing if packet.packet_id is None else self._acks.owe(packet.packet_id)
        inbound = Inbound(
            packet.topic,
            packet.payload,
            packet.retain,
            int(packet.qos),
            self._generation,
            packet.correlation_data,
            packet.response_topic,
            ack,
        )
        if self._held is not None:
            self._held.append(inbound)
        else:
            self._sink(inbound)

    def _other(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket():
                self._accepted(packet)
            case mqtt5.SubAckPacket():
                self._subscribed(packet)
            case mqtt5.PingRespPacket():
                pass
            case mqtt5.DisconnectPacket():
                self._abort(f"the broker said: {said(packet.reason_code)}")
            case _:
                self._abort(f"the broker sent {type(packet).__name__}, which a client never gets here")

    def _accepted(self, packet: mqtt5.ConnAckPacket) -> None:
        if self._granted.done():
            return
        fault = connect_fault(packet)
        if fault is not None:
            self._granted.set_exception(fault)
            return
        self._session_present = packet.session_present
        self._keepalive_s = float(packet.server_keep_alive or self._settings.keepalive_s)
        self._window.limits = Limits(min(RECEIVE_MAXIMUM, packet.receive_max), packet.max_packet_size)
        if not self._settings.subscriptions:
            self._granted.set_result(True)
            return
        self._write(subscribe(self._next_id(), self._settings.subscriptions))

    def _subscribed(self, packet: mqtt5.SubAckPacket) -> None:
        if self._granted.done():
            return
        fault = subscribe_fault(self._settings.subscriptions, packet)
        if fault is not None:
            self._granted.set_exception(fault)
        else:
            self._granted.set_result(True)

    # --- the end --------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Keep the line alive both ways, and find out when it is dead (§3.1.2.10)."""
        if self.closed.done():
            return
        now = self._loop.time()
        if now - self._heard_at > SILENT * self._keepalive_s and not self._paused:
            self._abort(f"Keep alive: the broker was silent for {now - self._heard_at:.0f} s")
            return
        if now - min(self._wrote_at, self._heard_at) > self._keepalive_s / 2:
            self._write(mqtt5.PingReqPacket().write())
        self._timer = self._loop.call_later(min(1.0, self._keepalive_s / 4), self._tick)

    def _abort(self, reason: str) -> None:
        self._gone(reason)
        if self._transport is not None:
            self._transport.abort()

    def _gone(self, reason: str) -> None:
        if self.closed.done():
            return
        self.closed.set_result(reason)
        if self._timer is not None:
            self._timer.cancel()
        self._window.gone(reason)
        self._acks.gone()


def _nothing() -> None:
    """QoS 0 is not acknowledged."""
