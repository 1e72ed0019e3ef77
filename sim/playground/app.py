"""The newcomer's page: a kiosk, its pad, a card, books and a gate to play with, served on loopback alone."""

import asyncio
import json
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

import uvicorn
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from sim.onlooker import Message
from sim.playground import steps
from sim.playground.steps import Seen
from sim.playground.table import Table
from sim.reckoning import read_ledger
from wire.clock import SystemClock
from wire.errors import TurnleafError

TURN_S = 0.15
DULL = frozenset({"sample/1", "status/1", "fleet/1", "work/1", "parts/1", "central-status/1", "items-page/1"})
"""Messages that come by themselves all the time; the page tells of what somebody did."""
SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; frame-src http://127.0.0.1:*; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
MEDIA = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2"}


class Playground:
    """The page, its state, and the stream of what just happened."""

    def __init__(self, table: Table, sentence: Callable[[Message], str], doors: list[dict[str, str]]) -> None:
        self.table = table
        self._sentence = sentence
        self._doors = doors
        self._clock = SystemClock()
        self._key = secrets.token_urlsafe(18)
        self._log: deque[dict[str, str]] = deque(maxlen=200)
        self._streams: set[asyncio.Queue[str]] = set()
        self._state = ""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._cookie = f"turnleaf-play-{self.port}"
        self._jinja = Environment(
            loader=PackageLoader("sim.playground"), autoescape=select_autoescape(default=True)
        )

    @property
    def url(self) -> str:
        """The address to open; it holds the key of this start."""
        return f"http://127.0.0.1:{self.port}/?key={self._key}"

    def see(self, message: Message) -> None:
        """Take a message of the onlooker."""
        body = message.body()
        self.table.progress = steps.see(self.table.progress, Seen(message.levels, body))
        if body.get("schema") in DULL or body.get("kind") == "hello" or message.retained:
            return
        entry = {
            "at": f"{self._clock.now().astimezone():%H:%M:%S}",
            "topic": message.topic,
            "sentence": self._sentence(message),
            "json": json.dumps(body, indent=1, ensure_ascii=False),
        }
        self._log.append(entry)
        self._send("log", [entry])

    async def run(self) -> None:
        """Serve the page and look at the tags until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._serve(), name="playground")
            tasks.create_task(self._look(), name="playground looks")

    async def _look(self) -> None:
        while True:
            self.table.look()
            if self.table.waiting():
                self.table.recorded(await asyncio.to_thread(read_ledger, self.table.stage.ledger_path))
            state = json.dumps({**self.table.state(), "doors": self._doors}, ensure_ascii=False)
            if state != self._state:
                self._state = state
                self._send_raw("state", state)
            await asyncio.sleep(TURN_S)

    async def _serve(self) -> None:
        routes = [
            Route("/", self._page),
            Route("/events", self._events),
            Route("/act", self._act, methods=["POST"]),
            Route("/fault", self._fault, methods=["POST"]),
            Route("/static/{name}", self._static),
            Route("/kiosk-static/{name:path}", self._kiosk_static),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, lifespan="off", ws="none",
            http="h11", timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        server.capture_signals = _no_signals  # type: ignore[method-assign]  # signals belong to the demo
        try:
            await server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def _refuse(self, request: Request) -> Response | None:
        """Refuse whoever is not this page in this browser."""
        if request.headers.get("host") != f"127.0.0.1:{self.port}":
            return PlainTextResponse("not this host", 421)
        if request.headers.get("origin", f"http://127.0.0.1:{self.port}") != f"http://127.0.0.1:{self.port}":
            return PlainTextResponse("not from this page", 403)
        if not secrets.compare_digest(request.cookies.get(self._cookie, ""), self._key):
            return PlainTextResponse("open the address that the demo printed", 403)
        return None

    async def _page(self, request: Request) -> Response:
        key = request.query_params.get("key", "")
        if key and secrets.compare_digest(key, self._key):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._cookie, self._key, httponly=True, samesite="strict")
            return answer
        refused = self._refuse(request)
        if refused is not None:
            return refused
        page = self._jinja.get_template("play.html").render(kiosk_url=self.table.state()["kiosk"])
        return Response(page, media_type="text/html", headers=SECURITY)

    async def _events(self, request: Request) -> Response:
        return self._refuse(request) or StreamingResponse(
            self._stream(), media_type="text/event-stream", headers=SECURITY
        )

    async def _stream(self) -> AsyncIterator[str]:
        stream: asyncio.Queue[str] = asyncio.Queue()
        self._streams.add(stream)
        try:
            yield f"retry: 500\n\nevent: story\ndata: {json.dumps(list(self._log))}\n\n"
            if self._state:
                yield f"event: state\ndata: {self._state}\n\n"
            while True:
                yield await stream.get()
        finally:
            self._streams.discard(stream)

    def _send(self, event: str, value: Any) -> None:
        self._send_raw(event, json.dumps(value, ensure_ascii=False))

    def _send_raw(self, event: str, text: str) -> None:
        for stream in self._streams:
            stream.put_nowait(f"event: {event}\ndata: {text}\n\n")

    async def _act(self, request: Request) -> Response:
        return self._refuse(request) or await self._do(
            request, lambda said: self.table.move(str(said["thing"]), str(said["to"]))
        )

    async def _fault(self, request: Request) -> Response:
        return self._refuse(request) or await self._do(
            request, lambda said: self.table.fault(str(said["fault"]), bool(said["on"]))
        )

    async def _do(self, request: Request, act: Callable[[dict[str, Any]], Any]) -> Response:
        try:
            await act(await request.json())
        except (ValueError, KeyError, TypeError) as error:
            return PlainTextResponse(f"not understood: {error}", 400)
        except TurnleafError as error:
            return PlainTextResponse(error.seen, 409)
        return Response(status_code=204)

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ("play.css", "play.js"):
            return PlainTextResponse("not here", 404)
        content = (resources.files("sim.playground") / "static" / name).read_bytes()
        return Response(content, media_type=MEDIA[PurePosixPath(name).suffix], headers=SECURITY)

    async def _kiosk_static(self, request: Request) -> Response:
        """Serve the kiosk's tokens and letters: one face for both pages."""
        name = PurePosixPath(request.path_params["name"])
        if name.suffix not in (".css", ".woff2") or ".." in name.parts:
            return PlainTextResponse("not here", 404)
        where = resources.files("kiosk.page") / "static" / str(name)
        if not where.is_file():
            return PlainTextResponse("not here", 404)
        return Response(where.read_bytes(), media_type=MEDIA[name.suffix], headers=SECURITY)


def _no_signals() -> Any:
    from contextlib import nullcontext

    return nullcontext()
