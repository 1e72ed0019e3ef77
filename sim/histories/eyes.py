"""A patron's eyes on the kiosk's screen: which screen it is, and its words."""

import asyncio
import http.client
import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlsplit

from wire.errors import DeviceError

NAME = re.compile(r'data-screen="([^"]*)"')
TITLE = re.compile(r'data-title="([^"]*)"')
MARK = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands on the screen."""

    name: str
    """As the page's own style sheet knows it: welcome, lending, returning, returns-only, closed, ..."""
    headline: str
    words: str
    """Everything that can be read."""


async def look(address: str) -> Shown:
    """Look at a kiosk by the address that it printed at its start; raises DeviceError."""
    return await asyncio.to_thread(_get, address)


def _get(address: str) -> Shown:
    parts = urlsplit(address)
    key, port = parse_qs(parts.query).get("key", [""])[0], parts.port or 80
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Cookie": f"turnleaf-{port}={key}"})
        page = connection.getresponse().read().decode()
    except OSError as error:
        raise DeviceError(f"the kiosk's page does not answer: {error}") from error
    finally:
        connection.close()
    name, title = NAME.search(page), TITLE.search(page)
    words = unescape(MARK.sub(" ", page[page.find("<body") :]))
    return Shown(name[1] if name else "", unescape(title[1]) if title else "", " ".join(words.split()))
