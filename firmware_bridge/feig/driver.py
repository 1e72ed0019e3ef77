"""The FEIG driver: a pad, a gate's antenna, its inputs and its lamp, behind one reader.

Questions and answers are matched by `feig.line`; what is done to a tag is in `feig.tag_access`; bytes are
read and made by `feig.commands`, `custom`, `control` and `buffer`. Here is what is asked of the reader.

A reader is in one mode at a time: host mode for pads and tag stations (inventory, read, write), buffered
read mode (`collect`) or notification mode (`feig.notify`) for gates. The mode is the reader's configuration,
which this driver reads and never writes.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from firmware_bridge.errors import DeviceLost, DeviceRefused, DeviceTimeout
from firmware_bridge.feig import buffer, commands, control, words
from firmware_bridge.feig.buffer import BufferInfo, DataSet
from firmware_bridge.feig.frames import Frame
from firmware_bridge.feig.line import Form, Line
from firmware_bridge.feig.tag_access import TagAccess, expect_done
from firmware_bridge.ports import DeviceInfo, PadHealth, Transport
from firmware_bridge.serial_line import open_serial
from firmware_bridge.transport import open_tcp
from wire.errors import DeviceError

MOST_SETS = 255
"""Records asked of the reader's buffer at once."""

NO_SETS: tuple[DataSet, ...] = ()
INVENTORY, MORE_OF_IT = commands.inventory(), commands.inventory(more=True)

T = TypeVar("T")


