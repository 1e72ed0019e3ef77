"""One MQTT 5 connection: a paho client that lives exactly as long as its TCP connection.

A new client is made for each connection. So paho never sends again by itself what an earlier
connection had not acknowledged (the outbox does that, with numbers), an acknowledgement can only
reach the connection that its message came by, and the in-flight limit can follow the broker's word.

paho's socket is served by the asyncio loop, without a thread of paho's: reads by `add_reader`, writes
by one `call_soon` for all packets queued in a turn (and `add_writer` only when the socket is full),
time by one timer. Only the blocking connect and TLS handshake run in a worker thread.

Not for: reconnecting (wire.mqtt_link), durability (the outbox).
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from wire.errors import ConfigError, LinkError
from wire.link import Connected, Inbound, LinkEvent, LinkSettings, Outgoing, Refused
from wire.loops import to_next_beat
from wire.mqtt_limits import CONNECT_TIMEOUT_S, GRANT_TIMEOUT_S, RECEIVE_MAXIMUM, Limits
from wire.mqtt_packet import (
    connect_properties,
    correlation_of,
    publish_properties,
    will_properties,
)
from wire.mqtt_tls import certificate_fault, client_context, unanswered
from wire.mqtt_window import Window

log = logging.getLogger("turnleaf.wire.mqtt")


class _LastWord(logging.Handler):
    """Keeps the last error paho logged: the only place where it tells why a socket failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


