"""The page on the bytes of a fact: its samples are what the models read, its program lends a book."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import mqtt5
import pytest
from real.broker import RealBroker

from broker_config.render import ports
from central.results import read_upward
from sim.processes import Daemon
from sim.toml_text import toml_text
from wire.messages.facts import BODIES
from wire.messages.stream import Answer, Entry, Envelope, Hello, Resume
from wire.topics import topic

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/fact-bytes.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_every_sample_is_read_by_the_models() -> None:
    hello, resume, *entries, answer = [json.loads(text) for text in blocks("json")]

    assert isinstance(read_upward(json.dumps(hello).encode()), Hello)
    assert Resume.model_validate(resume).high_id == hello["last_id"]
    assert Answer.model_validate(answer).request == entries[0]["id"]
    assert [entry["seq"] for entry in entries] == [1, 2, 3]
    for entry in entries:
        read = read_upward(json.dumps(entry).encode())
        assert isinstance(read, Entry)
        assert entry["body"]["schema"] == BODIES.validate_python(read.body).schema_name


def test_no_member_is_passed_over_because_it_is_misspelt() -> None:
    hello, _, *entries, _ = [json.loads(text) for text in blocks("json")]

    assert set(hello) <= set(Hello.model_fields)
    for entry in entries:
        model = BODIES.validate_python(entry["body"])
        known = {field.alias or name for name, field in type(model).model_fields.items()}
        assert set(entry) - {"body"} <= set(Envelope.model_fields) | {"kind"}
        assert set(entry["body"]) <= known


def test_the_bytes_of_the_packet_are_those_of_the_page() -> None:
    payload = blocks("json")[4].strip().encode()
    packet = mqtt5.PublishPacket(
        topic("fact", station="kiosk-1"), payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7
    ).write()
    shown = bytes.fromhex(blocks("hex")[0])

    assert shown + payload == packet


def test_the_bench_says_what_the_page_says() -> None:
    program = (ROOT / "tests/bench/stations.c").read_text()
    shown = json.loads(blocks("json")[2])
    written = "".join(
        re.findall(r'^ +"(.*?)",?$', program.split("static void say")[1].split("f->said")[0], re.M)
    )

    assert list(shown) == re.findall(r'\\"(\w+)\\":', written)


@pytest.mark.broker
async def test_the_program_of_the_page_lends_and_returns_a_book(
    real_broker: RealBroker, tmp_path: Path
) -> None:
    for name in ("central", "kiosk-1"):
        real_broker.enrol(name)
    url, home = f"sqlite:///{tmp_path}/ledger.db", real_broker.folder / "identities" / "central"
    load = [sys.executable, "-m", "turnleaf", "ledger", "load", "docs/examples/registry.json", "--db", url]
    await asyncio.to_thread(subprocess.run, load, cwd=ROOT, check=True, capture_output=True)
    (tmp_path / "policy.toml").write_text("")
    (tmp_path / "station.py").write_text(blocks("python")[0])
    files = {name: f"{home}/{name}.pem" for name in ("ca", "cert", "key")}
    listen = ports(real_broker.folder)
    (tmp_path / "central.toml").write_text(
        toml_text(
            {
                "ledger": url, "policy": "policy.toml", "items_key": f"{home}/items.key", "spool": "spool",
                "broker": {"host": "127.0.0.1", "port": listen.operators, **files},
                "telemetry": {"kind": "sqlite", "path": "telemetry.db"},
            }
        )
    )  # fmt: skip
    central = Daemon(
        "central", ("central", "run", "--config", str(tmp_path / "central.toml")), tmp_path / "central.log"
    )
    await central.start()
    try:
        kiosk = real_broker.folder / "identities" / "kiosk-1"
        words = ["127.0.0.1", str(listen.stations), str(kiosk), "2900000001001", "3000000000017"]
        command = [sys.executable, str(tmp_path / "station.py"), *words]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    finally:
        await central.stop()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["upto"] == 3
    assert [(one["outcome"], one["title"]) for one in found["answers"]] == [("granted", "The Moonstone")]
