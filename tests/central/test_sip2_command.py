"""`turnleaf sip2` as a person uses it: a call, and a probe of what a peer can."""

import asyncio
import json

import pytest
from test_sip2_client import Ils, polite, talking

from central.sip2.client import Peer
from central.sip2.codec import Frame
from central.sip2.probe import probe
from turnleaf import cli


async def test_a_probe_tells_what_a_peer_can_and_its_quirks() -> None:
    def reply(found: Frame, _: bytes, n: int) -> list[bytes]:
        return [polite(found)[:-10] + b"ZZnew|\r"] if found.message.code == "63" else [polite(found)]

    ils = Ils(reply)
    server = await asyncio.start_server(ils.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = await probe(Peer("127.0.0.1", port, "kiosk", "right", timeout_s=0.3, retries=0))
    server.close()

    assert [one.what for one in found.findings if not one.ok] == ["nobody's status (23)"]
    assert found.supported["11"]
    assert "field ZZ (not in 2.00)" in found.quirks
    assert "answers without a checksum" in found.quirks
    assert {frame[:2] for frame in ils.asked} <= {b"93", b"99", b"63", b"23", b"17", b"97"}


async def test_the_command_calls_and_prints_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    async with talking(lambda found, _, n: [polite(found)], timeout_s=5.0) as (_, ils):
        words = ["sip2", "call", f"127.0.0.1:{ils.port}", "63", "--patron", "29", "--json"]
        code = await asyncio.to_thread(cli.main, words)
        said = json.loads(capsys.readouterr().out)
        wrong = await asyncio.to_thread(cli.main, ["sip2", "call", f"127.0.0.1:{ils.port}", "12"])

    assert (code, said["name"], said["valid"], said["checksum"]) == (
        0,
        "PatronInformationResponse",
        True,
        "right",
    )
    assert wrong == 2
