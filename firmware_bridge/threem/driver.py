"""The driver of 3M pads 210 and 810: `Pad`, `TagWriter` and `TagTools` of the ports. No lamp, no inputs.

Questions and answers are matched by `threem.line`; what is done to a tag is in `threem.tag_access`; bytes are
read and made by `threem.commands`. Here is what is asked of the reader.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from firmware_bridge.ports import DeviceInfo, PadHealth, Transport
from firmware_bridge.serial_line import open_serial
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.line import Line
from firmware_bridge.threem.tag_access import TagAccess
from firmware_bridge.transport import open_tcp

BAUD: Final = 19200
"""Specification §2: 19200 baud, 8N1."""


class ThreeMPad(TagAccess):
    """A 3M pad.

    `attempts` is how often a question is asked, `write_tries` how often a security state is written, before
    it is given up; these pads often miss a write, and there are programs that try a hundred times.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Transport]],
        *,
        timeout_s: float = 1.0,
        attempts: int = 3,
        write_tries: int = 10,
    ) -> None:
        line = Line(connect, timeout_s=timeout_s, attempts=attempts)
        super().__init__(line, write_tries=write_tries)

    @classmethod
    def serial(cls, path: str, *, timeout_s: float = 1.0, write_tries: int = 10) -> "ThreeMPad":
        """Return the driver of a pad on a serial port (19200 8N1); it opens it with the first command."""
        return cls(
            lambda: open_serial(path, baud=BAUD, parity="N"), timeout_s=timeout_s, write_tries=write_tries
        )

    @classmethod
    def tcp(
        cls,
        host: str,
        port: int,
        *,
        timeout_s: float = 1.0,
        connect_timeout_s: float = 3.0,
        write_tries: int = 10,
    ) -> "ThreeMPad":
        """Return the driver of a pad behind a serial server; it connects with the first command."""
        return cls(
            lambda: open_tcp(host, port, timeout_s=connect_timeout_s),
            timeout_s=timeout_s,
            write_tries=write_tries,
        )

    @property
    def health(self) -> PadHealth:
        """How the reader has answered so far."""
        return self._line.health

    async def close(self) -> None:
        """Let the device go."""
        await self._line.close()

    async def info(self) -> DeviceInfo:
        """Ask the reader for its firmware; it has no serial number to tell."""
        return await self.reader(commands.version(), "asking the reader's version", commands.parse_version)

    async def inventory(self) -> frozenset[str]:
        """Return the UIDs of all tags in the field."""

        def read(code: int, data: bytes) -> frozenset[str]:
            if code == words.NO_TAG:
                return frozenset()
            if code != words.OK:
                raise words.error_of(code, "looking for tags")
            return commands.parse_inventory(data)

        return await self._line.ask(commands.inventory(), read)
