"""A FEIG reader with a pad, turned around: it answers the production driver byte for byte.

How it hangs on its cable is in `cable_end`. Its faults are set from outside: a cable pulled and plugged,
an antenna lost, weak tags, tags that go while they are written, more tags than it can tell apart, answers
that are late, lost, doubled or broken, firmware that answers oddly.
"""

import asyncio
from typing import Literal

from firmware_bridge.feig import control, words
from firmware_bridge.feig.frames import STX, Frame, Parser, encode, encode_standard
from sim.devices.cable_end import CableEnd
from sim.devices.feig_buffer import ReadBuffer
from sim.devices.feig_tags import Answer, Firmware, TagCommands
from sim.devices.field import heard

MR102 = 77
"""Reader type of a mid-range pad reader (manual, "codes of reader types")."""
FIRMWARE = bytes((2, 10))


class FeigPad(CableEnd):
    """The far end of the cable to a pad."""

    def __init__(
        self,
        *,
        seed: int = 0,
        air_time_s: float = 0.0,
        serial: str = "00C0FFEE",
        air: Literal["none", "iso15693"] = "none",
    ) -> None:
        super().__init__(seed=seed)
        self.air_time_s = air_time_s
        """Seconds that each exchange with a tag takes, whatever it is."""
        self.firmware = Firmware()
        self.inputs = 0
        """Input lines as bits, input 1 in bit 0."""
        self.inputs_asked = 0
        """How often somebody asked for the inputs."""
        self.lamp_until = 0.0
        self.lamp_orders = 0
        self.outputs: dict[int, float] = {}
        """Output number -> loop time until which it is on."""
        self.form: Literal["both", "standard", "advanced"] = "both"
        """Frames that this firmware understands."""
        self.buffer = ReadBuffer()
        """What it has read by itself; with `buffer.on` it takes no host commands (buffered read mode)."""
        self.password: bytes | None = None
        """Password of the reader's configuration; None for none."""
        self.configuration: dict[int, bytes] = {
            n: bytes((n,)) * control.CONFIGURATION_BYTES for n in range(8)
        }
        self.noise: tuple[int, int, int] | None = None
        """Noise level, least, mean and greatest; None is a model that does not know the command."""
        self._air = air
        self._commands = TagCommands(self, self.firmware)
        self._logged_in = False
        self._serial = bytes.fromhex(serial)

    @property
    def air_s(self) -> float:
        """Seconds in the air so far, by the bit rates of ISO 15693."""
        return self._commands.air_s

    @property
    def inventories(self) -> int:
        """How often somebody asked which tags lie here."""
        return self._commands.inventories

    @property
    def lamp(self) -> bool:
        """Whether an output is on now."""
        return asyncio.get_running_loop().time() < self.lamp_until

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes, until the far end hangs up."""
        parser = Parser()
        advanced = True
        while (data := await heard(reader, half=parser.pending)) != b"":
            if data is None:
                parser.reset()
                continue
            if not parser.pending:
                advanced = data[0] == STX
            for frame in parser.feed(data):
                if self.form != "both" and (self.form == "advanced") != advanced:
                    continue
                answer = await self._answer(frame)
                if self.late:
                    await asyncio.sleep(self.late.pop(0))
                long = advanced or len(answer.payload) > 250
                writer.write(self._spoilt(encode(answer) if long else encode_standard(answer)))
                await writer.drain()

    async def _answer(self, frame: Frame) -> Frame:
        if frame.command in self.unknown:
            status, data = words.UNKNOWN_COMMAND, b""
        elif frame.command in (words.ISO_HOST, words.CUSTOM, words.TRANSPARENT):
            status, data = await self._tag_command(frame)
        else:
            status, data = self._reader_command(frame)
        return Frame(frame.command, bytes((status,)) + data, address=0)

    async def _tag_command(self, frame: Frame) -> Answer:
        if self.buffer.on:
            return 0x82, b""
        before = self._commands.air_s
        do = {words.ISO_HOST: self._commands.host, words.CUSTOM: self._commands.custom}
        with self._telling_writes():
            answer = do.get(frame.command, self._commands.transparent)(frame.payload)
        spent = self._commands.air_s - before if self._air == "iso15693" else self.air_time_s
        at = 3 if frame.command == words.CUSTOM else 2
        asked = self.tags.get(frame.payload[at : at + 8].hex().upper())
        if spent or (asked and asked.slow_s):
            await asyncio.sleep(spent + (asked.slow_s if asked else 0.0))
        return answer

    def _reader_command(self, frame: Frame) -> Answer:
        answer: Answer = (words.UNKNOWN_COMMAND, b"")
        match frame.command, frame.payload:
            case words.SOFTWARE_VERSION, b"":
                answer = words.OK, FIRMWARE + bytes((0, 0, MR102, 0, 0x08))
            case words.READER_INFO, mode if mode == bytes((words.DEVICE_ID,)):
                answer = words.OK, self._serial + bytes(12)
            case words.READER_INFO, mode if mode == bytes((words.CONTROLLER,)):
                answer = words.OK, FIRMWARE + bytes((0, 0, MR102, 0, 0x08)) + bytes((1, 4, 1, 4))
            case words.RF_RESET, b"":
                self.reset_field()
                answer = words.OK, b""
            case words.RF_OUTPUT, switch if len(switch) == 1:
                if switch[0]:
                    self.powered = True
                else:
                    self.switch_off()
                answer = words.OK, b""
            case ((words.CPU_RESET | words.SYSTEM_RESET | words.BAUD_RATE_DETECTION), _):
                self._logged_in = False
                answer = words.OK, b""
            case words.GET_INPUT, b"":
                self.inputs_asked += 1
                answer = words.OK, bytes((self.inputs,))
            case words.SET_OUTPUT, payload:
                answer = self._set_output(payload)
            case words.SIGNAL_OUTPUT, payload if len(payload) == 8:
                self._light(0, int.from_bytes(payload[4:6], "big") / 10)
                answer = words.OK, b""
            case _:
                answer = self._service(frame.command, frame.payload)
        return answer

    def _service(self, command: int, payload: bytes) -> Answer:
        match command:
            case words.LOGIN:
                self._logged_in = payload == self.password
                return (words.OK if self._logged_in else 0x14), b""
            case words.READ_CONFIGURATION if len(payload) == 1:
                if self.password is not None and not self._logged_in:
                    return 0x13, b""
                block = self.configuration.get(payload[0] & 0x3F)
                return (words.OK, block) if block else (0x15, b"")
            case words.DIAGNOSTIC if payload == bytes((control.ANTENNA_STATE,)):
                broken = not self.antenna or bool(self.antennas_lost)
                return words.OK, bytes((0x08 if broken else 0, 0))
            case words.NOISE_LEVEL if self.noise is not None:
                return words.OK, b"".join(level.to_bytes(2, "big") for level in self.noise)
            case words.READ_BUFFER | words.BUFFER_INFO | words.CLEAR_BUFFER | words.INITIALIZE_BUFFER:
                return self.buffer.answer(command, payload)
        return words.UNKNOWN_COMMAND, b""

    def _set_output(self, payload: bytes) -> Answer:
        if len(payload) < 2 or len(payload) != 2 + payload[1] * 4:
            return 0x81, b""
        for at in range(2, len(payload), 4):
            if payload[at + 1] & 0x03 == words.OUTPUT_ON:
                self._light(payload[at], int.from_bytes(payload[at + 2 : at + 4], "big") / 10, count=False)
        self.lamp_orders += 1
        return words.OK, b""

    def _light(self, number: int, seconds: float, *, count: bool = True) -> None:
        self.outputs[number] = asyncio.get_running_loop().time() + seconds
        self.lamp_until = max(self.outputs.values())
        self.lamp_orders += int(count)