class FeigPad(TagAccess):
    """A FEIG reader. `Pad`, `TagWriter`, `TagTools`, `Barriers` and `Lamp` of the ports in one device.

    `attempts` is how often a question is asked, and a security state written, before it is given up;
    `outputs` are the reader's digital outputs that carry lamp and buzzer (0 is none); `form` is the form of
    frames, found out when it is "auto"; `blocks_turned` is false for a reader that sends the bytes of a
    block in the tag's own order.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Transport]],
        *,
        timeout_s: float = 1.0,
        attempts: int = 3,
        outputs: tuple[int, ...] = (1,),
        form: Form = "auto",
        blocks_turned: bool = True,
    ) -> None:
        line = Line(connect, timeout_s=timeout_s, attempts=attempts, form=form)
        super().__init__(line, attempts=attempts, blocks_turned=blocks_turned)
        self._outputs = tuple(number for number in outputs if number)
        self._small = False

    @classmethod
    def tcp(
        cls,
        host: str,
        port: int,
        *,
        timeout_s: float = 1.0,
        connect_timeout_s: float = 3.0,
        attempts: int = 3,
        outputs: tuple[int, ...] = (1,),
    ) -> "FeigPad":
        """Return the driver of a reader on the network; it connects with the first command."""
        return cls(
            lambda: open_tcp(host, port, timeout_s=connect_timeout_s),
            timeout_s=timeout_s,
            attempts=attempts,
            outputs=outputs,
        )

    @classmethod
    def serial(
        cls, path: str, *, timeout_s: float = 1.0, attempts: int = 3, outputs: tuple[int, ...] = (1,)
    ) -> "FeigPad":
        """Return the driver of a reader on a serial port (38400 8E1); it opens it with the first command."""
        return cls(
            lambda: open_serial(path, baud=38400, parity="E"),
            timeout_s=timeout_s,
            attempts=attempts,
            outputs=outputs,
        )

    @property
    def health(self) -> PadHealth:
        """How the reader has answered so far."""
        return self._line.health

    async def close(self) -> None:
        """Let the device go; it takes one connection at a time."""
        await self._line.close()

    async def inventory(self) -> frozenset[str]:
        """Return the UIDs of all tags in the field; asks on while the reader has more."""
        pages = await self._line.ask_pages(INVENTORY, MORE_OF_IT, _read_inventory)
        return frozenset(uid for page in pages for uid in page)

    async def info(self) -> DeviceInfo:
        """Ask the reader for its type, firmware and device id (some have none)."""
        found = await self._reader(
            Frame(words.SOFTWARE_VERSION), "asking the reader's version", control.parse_software_version
        )
        try:
            serial = await self._reader(
                control.device_id(), "asking the reader's device id", control.parse_device_id
            )
        except DeviceRefused:
            return found
        return replace(found, serial=serial)

    async def buffers(self) -> control.Buffers:
        """Ask how long frames may be."""
        return await self._reader(control.buffers(), "asking the reader's buffers", control.parse_buffers)

    async def diagnose(self) -> frozenset[str]:
        """Return what the reader finds wrong with itself and its antenna, by name; empty is well."""
        return await self._reader(
            control.diagnostic(), "asking the reader's diagnosis", control.parse_diagnostic
        )

    async def noise(self) -> control.Noise:
        """Ask for the noise that the reader receives; few models tell (DeviceRefused)."""
        return await self._reader(
            Frame(words.NOISE_LEVEL), "asking the reader for its noise level", control.parse_noise
        )

    async def login(self, password: bytes) -> None:
        """Log in with the reader's password, so that its configuration can be read."""
        await self._reader(control.login(password), "logging in to the reader", commands.parse_nothing)

    async def configuration(self, block: int, *, stored: bool = True) -> bytes:
        """Read one configuration block of 14 bytes, as it is stored or as it is in force."""
        return await self._reader(
            control.read_configuration(block, stored=stored),
            f"reading configuration block {block}",
            control.parse_configuration,
        )

    async def inputs(self) -> int:
        """Return the input lines as bits, input 1 in bit 0 (command 74)."""
        return await self._reader(Frame(words.GET_INPUT), "reading the inputs", control.parse_inputs)

    async def alarm(self, seconds: float) -> None:
        """Light and sound for `seconds`, in steps of 100 ms.

        Command 72 switches the outputs; a small pad that does not know it has its own light and beeper
        under command 71.
        """
        if not self._outputs:
            return
        if not self._small:
            try:
                await self._order(control.set_outputs(self._outputs, seconds))
            except DeviceRefused:
                self._small = True
        if self._small:
            try:
                await self._order(control.signal(seconds))
            except DeviceRefused:
                self._small = False
                raise

    async def _order(self, request: Frame) -> None:
        await self._reader(request, "switching the lamp", commands.parse_nothing)

    async def reset_field(self) -> None:
        """Switch the field off and on: tags that were silenced answer again (command 69)."""
        await self._reader(Frame(words.RF_RESET), "resetting the field", commands.parse_nothing)

    async def switch_field(self, on: bool) -> None:
        """Switch the field on or off (command 6A)."""
        await self._reader(control.rf_output(on), "switching the field", commands.parse_nothing)

    async def restart(self) -> None:
        """Start the reader's controller anew (command 63) and hang up; the next command connects again."""
        try:
            await self._line.ask(
                Frame(words.CPU_RESET),
                expect_done("restarting the reader", commands.parse_nothing),
                once=True,
            )
        except (DeviceLost, DeviceTimeout):
            pass  # it may well hang up before it answers
        finally:
            await self.close()

    async def buffer_info(self) -> BufferInfo:
        """Ask how full the reader's buffer is (buffered read mode)."""
        return await self._line.ask(
            Frame(words.BUFFER_INFO), _buffered("asking about the buffer", buffer.parse_buffer_info)
        )

    async def empty_buffer(self) -> None:
        """Throw away whatever the reader has collected (command 33)."""
        await self._reader(
            Frame(words.INITIALIZE_BUFFER), "emptying the reader's buffer", commands.parse_nothing
        )

    async def collect(self, sets: int = MOST_SETS) -> tuple[DataSet, ...]:
        """Return what the reader has read by itself, and let it forget that (buffered read mode).

        Each record comes at least once: the reader forgets only after we have them, and when that order is
        lost they come again.
        """
        found = await self._line.ask(
            buffer.read_buffer(sets), _buffered("reading the reader's buffer", buffer.parse_sets, NO_SETS)
        )
        if found:
            self._count_antennas(found)
            try:
                await self._reader(
                    buffer.clear_buffer(), "clearing the reader's buffer", commands.parse_nothing
                )
            except DeviceError:
                return found
        return found

    def _count_antennas(self, sets: tuple[DataSet, ...]) -> None:
        seen = Counter(antenna for one in sets if one.is_tag for antenna in one.antennas)
        health = self._line.health
        self._line.health = replace(health, by_antenna=dict(Counter(health.by_antenna) + seen))

    async def _reader(self, request: Frame, doing: str, parse: Callable[[bytes], T]) -> T:
        return await self._line.ask(request, expect_done(doing, parse))


def _read_inventory(status: int, data: bytes) -> tuple[tuple[str, ...], bool]:
    """Return the UIDs of one inventory answer, and whether the reader has more."""
    if status == words.NO_TAG:
        return (), False
    if status not in words.DONE and status != words.MORE_DATA:
        raise words.error_of(status, data, "looking for tags")
    return commands.parse_inventory(data), status == words.MORE_DATA


def _buffered(doing: str, parse: Callable[[bytes], T], empty: T | None = None) -> Callable[[int, bytes], T]:
    def read(status: int, data: bytes) -> T:
        if status == words.NO_VALID_DATA and empty is not None:
            return empty
        if status not in buffer.CARRIES_DATA:
            raise words.error_of(status, data, doing)
        return parse(data)

    return read
