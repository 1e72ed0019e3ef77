"""A UHF reader over LLRP: the shell that owns the socket, the timeouts and the way back.

One connection at a time; whatever ends it is told as ReaderLost, and it is opened anew with jittered
back-off. Ending the iteration deletes our ROSpec and closes, so that the reader stops sending into the void.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from firmware_bridge.errors import DeviceLost, DeviceRefused, DeviceTimeout, FrameError
from firmware_bridge.llrp import conversation as talk
from firmware_bridge.llrp import reports
from firmware_bridge.llrp.codec import Framer, MalformedError, Message, decode, encode
from firmware_bridge.llrp.conversation import Conversation, Settings
from firmware_bridge.llrp.health import LlrpHealth
from firmware_bridge.ports import DeviceInfo, ReaderFound, ReaderLost, UhfEvent, UhfTagSeen
from firmware_bridge.transport import TcpTransport, connected
from wire.errors import DeviceError
from wire.loops import keep_alive

log = logging.getLogger("turnleaf.firmware_bridge.llrp")

PORT, TLS_PORT = 5084, 5085
"""IANA: llrp, encrypted-llrp."""
ANSWER_S = 5.0
"""How long the reader may take for an answer."""
GOODBYE_S = 2.0
"""How long good-bye may take at most, or two answers; then the connection is closed as it is."""
QUEUE = 4096
"""Events that may wait; beyond it the reader's own buffer fills, and it says so."""
RO_ACCESS_REPORT, KEEPALIVE, KEEPALIVE_ACK = 61, 62, 72


