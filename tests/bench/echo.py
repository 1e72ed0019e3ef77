"""The floor of latency: answers each fact by central's own client, without a desk; after one commit, if asked.

python -m tests.bench.echo HOST PORT IDENTITY-FOLDER tls|plain [DATABASE]
"""

import asyncio
import json
import sys
from pathlib import Path

from tests.bench.site import commit_once, committing
from tests.bench.without_tls import plain_link
from wire.link import Connected, Inbound, LinkSettings, Outgoing
from wire.mqtt_fast import fast_link
from wire.topics import match, topic


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


async def main(host: str, port: int, home: str, kind: str, commits: str | None = None) -> None:
    db = None if commits is None else committing(Path(commits))
    link_to = fast_link if kind == "tls" else plain_link
    files = [f"{home}/{name}.pem" for name in ("ca", "cert", "key")]
    subscriptions = [topic("fact")]
    link = link_to(  # no session outlives it: nothing is kept for an echo that is gone
        LinkSettings(
            host, port, "central", *files, subscriptions=subscriptions, client_id="echo", session_expiry_s=0
        )
    )

    async def serve() -> None:
        async for event in link.events():
            if isinstance(event, Connected):
                print("ready", flush=True)
            elif isinstance(event, Inbound):
                found = match(event.topic)
                assert found is not None
                if db is not None:
                    commit_once(db)
                for row, body in said(json.loads(event.payload)):
                    where = topic(row, station=found[1]["station"])
                    link.post(Outgoing(where, json.dumps(body, separators=(",", ":")).encode(), qos=0))
                event.ack()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(link.run())
        tasks.create_task(serve())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
