"""The inline proxy is not noticed: every byte, every piece, every end passes as it came."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from central_kit import settings_in
from hypothesis import given, settings
from hypothesis import strategies as st
from pysip2 import models, routes
from pysip2.server import SIP2Server

from broker_config import pki
from central.authority_kinds import choose
from central.config import Sip2ProxySettings, Sip2Settings
from central.sip2 import proxy as module
from central.sip2.proxy import Deaf, Proxy, Side
from central.sip2.proxy_start import address, sides
from circulation.policy import Policy
from wire.errors import ConfigError

AT = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - SIP2 tells local times
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Heard(Deaf):
    """Keeps what passed."""

    def __init__(self) -> None:
        self.up = bytearray()
        self.down = bytearray()
        self.over = asyncio.Event()

    def from_terminal(self, data: bytes) -> None:
        self.up += data

    def from_system(self, data: bytes) -> None:
        self.down += data

    def ended(self) -> None:
        self.over.set()


@contextlib.asynccontextmanager
async def running(proxy: Proxy) -> AsyncIterator[Proxy]:
    ready = asyncio.Event()
    task = asyncio.create_task(proxy.run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            task.result()
        yield proxy
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def between(serve: Serve, tap: Any = Deaf, **more: Any) -> AsyncIterator[Proxy]:
    """A proxy before a system that is played by `serve`."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with running(Proxy(Side("127.0.0.1", 0), Side("127.0.0.1", port), tap, **more)) as proxy:
            yield proxy
    finally:
        server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say everything back, and then goodbye: what is said after the other's end shows a half-close."""
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.write(b"goodbye\r")
    except OSError:
        pass
    writer.close()


