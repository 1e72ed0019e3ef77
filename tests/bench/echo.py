"""The floor of latency: answers each fact by central's own client, without a desk.

    python -m tests.bench.echo HOST PORT IDENTITY-FOLDER tls|plain [--commits DATABASE | --ledger LEDGER]

With `--commits` after one commit of one row; with `--ledger` after the statements of the fact and their commit.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from central.foreground import tune
from tests.bench.least import Least
from tests.bench.site import commit_once, committing
from tests.bench.without_tls import plain_link
from wire.link import Connected, Inbound, LinkSettings, Outgoing
from wire.mqtt_fast import fast_link
from wire.topics import match, topic

Writer = Callable[[str, dict[str, Any]], None]


def said(body: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    """Return what is said to a message of a stream: (row, payload)."""
    resume = {
        "schema": "resume/1",
        "stream": body["stream"],
        "link": "l",
        "central": "echo",
        "upto": 0,
        "id": "",
    }
    if body["kind"] == "hello":
        return [("resume", resume)]
    resume |= {"upto": body["seq"], "id": body["id"]}
    return [
        ("answer", {"schema": "answer/1", "request": body["id"], "outcome": "granted"}),
        ("resume", resume),
    ]


def writer(args: argparse.Namespace) -> Writer:
    """Return what is done with each fact before it is answered."""
    if args.ledger is not None:
        return Least(args.ledger).take
    if args.commits is not None:
        db = committing(args.commits)
        return lambda _station, _entry: commit_once(db)
    return lambda _station, _entry: None


async def main(args: argparse.Namespace) -> None:
    write, home = writer(args), args.home
    tune()
    link_to = fast_link if args.kind == "tls" else plain_link
    files = [f"{home}/{name}.pem" for name in ("ca", "cert", "key")]
    subscriptions = [topic("fact")]
    link = link_to(  # no session outlives it: nothing is kept for an echo that is gone
        LinkSettings(
            args.host,
            args.port,
            "central",
            *files,
            subscriptions=subscriptions,
            client_id="echo",
            session_expiry_s=0,
        )
    )

    async def serve() -> None:
        async for event in link.events():
            if isinstance(event, Connected):
                print("ready", flush=True)
            elif isinstance(event, Inbound):
                found = match(event.topic)
                assert found is not None
                station, message = found[1]["station"], json.loads(event.payload)
                if message["kind"] == "entry":
                    write(station, message)
                for row, body in said(message):
                    where = topic(row, station=station)
                    link.post(Outgoing(where, json.dumps(body, separators=(",", ":")).encode(), qos=0))
                event.ack()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(link.run())
        tasks.create_task(serve())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.echo", description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("home", type=Path)
    parser.add_argument("kind", choices=("tls", "plain"))
    before = parser.add_mutually_exclusive_group()
    before.add_argument("--commits", type=Path)
    before.add_argument("--ledger", type=Path)
    asyncio.run(main(parser.parse_args()))
