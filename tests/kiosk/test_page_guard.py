"""The page's door: who is let in, and what everyone is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from kiosk import visit_state as s
from kiosk.page.render import Panel, panel_css
from kiosk.page.server import Page
from kiosk.view import screen


@dataclass
class Door:
    page: Page
    pressed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.page.port}"

    async def ask(
        self, path: str = "/", *, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Send one request by hand, so that every header can be wrong."""
        lines = {"host": self.host, "connection": "close", "content-length": str(len(body)), **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.page.port)
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        raw = (await reader.read()).decode()
        writer.close()
        start, _, rest = raw.partition("\r\n")
        top, _, content = rest.partition("\r\n\r\n")
        found = dict(line.lower().split(": ", 1) for line in top.split("\r\n"))
        return int(start.split()[1]), found, content

    async def key(self) -> str:
        """Go in by the printed address and return the cookie."""
        _, headers, _ = await self.ask(self.page.url.partition(self.host)[2])
        raw = self.page.url.partition("key=")[2]
        assert raw.lower() in headers["set-cookie"]
        return f"turnleaf-{self.page.port}={raw}"

    async def press(self, button: object, n: str = "1", value: str = "", **headers: str) -> int:
        body = json.dumps({"n": n, "button": button, "value": value})
        cookie = await self.key()
        given = {"cookie": cookie, "origin": f"http://{self.host}", **headers}
        return (await self.ask("/press", method="POST", body=body, **given))[0]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    pressed: list[tuple[str, str]] = []
    page = Page("127.0.0.1", 0, Panel(), screen(s.Kiosk(), 0), lambda b, v: pressed.append((b, v)))
    serving = asyncio.create_task(page.serve())
    yield Door(page, pressed)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_without_the_key_the_page_is_closed(door: Door) -> None:
    assert (await door.ask("/"))[0] == 403
    assert (await door.ask("/?key=wrong"))[0] == 403
    assert (await door.ask("/events"))[0] == 403
    assert (await door.ask("/assets/kiosk.js"))[0] == 403


async def test_the_key_becomes_a_cookie_that_no_script_reads_and_no_other_site_sends(door: Door) -> None:
    status, headers, _ = await door.ask(door.page.url.partition(door.host)[2])

    assert (status, headers["location"]) == (303, "/")
    assert "httponly" in headers["set-cookie"]
    assert "samesite=strict" in headers["set-cookie"]


async def test_with_the_cookie_it_is_open_and_nothing_is_kept(door: Door) -> None:
    status, headers, content = await door.ask("/", cookie=await door.key())

    assert status == 200
    assert "no-store" in headers["cache-control"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert " style=" not in content
    assert "<script>" not in content


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1"])
async def test_another_host_is_refused(door: Door, host: str) -> None:
    assert (await door.ask("/", host=host, cookie=await door.key()))[0] == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_press_from_another_page_is_refused(door: Door, origin: str) -> None:
    assert await door.press("finish", origin=origin) == 403
    assert door.pressed == []


async def test_a_press_that_does_not_say_where_it_comes_from_is_refused(door: Door) -> None:
    body = json.dumps({"n": "1", "button": "finish"})

    assert (await door.ask("/press", method="POST", body=body, cookie=await door.key()))[0] == 403


async def test_a_press_repeated_by_the_network_counts_once(door: Door) -> None:
    assert [await door.press("finish"), await door.press("finish")] == [204, 204]
    assert await door.press("language", n="2", value="de") == 204

    assert door.pressed == [("finish", ""), ("language", "de")]


@pytest.mark.parametrize("button", ["open-door", "", None, 7, ["finish"]])
async def test_what_is_no_button_is_refused(door: Door, button: object) -> None:
    assert await door.press(button) == 400
    assert door.pressed == []


async def test_a_press_too_long_is_refused(door: Door) -> None:
    assert await door.press("language", value="x" * 65) == 400
    assert await door.press("language", value="x" * 5000) == 400


@pytest.mark.parametrize(
    "path", ["/assets/../server.py", "/assets/render.py", "/assets/..%2fserver.py", "/docs", "/assets/"]
)
async def test_only_listed_files_are_served(door: Door, path: str) -> None:
    assert (await door.ask(path, cookie=await door.key()))[0] == 404


async def test_every_listed_file_is_served(door: Door) -> None:
    from kiosk.page.server import FILES

    for name in FILES:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.page.port)
        cookie = await door.key()
        writer.write(
            f"GET /assets/{name} HTTP/1.1\r\nhost: {door.host}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n".encode()
        )
        assert (await reader.read()).startswith(b"HTTP/1.1 200"), name
        writer.close()


def test_a_larger_or_farther_panel_gets_larger_letters() -> None:
    near, far = Panel(distance_mm=500), Panel(distance_mm=900)

    assert near.font_px(1) == far.font_px(1)
    assert near.font_px(2) < far.font_px(2)
    assert Panel(width_mm=150).touch_px(1) > Panel(width_mm=600).touch_px(1) == 64
    assert "--base:" in panel_css(near)