async def talk(port: int, pieces: list[bytes]) -> bytes:
    """Send pieces one by one, end our side, and return all that came back until the other side ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    back = asyncio.create_task(reader.read(-1))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    writer.write_eof()
    async with asyncio.timeout(20):
        said = await back
    writer.close()
    return said


PIECES = st.lists(
    st.binary(max_size=80) | st.just(b"login: ") | st.just(b"\xff\xfb\x01") | st.just(b"\r\n\r"), max_size=20
)


@settings(max_examples=40, deadline=None)
@given(PIECES)
async def test_any_bytes_in_any_pieces_pass_both_ways_unchanged_and_so_does_the_end(
    pieces: list[bytes],
) -> None:
    heard: list[Heard] = []

    def tap() -> Heard:
        heard.append(Heard())
        return heard[-1]

    async with between(echo, tap) as proxy:
        back = await talk(proxy.port, pieces)
        (one,) = heard
        async with asyncio.timeout(20):
            await one.over.wait()

    sent = b"".join(pieces)
    assert back == sent + b"goodbye\r"
    assert (bytes(one.up), bytes(one.down)) == (sent, sent + b"goodbye\r")
    assert (proxy.passed.bytes_up, proxy.passed.bytes_down) == (len(sent), len(sent) + 8)


async def test_a_system_that_speaks_first_is_heard_first() -> None:
    async def prompts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        assert await reader.readuntil(b"\r") == b"kiosk\r"
        writer.write(b"password: ")
        assert await reader.readuntil(b"\r") == b"secret\r"
        writer.write(b"OK\r\n")
        writer.close()

    async with between(prompts) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        async with asyncio.timeout(20):
            said = [await reader.readuntil(b": ")]
            writer.write(b"kiosk\r")
            said.append(await reader.readuntil(b": "))
            writer.write(b"secret\r")
            said.append(await reader.read(-1))
        writer.close()

    assert said == [b"login: ", b"password: ", b"OK\r\n"]


async def test_who_does_not_listen_slows_the_other_side_and_nothing_is_lost() -> None:
    data = random.Random(5).randbytes(40_000_000)  # more than the kernel holds on its way
    listen = asyncio.Event()
    got = bytearray()

    async def deaf_for_a_while(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await listen.wait()
        while piece := await reader.read(65_536):
            got.extend(piece)
        writer.write(b"done\r")
        writer.close()

    async with between(deaf_for_a_while) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(data)
        sending = asyncio.create_task(writer.drain())
        held = -1
        while held != proxy.passed.bytes_up or held == 0:  # until nothing moves any more
            held = proxy.passed.bytes_up
            await asyncio.sleep(0.2)
        still = sending.done()
        listen.set()
        async with asyncio.timeout(30):
            await sending
            writer.write_eof()
            done = await reader.read(-1)
        writer.close()

    assert not still
    assert held < len(data)
    assert bytes(got) == data
    assert done == b"done\r"


async def test_a_system_that_hangs_up_hangs_up_on_the_kiosk() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.transport.abort()

    async with between(serve) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"9900302.00\r")
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                assert await reader.read(-1) == b""
            writer.close()
            while proxy.passed.open:
                await asyncio.sleep(0.005)

    assert proxy.passed.connections == 1


async def test_a_system_that_is_away_is_told_by_hanging_up_and_counted(unused_tcp_port: int) -> None:
    async with running(Proxy(Side("127.0.0.1", 0), Side("127.0.0.1", unused_tcp_port))) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                assert await reader.read(-1) == b""
        writer.close()

    assert (proxy.passed.unreachable, proxy.passed.open) == (1, 0)


async def test_a_tap_that_fails_is_taken_off_and_the_talk_goes_on() -> None:
    class Broken(Deaf):
        def from_terminal(self, data: bytes) -> None:
            raise ValueError(data)

    async with between(echo, Broken) as proxy:
        said = await talk(proxy.port, [b"one\r", b"two\r"])

    assert said == b"one\rtwo\rgoodbye\r"
    assert proxy.passed.taps_failed == 1


async def test_more_connections_than_are_wanted_are_not_taken() -> None:
    async with between(echo, connections=1) as proxy:
        first = await asyncio.open_connection("127.0.0.1", proxy.port)
        first[1].write(b"x")
        async with asyncio.timeout(20):
            assert await first[0].read(1) == b"x"
            second = await asyncio.open_connection("127.0.0.1", proxy.port)
            with contextlib.suppress(ConnectionError):
                assert await second[0].read(-1) == b""
        for _, writer in (first, second):
            writer.close()

    assert (proxy.passed.connections, proxy.passed.crowded) == (1, 1)


async def test_one_side_that_ended_does_not_hold_a_connection_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.05)

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(-1)
            await asyncio.Event().wait()

    async with between(never) as proxy:
        said = await talk(proxy.port, [b"63\r"])

    assert said == b""


async def test_a_port_that_is_taken_is_told_to_the_operator() -> None:
    async with between(echo) as proxy:
        other = Proxy(Side("127.0.0.1", proxy.port), Side("127.0.0.1", 1))
        with pytest.raises(ConfigError, match="cannot listen"):
            await other.run()


# --- TLS ------------------------------------------------------------------------------------------


FILES = ("ca/ca.pem", "server/cert.pem", "server/key.pem")


async def test_tls_ends_on_either_side(tmp_path: Path) -> None:
    pki.init(tmp_path / "pki", ["localhost", "127.0.0.1"])
    ca, cert, key = (tmp_path / "pki" / name for name in FILES)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(cert, key)
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=served)
    system = f"localhost:{server.sockets[0].getsockname()[1]}"
    told = Sip2ProxySettings(listen="127.0.0.1:0", ils=system, cert=cert, key=key, tls=True, ca=ca)
    trusts = ssl.create_default_context(cafile=str(ca))
    async with running(Proxy(*sides(told))) as proxy:
        reader, writer = await asyncio.open_connection("localhost", proxy.port, ssl=trusts)
        async with asyncio.timeout(20):
            writer.write(b"9900302.00AY1AZFCA5\r")
            said = await reader.readuntil(b"\r")
        writer.close()
    server.close()

    assert said == b"9900302.00AY1AZFCA5\r"


# --- other people's server ------------------------------------------------------------------------


async def test_a_strict_server_and_its_terminal_do_not_notice_it() -> None:
    from central.sip2.client import Connection, Peer
    from central.sip2.codec import Dialect
    from central.sip2.messages_items import ItemInformation

    server = SIP2Server(institution_id="main", encoding="cp850")

    @server.route(routes.ITEM_INFORMATION)
    def item(asked: models.ItemInformationRequest, _: object) -> models.ItemInformationResponse:
        return models.ItemInformationResponse(
            circulation_status="03", security_marker="00", fee_type="01", transaction_date="20261121    093000",
            item_identifier=asked.item_identifier, title_identifier="Smørrebrød",
        )  # fmt: skip

    async with (
        server.start() as port,
        running(Proxy(Side("127.0.0.1", 0), Side("127.0.0.1", port))) as proxy,
    ):
        peer = Peer("127.0.0.1", proxy.port, dialect=Dialect("cp850"))
        terminal = await Connection.open(peer)
        found = await terminal.request(ItemInformation(item="30", institution="main", at=AT))
        await terminal.close()

    assert (found.check, found.message.title) == ("right", "Smørrebrød")  # type: ignore[attr-defined]  # an 18


# --- settings -------------------------------------------------------------------------------------


def test_off_loopback_the_proxy_wants_tls_or_an_explicit_word() -> None:
    with pytest.raises(ConfigError, match="without TLS off this machine"):
        sides(Sip2ProxySettings(listen="0.0.0.0:6001", ils="ils:6001"))
    listen, system = sides(
        Sip2ProxySettings(listen="0.0.0.0:6001", plain_text_off_loopback=True),
        Sip2Settings(host="ils", port=7),
    )

    assert (listen.name, system.name) == ("0.0.0.0:6001", "ils:7")


def test_no_proxy_stands_beside_the_own_ledger(tmp_path: Path) -> None:
    told = settings_in(tmp_path, sip2={"host": "ils", "proxy": {}})

    with pytest.raises(ConfigError, match="authority"):
        choose(told, Policy())


@pytest.mark.parametrize("text", ["localhost", ":6001", "h:x", "h:70000", ""])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        address(text)
    assert address("[::1]:6001") == ("::1", 6001)