class Connection:
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
        self._session_present = False
        self._sock: socket.socket | None = None
        self._writer = False
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_word = _LastWord()
        self._client = self._make_client()

    @property
    def live(self) -> bool:
        """Whether messages can be handed over: connected, subscriptions granted, not gone."""
        return self._held is None and not self.closed.done()

    def _make_client(self) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id or settings.identity,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages = 0  # the window is kept here; paho ignores Receive Maximum
        logger = logging.Logger("paho", logging.ERROR)  # private: hears this client alone
        logger.addHandler(self._last_word)
        client.enable_logger(logger)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_written
        if settings.will is not None:
            will = settings.will
            client.will_set(
                will.topic, will.payload, will.qos, will.retain, properties=will_properties(settings)
            )
        return client

    async def open(self) -> None:
        """Connect, subscribe, and tell the owner Connected; raises ConfigError or LinkError."""
        settings = self._settings
        self._client.tls_set_context(client_context(settings))
        where = f"{settings.host}:{settings.port}"
        try:
            await asyncio.to_thread(
                self._client.connect,
                settings.host,
                settings.port,
                settings.keepalive_s,
                clean_start=False,
                properties=connect_properties(settings),
            )
        except (OSError, ssl.CertificateError) as error:
            fault = certificate_fault(str(error), settings)
            if fault is None and isinstance(error, ssl.SSLError | ConnectionResetError):
                fault = unanswered(str(error), settings)
            if fault is not None:
                raise fault from error
            raise LinkError(f"no connection to the broker {where}: {error}") from error
        if self._sock is None:
            raise LinkError(f"the broker {where} closed the connection at once")
        self._loop.add_reader(self._sock, self._readable)
        self._flush()
        self._tick()
        try:
            async with asyncio.timeout(GRANT_TIMEOUT_S):
                await self._answered()
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

    async def _answered(self) -> None:
        """Wait for the grant of our subscriptions, or for the end."""
        both: set[asyncio.Future[Any]] = {self._granted, self.closed}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)

    def close(self) -> None:
        """Send what is queued and a clean DISCONNECT as far as the socket takes it, and close."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sock is not None and not self.closed.done():
            if not self._granted.cancelled():
                self._client.disconnect()
            self._client.loop_write()
        self._client.on_socket_close = None
        self._client.on_socket_unregister_write = None
        if self._sock is not None:
            sock = self._sock
            self._release(sock)
            sock.close()
        self._gone("closed by this side")

    def pause(self) -> None:
        """Read no more for now: the owner is behind, the broker shall wait (TCP flow control)."""
        if self._sock is not None and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._sock)

    def resume(self) -> None:
        """Read again."""
        if self._sock is not None and self._paused:
            self._paused = False
            self._loop.add_reader(self._sock, self._readable)
            self._loop.call_soon(self._readable)  # decrypted bytes may wait without the socket being readable

    def submit(self, out: Outgoing, done: asyncio.Future[None] | None) -> bool:
        """Hand a message over; False when there is no room. Raises TooLarge."""
        return self._window.submit(out, done)

    def _send(self, out: Outgoing) -> int | None:
        info = self._client.publish(out.topic, out.payload, out.qos, out.retain, publish_properties(out))
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    # --- what paho tells ------------------------------------------------------------------------

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self._granted.done():
            return
        if reason.is_failure:
            self._granted.set_exception(
                LinkError(
                    f"the broker refused the connection: {reason}",
                    do="Look at the broker's log; `turnleaf broker check` proves its configuration.",
                )
            )
            return
        if getattr(properties, "MaximumQoS", 2) < 1 or not getattr(properties, "RetainAvailable", 1):
            self._granted.set_exception(
                ConfigError("the broker offers no QoS 1 or no retained messages", do="Use an MQTT 5 broker.")
            )
            return
        self._session_present = flags.session_present
        self._window.limits = Limits(
            min(RECEIVE_MAXIMUM, getattr(properties, "ReceiveMaximum", 65535)),
            getattr(properties, "MaximumPacketSize", None),
        )
        topics = [(topic, SubscribeOptions(qos=1)) for topic in self._settings.subscriptions]
        if topics:
            client.subscribe(topics)
        else:
            self._granted.set_result(True)

    def _on_subscribe(
        self, _client: Client, _: Any, _mid: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        if self._granted.done():
            return
        for topic, reason in zip(self._settings.subscriptions, reasons, strict=False):
            if reason.is_failure:
                self._granted.set_exception(
                    ConfigError(
                        f"the broker refuses the subscription to {topic}: {reason}",
                        do="Make its ACL anew: `turnleaf broker init` writes it from the table of topics.",
                    )
                )
                return
        self._granted.set_result(True)

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            log.warning("a message on a topic that is not UTF-8 was passed over")
            client.ack(message.mid, message.qos)
            return
        correlation, response = correlation_of(message)
        inbound = Inbound(
            topic,
            bytes(message.payload),
            message.retain,
            message.qos,
            self._generation,
            correlation,
            response,
            self._acknowledge(message.mid, message.qos),
        )
        if self._held is not None:
            self._held.append(inbound)
        else:
            self._sink(inbound)

    def _acknowledge(self, mid: int, qos: int) -> Callable[[], None]:
        said = False

        def ack() -> None:
            nonlocal said
            if qos and not said and not self.closed.done():
                said = True
                self._client.ack(mid, qos)

        return ack

    def _on_publish(
        self, _client: Client, _: Any, mid: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._window.told(mid, str(reason) if reason.is_failure else None)

    def _refused(self, name: str, reason: str) -> None:
        log.warning("the broker refused a message on %s: %s", name, reason)
        self._sink(Refused(name, reason))

    def _on_disconnect(
        self, _client: Client, _: Any, flags: DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        said = f"the broker said: {reason}" if flags.is_disconnect_packet_from_server else str(reason)
        self._gone(f"{said} ({self._last_word.text})" if self._last_word.text else said)

    def _gone(self, reason: str) -> None:
        if self.closed.done():
            return
        self.closed.set_result(reason)
        if self._timer is not None:
            self._timer.cancel()
        self._window.gone(reason)

    # --- paho's socket on the loop ---------------------------------------------------------------

    def _on_socket_open(self, _client: Client, _: Any, sock: Any) -> None:
        if self.closed.done():  # given up while the worker thread was connecting
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms per round trip (Nagle)
        self._sock = sock

    def _on_socket_close(self, _client: Client, _: Any, sock: Any) -> None:
        self._release(sock)

    def _release(self, sock: socket.socket) -> None:
        self._sock = None
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _readable(self) -> None:
        sock = self._sock
        while sock is not None and not self._paused:
            self._client.loop_read()
            if not self._holds(sock) or not isinstance(sock, ssl.SSLSocket) or not sock.pending():
                return

    def _holds(self, sock: socket.socket) -> bool:
        return self._sock is sock

    def _on_want_write(self, _client: Client, _: Any, _sock: Any) -> None:
        if self._client.is_connected():  # CONNECT is queued in the worker thread and flushed by open()
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        self._client.loop_write()
        if self._holds(sock) and self._client.want_write() and not self._writer:
            self._writer = True
            self._loop.add_writer(sock, self._client.loop_write)

    def _on_written(self, _client: Client, _: Any, sock: Any) -> None:
        if self._writer:
            self._writer = False
            self._loop.remove_writer(sock)

    def _tick(self) -> None:
        if self.closed.done():
            return
        if self._client.is_connected():
            self._client.loop_misc()
        if not self.closed.done():
            every_s = min(1.0, self._settings.keepalive_s / 4)
            self._timer = self._loop.call_later(to_next_beat(self._loop.time(), every_s), self._tick)
