"""The page's server: the current screen over server-sent events, presses back as small posts.

`Page.show` and `Page.tone` may be called at any time; every browser that is connected gets the newest
screen, and one that comes back gets it at once. A press is idempotent: it says what it wants, and its
number is remembered, so a nervous finger or a repeated request does nothing twice.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, get_args, get_type_hints

import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from kiosk.page.guard import Guard
from kiosk.page.render import Panel, document, fragment, panel_css
from kiosk.view_model import Screen
from kiosk.visit_events import Pressed

log = logging.getLogger("turnleaf.kiosk.page")

Press = Callable[[str, str], None]
BUTTONS = frozenset(get_args(get_type_hints(Pressed)["button"]))
ALIVE_S = 10.0
"""A comment is sent this often, so that a page whose daemon died notices."""
MEDIA = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
    ".svg": "image/svg+xml",
}
FILES = {
    "tokens.css": "static/tokens.css",
    "kiosk.css": "static/kiosk.css",
    "kiosk.js": "static/kiosk.js",
    "idiomorph.js": "vendor/idiomorph/idiomorph.min.js",
    **{
        f"fonts/{name}": f"static/fonts/{name}"
        for name in (
            "atkinson-hyperlegible-next-latin-wght-normal.woff2",
            "atkinson-hyperlegible-next-latin-ext-wght-normal.woff2",
            "atkinson-hyperlegible-next-latin-wght-italic.woff2",
            "atkinson-hyperlegible-next-latin-ext-wght-italic.woff2",
        )
    },
}
"""What is served, and from where: this list and nothing else in the package."""


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n"


class Page:
    """One kiosk's page on a socket of its own."""

    def __init__(self, host: str, port: int, panel: Panel, first: Screen, press: Press) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._socket.listen()  # who opens the address before uvicorn accepts waits, and is not refused
        self.port: int = self._socket.getsockname()[1]
        self._token = secrets.token_urlsafe(24)
        self._panel = panel
        self._screen = first
        self._press = press
        self._streams: set[asyncio.Queue[str]] = set()
        self._seen: deque[str] = deque(maxlen=64)
        routes = [
            Route("/", self._door),
            Route("/events", self._events),
            Route("/press", self._pressed, methods=["POST"]),
            Route("/assets/panel.css", self._panel_css),
            Route("/assets/{name:path}", self._asset),
        ]
        # A router alone: an application adds pages for errors, which uvicorn answers and logs as well.
        self._guard = Guard(Router(routes), token=self._token, port=self.port)

    @property
    def app(self) -> ASGIApp:
        """The whole application, guard included."""
        return self._guard

    @property
    def url(self) -> str:
        """The address for this kiosk's browser; it holds the key of this boot."""
        return f"http://127.0.0.1:{self.port}/?key={self._token}"

    def show(self, screen: Screen) -> None:
        """Show a screen; one that is there already is not sent again."""
        if screen != self._screen:
            self._screen = screen
            self._send(_event("screen", fragment(screen)))

    def tone(self, name: str) -> None:
        """Play one of the three tones."""
        if self._screen.sound:
            self._send(_event("tone", name))

    def _send(self, event: str) -> None:
        for stream in self._streams:
            stream.put_nowait(event)

    async def serve(self) -> None:
        """Serve until cancelled."""
        config = uvicorn.Config(
            self._guard, log_config=None, access_log=False, lifespan="off", http="h11", ws="none",
            timeout_graceful_shutdown=1, server_header=False, date_header=False,
        )  # fmt: skip
        try:
            await _Server(config, lambda: self._send("")).serve(sockets=[self._socket])
        finally:
            self._socket.close()
        raise asyncio.CancelledError

    # --- what the browser asks for ---

    async def _door(self, request: Request) -> Response:
        key = request.query_params.get("key")
        if key is not None and self._guard.is_key(key):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._guard.cookie, self._token, httponly=True, samesite="strict", path="/")
            return answer
        if not self._guard.knows(request.headers):
            return PlainTextResponse("Open the address that the kiosk printed at its start.\n", 403)
        return HTMLResponse(document(self._screen))

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        stream: asyncio.Queue[str] = asyncio.Queue()
        self._streams.add(stream)
        try:
            yield "retry: 500\n\n" + _event("screen", fragment(self._screen))
            while True:
                try:
                    async with asyncio.timeout(ALIVE_S):
                        event = await stream.get()
                except TimeoutError:
                    event = _event("alive", "-")
                if not event:
                    return
                yield event
        finally:
            self._streams.discard(stream)

    async def _pressed(self, request: Request) -> Response:
        wanted = await _press_of(request)
        if wanted is None:
            return PlainTextResponse("no such button", 400)
        number, button, value = wanted
        if number not in self._seen:
            self._seen.append(number)
            self._press(button, value)
        return Response(status_code=204)

    async def _panel_css(self, _: Request) -> Response:
        return Response(panel_css(self._panel), media_type="text/css")

    async def _asset(self, request: Request) -> Response:
        where = FILES.get(request.path_params["name"])
        if where is None:
            return PlainTextResponse("not here", 404)
        content = (resources.files("kiosk.page") / where).read_bytes()
        return Response(content, media_type=MEDIA[PurePosixPath(where).suffix])


async def _press_of(request: Request) -> tuple[str, str, str] | None:
    """Return number, button and value of a press, or None when it is not one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 512:
            return None
    try:
        said: Any = json.loads(body)
        number, button, value = str(said["n"]), said["button"], str(said.get("value", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    known = isinstance(button, str) and button in BUTTONS
    return (number, button, value) if known and len(value) <= 64 else None


class _Server(uvicorn.Server):
    """A server that leaves the signals to the daemon it lives in, and closes its doors when cancelled."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    async def main_loop(self) -> None:
        """Wait to be cancelled. uvicorn's own loop looks ten times a second for a signal or a new date."""
        await self.on_tick(0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.should_exit = True
            self._closing()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
