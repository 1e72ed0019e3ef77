"""A simulated UHF reader that speaks LLRP: the far end for our driver and for the clients of others.

Serves one client; a second one is told "already connected" and closed. It has capabilities, a configuration,
ROSpecs with their life cycle, AccessSpecs that are stored and never carried out, keep-alives and events.
Reports are made at a rate per antenna, from the EPCs that are in the field. Faults are switches, read at
each message.
Not a model of radio: what is in the field is reported.

Source: LLRP 1.1 §6 (operation), §10.2 (ROSpec states), §13.2.6 (events).
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from firmware_bridge.llrp.codec import (
    V1_0_1,
    V1_1,
    Framer,
    MalformedError,
    Message,
    Parameter,
    decode,
    encode,
    walk,
)
from wire.clock import Clock, SystemClock

DISABLED, INACTIVE, ACTIVE = 0, 1, 2
"""ROSpec current state, LLRP §10.2.1."""
OK, UNSUPPORTED_MESSAGE, UNSUPPORTED_VERSION, FIELD_ERROR = 0, 109, 110, 101


@dataclass(frozen=True, slots=True)
class FieldTag:
    """A tag before an antenna."""

    epc: bytes
    pc: int = 0x3000
    rssi: int = -50


@dataclass
class Faults:
    """How the reader misbehaves, from now on."""

    silent: bool = False
    """Takes everything, says nothing."""
    refuse: int = 0
    """ConnectionAttemptEvent status of the next greetings; 0 is success."""
    only_1_0_1: bool = False
    """Answers version questions with M_UnsupportedVersion, as readers of 2010 do."""
    status: Mapping[int, int] = field(default_factory=dict)
    """Type of request -> status code of its answer."""
    odd: bool = False
    """Puts unknown parameters and messages between what is expected."""
    cut_reports: bool = False
    """Closes in the middle of the next report."""


class SimLlrpReader:
    """The reader. `field` maps an antenna to its tags; `rate` to reads per second of each tag before it."""

    def __init__(
        self,
        *,
        antennas: int = 2,
        rate: float = 20.0,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.antennas = dict.fromkeys(range(1, antennas + 1), True)
        self.field: dict[int, tuple[FieldTag, ...]] = {}
        self.rate = dict.fromkeys(self.antennas, rate)
        self.faults = Faults()
        self.rospecs: dict[int, Parameter] = {}
        self.states: dict[int, int] = {}
        self.accessspecs: dict[int, Parameter] = {}
        self.log: list[Message] = []
        """What clients sent."""
        self.reported = 0
        self.gpos = 4
        """General-purpose outputs that it has; an order to another one is a field error."""
        self.gpo: dict[int, bool] = {}
        self.gpo_log: list[tuple[int, bool]] = []
        """Every order to an output, in order."""
        self.port = 0
        self._tls = tls
        self._clock = clock or SystemClock()
        self._keep_alive_s = 0.0
        self._version = V1_0_1
        self._events = 0
        self._client: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "SimLlrpReader":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether a client is being served."""
        return self._client is not None

    def drop(self) -> None:
        """Cut the connection."""
        if self._client is not None:
            self._client.transport.abort()

    def antenna(self, number: int, connected: bool) -> None:
        """Plug an antenna in or out; the client is told (AntennaEvent)."""
        self.antennas[number] = connected
        self._event(Parameter(255, {"event_type": int(connected), "antenna_id": number}))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError):
                await self._greet(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = 2 if self._client is not None else self.faults.refuse
        if status == 2 and self._client is not None:
            self._event(Parameter(256, {"status": 4}))
        if not self.faults.silent:
            writer.write(encode(self._notification(Parameter(256, {"status": status}))))
        if status:
            return
        self._client, self._version, self._keep_alive_s = writer, V1_0_1, 0.0
        loops = [asyncio.create_task(self._inventory()), asyncio.create_task(self._keep_alives())]
        try:
            framer = Framer()
            while data := await reader.read(4096):
                for raw in framer.feed(data):
                    if not self._take(decode(raw)):
                        await writer.drain()
                        return
        except MalformedError:
            self._say(Message(100, inner=(_status(FIELD_ERROR),)))
        finally:
            self._client = None
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    def _take(self, message: Message) -> bool:
        """Answer a message; False when the connection ends with it."""
        self.log.append(message)
        if message.version > self._version and (message.type not in (46, 47) or self.faults.only_1_0_1):
            self._say(Message(100, message.id, inner=(_status(UNSUPPORTED_VERSION),)))
            return True
        code = self.faults.status.get(message.type, OK)
        if self.faults.odd:
            self._say(Message(900, 1, raw=b"odd"))
        if message.type in (64, 72):
            return True
        fields, inner = self._answer(message) if code == OK else ({}, ())
        number = {14: 4, 60: 61}.get(message.type, message.type + 10)
        if inner is None:
            number, inner = 100, (_status(UNSUPPORTED_MESSAGE),)
        elif message.type != 60:
            inner = (_status(code if code else int(fields.pop("code", OK))), *inner)
        if self.faults.odd:
            inner = (*inner, Parameter(901, raw=b"odd"))
        self._say(Message(number, message.id, fields, inner))
        if message.type == 47:
            self._version = V1_1
        return message.type != 14

    def _answer(self, message: Message) -> tuple[dict[str, int], tuple[Parameter, ...] | None]:
        match message.type:
            case 46:
                return {"current_version": self._version, "supported_version": V1_1}, ()
            case 1:
                return {}, self._capabilities()
            case 2:
                return {}, self._configuration()
            case 3:
                return {"code": self._configure(message)}, ()
            case 20:
                for spec in message.inner:
                    self.rospecs[spec.fields["rospec_id"]] = spec
                    self.states[spec.fields["rospec_id"]] = DISABLED
            case 21 | 22 | 23 | 24 | 25:
                return {"code": self._change(message.type, message.fields["rospec_id"])}, ()
            case 26:
                return {}, tuple(self.rospecs.values())
            case 40:
                for spec in message.inner:
                    self.accessspecs[spec.fields["accessspec_id"]] = spec
            case 41:
                number = message.fields["accessspec_id"]
                for known in [n for n in self.accessspecs if number in (0, n)]:
                    del self.accessspecs[known]
            case 44:
                return {}, tuple(self.accessspecs.values())
            case 14 | 42 | 43 | 47 | 60:
                pass
            case _:
                return {}, None
        return {}, ()

    def _change(self, request: int, number: int) -> int:
        """Move ROSpecs along their life cycle; a number that is not there is a field error."""
        chosen = [known for known in self.rospecs if number in (0, known)]
        if number and not chosen:
            return FIELD_ERROR
        for known in chosen:
            if request == 21:
                del self.rospecs[known], self.states[known]
                continue
            at_once = any(p.fields["trigger_type"] == 1 for p in walk(self.rospecs[known].inner, 179))
            enabled = ACTIVE if at_once else INACTIVE
            if request == 22 and self.states[known] == DISABLED:
                return FIELD_ERROR
            self.states[known] = {22: ACTIVE, 23: INACTIVE, 24: enabled, 25: DISABLED}[request]
        return OK

    def _configure(self, message: Message) -> int:
        if message.fields["reset_to_factory_default"]:
            self.rospecs.clear()
            self.states.clear()
            self._keep_alive_s = 0.0
        if any(not 1 <= port.fields["gpo_port"] <= self.gpos for port in walk(message.inner, 219)):
            return FIELD_ERROR
        for parameter in walk(message.inner, 219, 220):
            if parameter.type == 219:
                port, on = parameter.fields["gpo_port"], parameter.fields["gpo_data"]
                self.gpo[port] = on
                self.gpo_log.append((port, on))
            else:
                on = parameter.fields["trigger_type"] == 1
                self._keep_alive_s = parameter.fields["period_ms"] / 1000 if on else 0.0
        return OK

    def _capabilities(self) -> tuple[Parameter, ...]:
        count = len(self.antennas)
        modes = Parameter(
            329, {"mode_id": 1, "m_value": 2, "bdr_value": 640000, "pie_value": 1500, "max_tari": 12500}
        )
        powers = tuple(Parameter(145, {"index": n, "transmit_power": 1000 + 25 * n}) for n in range(1, 82))
        hop = Parameter(146, {"hopping": False}, (Parameter(148, {"frequencies": (865700, 866300)}),))
        band = Parameter(144, inner=(*powers, hop, Parameter(328, inner=(modes,))))
        general = {
            "max_antennas": count, "has_utc_clock": True, "manufacturer": 0, "model": 1,
            "firmware": "sim 1.0",
        }  # fmt: skip
        air = tuple(Parameter(140, {"antenna_id": n, "protocols": b"\x01"}) for n in self.antennas)
        limits = {
            "max_priority_level": 1, "max_rospecs": 1, "max_specs_per_rospec": 32, "max_accessspecs": 8,
            "max_inventory_parameter_specs_per_aispec": 1, "max_op_specs_per_accessspec": 8,
        }  # fmt: skip
        sensitivity = Parameter(139, {"index": 1, "receive_sensitivity": 0})
        return (
            Parameter(137, general, (sensitivity, Parameter(141, {"gpis": 4, "gpos": self.gpos}), *air)),
            Parameter(142, limits),
            Parameter(143, {"country_code": 276, "communications_standard": 2}, (band,)),
            Parameter(327, {"max_select_filters_per_query": 2}),
        )

    def _configuration(self) -> tuple[Parameter, ...]:
        antennas = tuple(
            Parameter(221, {"antenna_connected": on, "antenna_id": number})
            for number, on in self.antennas.items()
        )
        identity = Parameter(218, {"id_type": 0, "reader_id": bytes.fromhex("001625FFFF0000AA")})
        return (identity, *antennas)

    async def _keep_alives(self) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_s or 0.05)
            if self._keep_alive_s:
                self._say(Message(62, 1))

    async def _inventory(self) -> None:
        """Report what is in the field, each tag `rate` times a second."""
        loop = asyncio.get_running_loop()
        due = dict.fromkeys(self.antennas, loop.time())
        while True:
            await asyncio.sleep(0.005)
            if ACTIVE not in self.states.values():
                due = dict.fromkeys(self.antennas, loop.time())
                continue
            for number, connected in self.antennas.items():
                while connected and self.rate[number] > 0 and due[number] <= loop.time():
                    due[number] += 1 / self.rate[number]
                    self._report(number)

    def _report(self, antenna: int) -> None:
        selected = next((p for s in self.rospecs.values() for p in walk(s.inner, 348)), None)
        for tag in self.field.get(antenna, ()):
            epc = Parameter(13, {"epc": tag.epc}) if len(tag.epc) == 12 else Parameter(241, {"epc": tag.epc})
            seen = [
                epc,
                Parameter(1, {"antenna_id": antenna}),
                Parameter(6, {"peak_rssi": tag.rssi}),
                Parameter(8, {"tag_count": 1}),
            ]
            if selected is not None and selected.fields["enable_pc_bits"]:
                seen.append(Parameter(12, {"pc_bits": tag.pc}))
            self._say(Message(61, 0, inner=(Parameter(240, inner=tuple(seen)),)))
            self.reported += 1

    def _event(self, event: Parameter) -> None:
        self._say(self._notification(event))

    def _notification(self, event: Parameter) -> Message:
        now = Parameter(128, {"microseconds": int(self._clock.now().timestamp() * 1_000_000)})
        self._events += 1
        return Message(63, self._events, inner=(Parameter(246, inner=(now, event)),), version=self._version)

    def _say(self, message: Message) -> None:
        if self._client is None or self.faults.silent:
            return
        version = V1_1 if message.type in (56, 57) else self._version
        data = encode(Message(message.type, message.id, message.fields, message.inner, version, message.raw))
        if message.type == 61 and self.faults.cut_reports:
            self.faults.cut_reports = False
            self._client.write(data[: len(data) // 2])
            self._client.close()
            return
        self._client.write(data)


def _status(code: int) -> Parameter:
    return Parameter(287, {"status_code": code, "error_description": "" if code == OK else "simulated"})