class LlrpReader:
    """`ports.UhfReader` over LLRP, and the `Lamp` on its outputs; TLS, verified by `ca_file`, when given."""

    def __init__(
        self,
        host: str,
        port: int | None = None,
        settings: Settings | None = None,
        *,
        ca_file: Path | None = None,
        answer_s: float = ANSWER_S,
        backoff_s: tuple[float, float] = (0.2, 30.0),
    ) -> None:
        self._host = host
        self._port = port or (TLS_PORT if ca_file else PORT)
        self._settings = settings or Settings()
        self._ca_file = ca_file
        self._answer_s = answer_s
        self._backoff_s = backoff_s
        self._queue: asyncio.Queue[UhfEvent | None] = asyncio.Queue(QUEUE)
        self._connection: _Connection | None = None
        self._ordering = asyncio.Lock()
        self.health = LlrpHealth()
        self.info = DeviceInfo()

    async def events(self) -> AsyncIterator[UhfEvent]:
        """Yield tags and the reader's coming and going, for ever; first ReaderFound or ReaderLost."""
        loop = asyncio.create_task(self._run(), name=f"llrp-{self._host}")
        loop.add_done_callback(lambda _: self._squeeze_in(None))
        try:
            while (event := await self._queue.get()) is not None:
                yield event
            loop.result()
        finally:
            loop.cancel()
            await asyncio.wait((loop,))

    async def alarm(self, seconds: float) -> None:
        """Switch the outputs on for `seconds`; a new alarm makes them last from then on.

        The reader has no clock for it: the connection that switched them on switches them off, and so does
        the next one when it was lost meanwhile. Raises DeviceLost, DeviceTimeout, DeviceRefused.
        """
        async with self._ordering:
            if self._connection is None:
                raise DeviceLost(
                    "the UHF reader is not connected",
                    why="Its outputs carry lamp and buzzer.",
                    do="Look at the reader's power and its network.",
                )
            await self._connection.light(seconds)

    def sample(self) -> dict[str, float]:
        """Return the values of a health sample: rates since the last one, keep-alive's age, losses."""
        return self.health.sample(asyncio.get_running_loop().time())

    def _squeeze_in(self, event: UhfEvent | None) -> None:
        """Queue what must not be lost; the oldest goes when there is no room."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    async def _run(self) -> None:
        base, cap = self._backoff_s
        await keep_alive(
            f"llrp {self._host}:{self._port}",
            self._once,
            expect=(DeviceError,),
            base_s=base,
            cap_s=cap,
            lost=self._lost,
        )

    def _lost(self, error: Exception) -> None:
        assert isinstance(error, DeviceError)
        self.health.losses += 1
        self._squeeze_in(ReaderLost(error))

    async def _once(self) -> None:
        transport = await self._open()
        connection = _Connection(
            transport, Conversation(self._settings), self._answer_s, self._take, self.health
        )
        self._connection = connection
        try:
            await connection.follow()
        except (DeviceLost, DeviceTimeout):
            if connection.state.phase in ("version", "set-version"):
                self._settings = replace(self._settings, negotiate=False)
            raise
        finally:
            self._connection = None
            await connection.end()

    async def _take(self, event: UhfTagSeen | talk.Ready | talk.Antenna) -> None:
        health = self.health
        match event:
            case UhfTagSeen(antenna=antenna, rssi=rssi):
                health.reports += 1
                if antenna is not None:
                    health.rates.count(antenna)
                    if rssi is not None:
                        health.rssi[antenna] = rssi
                await self._queue.put(event)
            case talk.Ready(info=info):
                self.info = info
                health.connections += 1
                await self._queue.put(ReaderFound(info))
            case talk.Antenna(antenna=number, connected=connected):
                health.antennas[number] = connected
                log.warning("%s: antenna %s %s", self._host, number, "back" if connected else "lost")
            case _:
                assert_never(event)

    async def _open(self) -> TcpTransport:
        name = f"{self._host}:{self._port}"
        try:
            context = None if self._ca_file is None else ssl.create_default_context(cafile=self._ca_file)
            async with asyncio.timeout(self._answer_s):
                return await connected(self._host, self._port, tls=context)
        except ssl.SSLCertVerificationError as error:
            raise DeviceRefused(
                f"{name}: the reader's certificate is not trusted ({error.verify_message})",
                why="Somebody else may answer in its place.",
                do="Give the CA that signed the reader's certificate, and its name as host.",
            ) from error
        except (OSError, TimeoutError) as error:
            raise DeviceLost(
                f"{name}: cannot connect ({str(error) or 'no answer'})",
                why="No tag is seen at this gate.",
                do="Look at the reader's power, its network and its address.",
            ) from error


class _Connection:
    """One connection, from greeting to good-bye."""

    def __init__(
        self,
        transport: TcpTransport,
        state: Conversation,
        answer_s: float,
        take: Callable[[UhfTagSeen | talk.Ready | talk.Antenna], Awaitable[None]],
        health: LlrpHealth,
    ) -> None:
        self._transport = transport
        self.state = state
        self._answer_s = answer_s
        self._take = take
        self._framer = Framer()
        self._health = health
        self._asked_at = asyncio.get_running_loop().time()
        self._heard_at = self._asked_at
        self._dark_at: float | None = None
        self._wait: asyncio.Timeout | None = None
        self._switched: asyncio.Future[str] | None = None

    async def follow(self) -> None:
        """Talk until the connection is lost; raises DeviceError."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    async with asyncio.timeout_at(self._until()) as self._wait:
                        data = await self._transport.read()
                except TimeoutError as error:
                    if not self._is_dark_due(loop.time()):
                        raise self._silent() from error
                    await self._darken()
                    continue
                finally:
                    self._wait = None
                self._heard_at = loop.time()
                await self._digest(data)
        finally:
            if self._switched is not None and not self._switched.done():
                self._switched.set_result("the connection was lost")

    def _until(self) -> float:
        """Return when the next thing must have happened: an answer, a sign of life, the lamp's end."""
        quiet_s = 3 * self.state.settings.keep_alive_ms / 1000
        due = self._asked_at + self._answer_s if self.state.open else self._heard_at + quiet_s
        return due if self._dark_at is None or self.state.open else min(due, self._dark_at)

    def _is_dark_due(self, now: float) -> bool:
        return self._dark_at is not None and not self.state.open and self._dark_at <= now

    async def light(self, seconds: float) -> None:
        """Switch the outputs on and see to it that they go off; raises DeviceRefused, DeviceTimeout."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._answer_s):
                while self.state.phase == "switching":  # they are just being switched off
                    assert self._switched is not None
                    await asyncio.shield(self._switched)
                self._dark_at = (
                    loop.time() + seconds
                )  # before the order: it may be carried out and not answered
                refused = await self._switch()
        except TimeoutError as error:
            raise self._silent() from error
        if refused:
            self._dark_at = None
            raise DeviceRefused(
                f"the reader does not switch its outputs: {refused}",
                why="The gate cannot light its lamp.",
                do="Compare the number of its outputs with the settings; `fitted = false` is for no lamp.",
            )

    async def _darken(self) -> None:
        """Order the outputs off; its answer comes like any other."""
        self._dark_at = None
        self._switched = asyncio.get_running_loop().create_future()
        self.state, effects = talk.switch(self.state, False)
        await self._do(effects)

    async def _switch(self) -> str:
        """Switch on, and return why the reader refused; empty when it did not."""
        switched: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._switched = switched
        self.state, effects = talk.switch(self.state, True)
        await self._do(effects)
        self._hurry()
        refused = await asyncio.shield(switched)
        self._hurry()
        return refused

    def _hurry(self) -> None:
        """Let `follow` wait for what is due now, not for what was due when it began to wait."""
        if self._wait is not None:
            self._wait.reschedule(self._until())

    async def _digest(self, data: bytes) -> None:
        try:
            for message in self._framer.feed(data):
                if message[1] == RO_ACCESS_REPORT and not message[0] & 3:
                    for tag in reports.tags(message):
                        await self._take(tag)
                    continue
                await self._take_message(decode(message))
        except MalformedError as error:
            self._health.malformed += 1
            raise FrameError(
                f"the reader sent bytes that are no LLRP: {error} (byte {error.offset})",
                why="The stream cannot be followed any more; it is opened anew.",
                do="If this comes back, record the connection and look at it with `turnleaf explain llrp`.",
            ) from error

    async def _take_message(self, message: Message) -> None:
        asked, waiting = self.state.open, self.state.message_id
        if message.type == KEEPALIVE:
            self._health.keep_alives += 1
            self._health.keep_alive_at = self._heard_at
        self.state, effects = talk.step(self.state, message)
        if asked and (self.state.message_id != waiting or not self.state.open):
            self._health.response_ms = (self._heard_at - self._asked_at) * 1000
        await self._do(effects)

    async def _do(self, effects: tuple[talk.Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case talk.Send(message=message):
                    if message.type != KEEPALIVE_ACK:
                        self._asked_at = asyncio.get_running_loop().time()
                    await self._transport.write(encode(message))
                case talk.Switched(refused=refused):
                    if refused:
                        log.warning("the outputs were not switched: %s", refused)
                    if self._switched is not None and not self._switched.done():
                        self._switched.set_result(refused)
                case talk.Ready() | talk.Antenna():
                    await self._take(effect)
                case talk.Notice(text=text):
                    log.warning("%s", text)
                case talk.Failed(error=error):
                    raise error
                case _:
                    assert_never(effect)

    def _silent(self) -> DeviceTimeout:
        return DeviceTimeout(
            f"the reader was silent ({self.state.phase})",
            why="A reader that does not even say that it lives sees no tags.",
            do="Look at its power and its network; restart it if it stays silent.",
        )

    async def end(self) -> None:
        """Delete our ROSpec, close, however the connection stands; never raises but cancellation."""
        with suppress(DeviceError, TimeoutError, MalformedError):
            async with asyncio.timeout(min(GOODBYE_S, 2 * self._answer_s)):
                self.state, effects = talk.stop(self.state)
                await self._do(effects)
                while self.state.phase != "closed":
                    for message in self._framer.feed(await self._transport.read()):
                        self.state, effects = talk.step(self.state, decode(message))
                        await self._do(effects)
        await self._transport.close()
