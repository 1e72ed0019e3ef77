"""A patron's finger on the kiosk's screen: presses buttons as the page's own script does."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from wire.errors import DeviceError

AGAIN_S = 0.5
"""So long a finger waits before it presses again."""


class Finger:
    """Presses buttons of one kiosk; knows the address that the kiosk printed at its start."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._key = parse_qs(parts.query).get("key", [""])[0]

    async def press(self, button: str, value: str = "") -> None:
        """Press a button; raises DeviceError when the kiosk does not take it."""
        status = await asyncio.to_thread(self._post, button, value)
        if status != 204:
            raise DeviceError(f"the kiosk's page answered {status} to {button}")

    @asynccontextmanager
    async def insisting(self, button: str) -> AsyncIterator[None]:
        """Press a button, and again while the body runs: the screen may not offer it yet."""
        done = asyncio.Event()

        async def press() -> None:
            while not done.is_set():
                with suppress(DeviceError):
                    await self.press(button)
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_S):
                        await done.wait()

        pressing = asyncio.create_task(press())  # no group: what the body raises is to come out as it is
        try:
            yield
        finally:
            done.set()
            await pressing

    def _post(self, button: str, value: str) -> int:
        origin = f"http://{self._host}:{self._port}"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
        try:
            connection.request(
                "POST",
                "/press",
                json.dumps({"n": str(uuid4()), "button": button, "value": value}),
                {
                    "Content-Type": "application/json",
                    "Origin": origin,
                    "Cookie": f"turnleaf-{self._port}={self._key}",
                },
            )
            return connection.getresponse().status
        except OSError as error:
            raise DeviceError(f"the kiosk's page does not answer: {error}") from error
        finally:
            connection.close()
