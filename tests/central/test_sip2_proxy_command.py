"""`turnleaf sip2 proxy` and `record` as a person runs them, until Ctrl-C."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from test_sip2_client import Ils
from test_sip2_record import SECRETS, TALK

from central.sip2.codec import Frame, encode
from turnleaf import cli


@dataclass
class Command:
    process: asyncio.subprocess.Process
    port: int
    said: dict[str, Any] = field(default_factory=dict)
    complained: str = ""


@contextlib.asynccontextmanager
async def command(verb: str, *words: str) -> AsyncIterator[Command]:
    """Run the command before a small library system; end it as Ctrl-C does."""

    def reply(found: Frame, _: bytes, n: int) -> list[bytes]:
        said = {"63": TALK[2][1], "11": TALK[4][1]}[found.message.code]
        return [encode(said, sequence=found.sequence)]

    server = await asyncio.start_server(Ils(reply).serve, "127.0.0.1", 0)
    system = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnleaf", "sip2", verb, "--listen", "127.0.0.1:0", "--ils", system, "--json", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    try:
        async with asyncio.timeout(60):
            ready = (await process.stderr.readline()).decode()
            running = Command(process, int(ready.split(" ->")[0].rpartition(":")[2]))
            yield running
            process.send_signal(signal.SIGINT)
            said, complained = await process.communicate()
        running.said, running.complained = json.loads(said), complained.decode()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        server.close()


async def converse(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number, asked in ((1, 1), (2, 3)):
        writer.write(encode(TALK[asked][1], sequence=str(number)))
        assert await reader.readuntil(b"\r") == encode(TALK[asked + 1][1], sequence=str(number))
    writer.close()
    await writer.wait_closed()


async def test_the_proxy_counts_what_passed_and_names_nobody() -> None:
    async with command("proxy") as running:
        await converse(running.port)

    assert running.said["messages"] == {"11": 1, "12": 1, "63": 1, "64": 1}
    assert (running.said["lent"], running.said["returned"], running.said["connections"]) == (1, 0, 1)
    assert [word for word in SECRETS if word in json.dumps(running.said) + running.complained] == []


async def test_a_record_is_written_to_its_last_line_and_can_be_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "talk.jsonl"
    async with command("record", "--out", str(file)) as running:
        await converse(running.port)
    text = file.read_text()
    with file.open() as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        code = cli.main(["explain", "--text", "--json", "sip2", "-"])
    explained = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert (running.said["lines"], running.said["lines_lost"]) == (5, 0)
    assert [word for word in SECRETS if word in text] == []
    assert code == 0
    assert [one["fields"]["message"] for one in explained] == ["none", "63", "64", "11", "12", "none"]


def test_settings_come_from_centrals_file_and_words_outrank_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "central.toml"
    before, _, rest = example.read_text().partition("# [sip2]")
    section, _, after = rest.partition("\n\n")
    file = tmp_path / "central.toml"
    file.write_text(before + "[sip2]" + section.replace("\n# ", "\n") + "\n\n" + after)

    told = cli.main(["sip2", "proxy", "--config", str(file)]), capsys.readouterr().err
    words = ["sip2", "proxy", "--config", str(file), "--cert", "mine.pem"]
    outranked = cli.main(words), capsys.readouterr().err

    assert told[0] == outranked[0] == 2
    assert str(tmp_path / "sip2" / "cert.pem") in told[1]  # the example's own file, which is not there
    assert outranked[1].startswith("mine.pem:")


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (["proxy"], "which library system"),
        (["proxy", "--ils", "nowhere"], "is no address"),
        (["proxy", "--ils", "a:1", "--listen", "0.0.0.0:6001"], "without TLS off this machine"),
        (["proxy", "--ils", "a:1", "--cert", "x.pem"], "belong together"),
        (["proxy", "--ils", "a:1", "--encoding", "klingon"], "is no encoding"),
        (["record", "--ils", "a:1", "--out", "/nowhere/at/all.jsonl"], "No such file"),
    ],
)
def test_what_cannot_work_is_told_before_anything_passes(
    words: list[str], seen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sip2", *words]) == 2
    assert seen in capsys.readouterr().err
