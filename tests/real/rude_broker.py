"""A far end that speaks just enough MQTT 5 over TLS to be rude: it withholds, denies, drops or is silent.

For what a real Mosquitto does not do on demand: announce a Receive Maximum and withhold acknowledgements,
or drop the connection after a denial as some brokers do.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from broker_config import pki
from wire.link import LinkSettings

Answer = Callable[[int, int], list[bytes]]


class RudeBroker:
    """Answers CONNECT with `connack`, SUBSCRIBE with a grant, and each PUBLISH as `on_publish` says.

    `on_publish(number, packet_id)` returns what to write; None in the list closes the connection.
    """

    def __init__(
        self, folder: Path, *, connack: bytes, on_publish: Callable[[int, int], list[bytes | None]]
    ) -> None:
        pki.init(folder, ["127.0.0.1"])
        self.home = pki.enrol(folder, "kiosk-1")
        self.folder = folder
        self.connack = connack
        self.on_publish = on_publish
        self.published: list[int] = []
        self.connections = 0
        self.goodbyes = 0
        self.news = asyncio.Event()
        self.writer: asyncio.StreamWriter | None = None

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[LinkSettings]:
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=str(self.folder / "ca" / "ca.pem")
        )
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.folder / "server" / "cert.pem", self.folder / "server" / "key.pem")
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        files = {name: str(self.home / f"{name}.pem") for name in ("ca", "cert", "key")}
        try:
            yield LinkSettings("127.0.0.1", port, "kiosk-1", keepalive_s=1, **files)
        finally:
            server.close()
            if self.writer is not None:
                self.writer.close()

    async def until(self, done: Callable[[], bool], timeout: float = 10) -> None:
        async with asyncio.timeout(timeout):
            while not done():
                self.news.clear()
                await self.news.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                kind = (await reader.readexactly(1))[0]
                length, shift = 0, 0
                while True:
                    digit = (await reader.readexactly(1))[0]
                    length |= (digit & 127) << shift
                    shift += 7
                    if not digit & 128:
                        break
                body = await reader.readexactly(length)
                for answer in self._answers(kind, body):
                    if answer is None:
                        writer.close()
                        return
                    writer.write(answer)
                self.news.set()
        writer.close()

    def _answers(self, kind: int, body: bytes) -> list[bytes | None]:
        match kind >> 4:
            case 1:
                return [self.connack]
            case 3 if kind & 6:
                at = 2 + int.from_bytes(body[:2], "big")
                packet_id = int.from_bytes(body[at : at + 2], "big")
                self.published.append(packet_id)
                return self.on_publish(len(self.published), packet_id)
            case 8:
                return [b"\x90\x04" + body[:2] + b"\0\1"]
            case 12:
                return [b"\xd0\0"]
            case 14:
                self.goodbyes += 1
        return []


def connack(**properties: int) -> bytes:
    """Return a CONNACK that accepts, with Receive Maximum (0x21) or Maximum Packet Size (0x27)."""
    body = b""
    if "receive_maximum" in properties:
        body += b"\x21" + properties["receive_maximum"].to_bytes(2, "big")
    if "maximum_packet" in properties:
        body += b"\x27" + properties["maximum_packet"].to_bytes(4, "big")
    return bytes([0x20, 3 + len(body), 0, 0, len(body)]) + body


def puback(packet_id: int, reason: int = 0) -> bytes:
    return b"\x40\x03" + packet_id.to_bytes(2, "big") + bytes([reason])
