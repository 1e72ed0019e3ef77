"""The line to a 3M reader. How answers are held to their questions is in `firmware_bridge.asked_line`.

The fence is the reader's version, under a command that nothing else here is asked with. A reader that is busy
does not take a command at all (specification §1.1). After a question that was given up the fence may meet
such a reader, so that it is asked three times, for a share of the patience each; the second time in the older
form, which wakes 810 readers.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from firmware_bridge.asked_line import AskedLine
from firmware_bridge.errors import DeviceTimeout
from firmware_bridge.ports import Transport
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import Frame, Parser, encode

log = logging.getLogger("turnleaf.firmware_bridge.threem")

FENCES: Final = ((commands.version(), 0.5), (Frame(words.VERSION, old=True), 0.5), (commands.version(), 1.0))
"""The fence's forms, each with its share of the patience."""


class Line(AskedLine[Frame]):
    """A connection to one 3M reader."""

    advice = "Look at the reader's light; pull its plug and put it in again if it stays silent."

    def __init__(
        self, connect: Callable[[], Awaitable[Transport]], *, timeout_s: float, attempts: int
    ) -> None:
        super().__init__(connect, Parser, log, timeout_s=timeout_s, attempts=attempts)

    def _bytes(self, request: Frame) -> bytes:
        return encode(request)

    def _said(self, answer: Frame) -> tuple[int, bytes]:
        return (words.OK, answer.payload) if answer.old else super()._said(answer)

    async def _fence(self) -> None:
        *first, (last, share) = FENCES
        for request, part in first:
            try:
                await self._talk(request, patience_s=self._timeout_s * part)
                return
            except DeviceTimeout:
                continue
        await self._talk(last, patience_s=self._timeout_s * share)
