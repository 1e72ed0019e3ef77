"""How a conversation begins with a library system: the login, its prompts, and who must act when it fails."""

import asyncio

import pytest
from test_sip2_client import polite, talking

from central.sip2.client import Connection, LoginRefused, Peer, Unheard, Unreachable
from central.sip2.codec import Frame, decode, encode
from central.sip2.messages import LoginResponse


async def test_a_peer_that_resets_at_the_prompts_is_unheard() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        await reader.readline()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unheard):
        await Connection.open(Peer("127.0.0.1", port, "kiosk", "right", prompts=True, timeout_s=1.0))
    server.close()


async def test_a_refused_login_and_a_closed_port_say_who_must_act() -> None:
    def no(found: Frame, _: bytes, n: int) -> list[bytes]:
        return [encode(LoginResponse(ok=False), sequence=found.sequence)]

    with pytest.raises(LoginRefused, match="the login of kiosk was refused"):
        async with talking(no):
            pass
    with pytest.raises(Unreachable, match="cannot connect"):
        await Connection.open(Peer("127.0.0.1", 9, timeout_s=1.0))


async def test_prompts_are_answered_before_sip2() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfb\x01\r\nlogin: ")
        heard.append(await reader.readline())
        writer.write(b"password: ")
        heard.append(await reader.readline())
        writer.write(b"\r\nLogin OK. Initiating SIP\r\n")
        found = decode(await reader.readuntil(b"\r"))
        assert isinstance(found, Frame)
        writer.write(polite(found))
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await Connection.open(Peer("127.0.0.1", port, "kiosk", "right", prompts=True, timeout_s=5.0))
    await connection.close()
    server.close()

    assert heard == [b"kiosk\r\n", b"right\r\n"]
    assert connection.status is not None
