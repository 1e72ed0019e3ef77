"""The line to a FEIG reader. How answers are held to their questions is in `firmware_bridge.asked_line`.

The fence is the software version, which answers under a command of its own. Old readers know standard frames
alone: a fence that stays silent in one form is asked in the other, and the form that was answered is kept.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from firmware_bridge.asked_line import AskedLine
from firmware_bridge.errors import DeviceRefused, DeviceTimeout
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame, Parser, encode, encode_standard
from firmware_bridge.ports import Transport

log = logging.getLogger("turnleaf.firmware_bridge.feig")

Form = Literal["auto", "advanced", "standard"]
ENCODERS: dict[str, Callable[[Frame], bytes]] = {"advanced": encode, "standard": encode_standard}


class Line(AskedLine[Frame]):
    """A connection to one FEIG reader; it finds out the form of frames when `form` is "auto"."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Transport]],
        *,
        timeout_s: float,
        attempts: int,
        form: Form = "auto",
    ) -> None:
        super().__init__(connect, Parser, log, timeout_s=timeout_s, attempts=attempts)
        self._forms = ["advanced", "standard"] if form == "auto" else [form]
        self._form = ""

    def _connected(self) -> None:
        self._form = ""

    def _bytes(self, request: Frame) -> bytes:
        return self._in_form(request, self._form)

    def _in_form(self, request: Frame, form: str) -> bytes:
        try:
            return ENCODERS[form](request)
        except ValueError as error:
            raise DeviceRefused(f"the question is too long for this reader: {error}") from error

    async def _fence(self) -> None:
        """Ask for the software version; on a fresh connection in each form, the one known so far first."""
        *others, last = [self._form] if self._form else self._forms
        for form in others:
            try:
                return await self._fence_in(form)
            except DeviceTimeout:
                continue
        return await self._fence_in(last)

    async def _fence_in(self, form: str) -> None:
        fence = Frame(words.SOFTWARE_VERSION)
        await self._talk(fence, self._in_form(fence, form))
        self._form = form
        self._forms.sort(key=lambda one: one != form)
