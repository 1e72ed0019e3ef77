"""`turnleaf watch`: messages as they come, in plain sentences; what the certificate may read, no more."""

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from monitor import where

if TYPE_CHECKING:
    from monitor.fleet import Arrived

HELP = "Print messages as they come."
EXAMPLE = (
    'turnleaf watch --broker broker.library.example:8884 --cert identities/alice --filter "kiosk-2 !sample"'
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    where.arguments(parser)
    parser.add_argument(
        "--filter", default="", metavar="TEXT", help="only what has every word; !word leaves it out"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line: topic, text, payload")


def run(args: argparse.Namespace) -> int:
    """Print until interrupted: 2 wrong use, 3 the broker is away."""
    found = where.where(args)
    return asyncio.run(_watch(found, args))


async def _watch(found: where.Where, args: argparse.Namespace) -> int:
    from monitor.mqtt_feed import Reader
    from wire.clock import SystemClock
    from wire.errors import LinkError
    from wire.topics import TABLE, topic

    reader = Reader(found, SystemClock(), tuple(topic(row.name) for row in TABLE))
    reader.on_message = lambda arrived: _print(arrived, args)
    reading = asyncio.create_task(reader.run(), name="read")
    try:
        while not reading.done():
            await asyncio.wait([reading], timeout=0.5)
            if reader.connection.word == "away":
                raise LinkError(
                    f"the broker is away: {reader.connection.why}", do="See whether it runs: turnleaf doctor"
                )
        reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return 0


def _print(arrived: "Arrived", args: argparse.Namespace) -> None:
    line = told(arrived, args.filter, as_json=args.json)
    if line is not None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def told(arrived: "Arrived", text: str, *, as_json: bool) -> str | None:
    """Return the line for a message, or None when the filter leaves it out."""
    from monitor.sentences import sentence
    from monitor.view import matches

    levels = tuple(arrived.topic.split("/")[2:])
    body = _body(arrived.payload)
    said = sentence(levels, body)
    if not matches(text, f"{arrived.topic} {said}"):
        return None
    if as_json:
        return json.dumps({"topic": arrived.topic, "text": said, "payload": body}, ensure_ascii=False)
    return said


def _body(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload) if payload else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
