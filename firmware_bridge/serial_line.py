"""Transports over a serial line, RS-232 or a USB adapter, without a thread.

pyserial opens the port and sets it; reading and writing wait for its file descriptor in the event loop. An
adapter that is pulled ends a read or a write with DeviceLost, as a closed connection does over TCP; whoever
opens it anew finds it again under its name in `/dev/serial/by-id`.

A port is opened for one program alone. What an earlier one left in the port's buffers is thrown away; what
the device itself still has to say from before is not, so that a driver must get in step first.

Not for: ports that have no file descriptor (Windows).
"""

import asyncio
import logging
import os
import select
import termios
from contextlib import suppress
from typing import Any, Literal

from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import DeviceInfo
from wire.errors import ConfigError

log = logging.getLogger("turnleaf.firmware_bridge.serial_line")

Parity = Literal["N", "E", "O", "M", "S"]
"""None, even, odd, mark, space."""
CHUNK = 4096
WRITE_S = 3.0
"""A port that takes no byte for so long is held by flow control, or dead."""


class SerialTransport:
    """Bytes over one serial port. One task may read and one may write at a time."""

    def __init__(self, port: Any, name: str) -> None:
        self._port = port
        self._fd: int = port.fileno()
        self._name = name
        self._open = True
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._waiting: set[asyncio.Future[None]] = set()

    async def read(self) -> bytes:
        """Return the next bytes; raises DeviceLost when the port is gone or closed.

        Bytes that are there already come at once, so that a reader with no time at all gets them.
        """
        self._check()
        if not self._poll.poll(0):
            await self._ready(reading=True)
        try:
            data = os.read(self._fd, CHUNK)
        except OSError as error:
            raise self._lost(error.strerror) from error
        if not data:  # no bytes where bytes were announced: the port hung up
            raise self._lost("the port is gone")
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; raises DeviceLost. Cancelled, it may have sent some of them."""
        rest = memoryview(data)
        while rest:
            self._check()
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                await self._room()
            except OSError as error:
                raise self._lost(error.strerror) from error

    async def close(self) -> None:
        """Give the port back; never raises. Whoever waits for bytes gets DeviceLost."""
        if not self._open:
            return
        self._open = False
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._fd)
        loop.remove_writer(self._fd)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(self._lost("it was closed"))
        with suppress(OSError, termios.error):
            self._port.reset_output_buffer()  # or the kernel waits until a dead device has taken it all
        with suppress(OSError, termios.error):
            self._port.close()

    def quiet(self) -> bool:
        """Whether surely no byte waits to be read."""
        return self._open and not self._poll.poll(0)

    async def _room(self) -> None:
        try:
            async with asyncio.timeout(WRITE_S):
                await self._ready(reading=False)
        except TimeoutError:
            raise self._lost(f"it took no byte for {WRITE_S:g} s") from None

    async def _ready(self, *, reading: bool) -> None:
        """Wait until the descriptor can be read, or written; raises DeviceLost when it is closed."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        watch, leave = (
            (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
        )
        watch(self._fd, _wake, waiting)
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            if self._open:  # a closed descriptor's number may be another's by now
                leave(self._fd)

    def _check(self) -> None:
        if not self._open:
            raise self._lost("it was closed")

    def _lost(self, seen: str | None) -> DeviceLost:
        return DeviceLost(
            f"{self._name}: serial line lost ({seen})",
            why="No tag can be read or written.",
            do="Look at the device's power, its cable and its USB plug.",
        )


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


class _DeviceFile:
    """A device file that is no terminal, as `SerialTransport` wants a port."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def fileno(self) -> int:
        return self._fd

    def reset_output_buffer(self) -> None:
        """There is none that could be thrown away."""

    def close(self) -> None:
        os.close(self._fd)


async def open_device_file(path: str, *, name: str = "") -> SerialTransport:
    """Open a device that speaks bytes and is no serial port, e.g. a USB printer's /dev/usb/lp0.

    Raises DeviceLost when it is not there or may not be opened.
    """
    try:
        return SerialTransport(_DeviceFile(path), name or path)
    except OSError as error:
        raise DeviceLost(
            f"{name or path}: cannot be opened ({error.strerror})",
            why="The device cannot be used.",
            do="Look whether it is plugged in, and whether this user is in its group (lp for printers).",
        ) from error


def port_info(path: str) -> DeviceInfo:
    """Return what the USB device behind a serial port says it is; nothing for a port that is none of USB."""
    from serial.tools.list_ports import comports

    wanted = os.path.realpath(path)
    for port in comports():
        if os.path.realpath(port.device) == wanted:
            return DeviceInfo(port.manufacturer or "", port.product or "", "", port.serial_number or "")
    return DeviceInfo()


async def open_serial(
    path: str,
    *,
    baud: int,
    parity: Parity = "E",
    bytesize: int = 8,
    stopbits: float = 1,
    name: str = "",
) -> SerialTransport:
    """Open a serial port for this program alone.

    `name` stands for the port in errors; it is the path when empty. Raises DeviceLost when the port is not
    there, is taken or may not be opened, ConfigError when it cannot have these settings.
    """
    import serial

    name = name or path

    def opened(parity: Parity) -> Any:
        return serial.Serial(
            path, baud, bytesize=bytesize, parity=parity, stopbits=stopbits, timeout=0, exclusive=True
        )

    try:
        try:
            port = opened(parity)
        except termios.error:  # a pseudo-terminal, or an adapter that has no parity to set
            log.warning("%s does not take parity %s; it is opened without", name, parity)
            port = opened("N")
    except ValueError as error:
        raise ConfigError(
            f"{name}: {error}", do="Give the baud rate, parity and bits of the device's manual."
        ) from error
    except (OSError, termios.error) as error:  # pyserial's own error is an OSError
        raise DeviceLost(
            f"{name}: cannot be opened ({error})",
            why="No tag can be read or written.",
            do="Look whether it is plugged in, whether another program has it, and whether this "
            "user is in the group of serial ports (dialout).",
        ) from error
    return SerialTransport(port, name)
