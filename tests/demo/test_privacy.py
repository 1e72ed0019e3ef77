"""Who may read what: no patron, card, name or title where it does not belong, in a day that was really played.

What is kept: every message that the onlooker sees (its certificate reads everything), every log, and the
telemetry store's file. What is looked for: everything that the demo library knows of people and titles.
"""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sim.catalogue import books, people
from sim.habits import Pace, plan
from sim.onlooker import Message
from sim.patrons import Crowd
from sim.stage import Stage

SECRETS = frozenset(
    {person.patron for person in people()}
    | {person.card for person in people()}
    | {person.name for person in people()}
    | {book.title for book in books()}
)
ITEMS = frozenset(book.item for book in books())


def public(topic: str) -> bool:
    """Whether a topic is none of a station's own two private lines (its facts and asks, its answers)."""
    levels = topic.split("/")[2:]
    return levels[0] in ("pub", "items", "central") or (
        levels[0] == "up" and levels[2] in ("state", "sample")
    )


def texts(value: Any) -> Iterable[str]:
    """Yield every text in a decoded payload, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def leaks(text: str) -> set[str]:
    """Return what a text tells of people and titles; short words count only as whole words."""
    found = {secret for secret in SECRETS if secret in text}
    padded = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return {secret for secret in found if len(secret) > 6 or set(secret.split()) <= set(padded)}


def told(messages: Iterable[Message]) -> list[str]:
    """Return every breach in messages, as `topic: what`."""
    breaches = []
    for message in messages:
        said = list(texts(message.body()))
        if public(message.topic):
            breaches += [f"{message.topic}: {secret}" for text in said for secret in sorted(leaks(text))]
        line = message.levels[0] == "up" and message.levels[2] in ("fact", "ask")
        if not line and any("visit" in text.lower() for text in said) and ITEMS & set(said):
            breaches.append(f"{message.topic}: a visit beside an item")
        breaches += [f"{message.topic}: a PIN" for text in said if text.lower() == "pin"]
    return breaches


def written(path: Path) -> list[str]:
    """Return every breach in a file, read as bytes."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    return [f"{path.name}: {secret}" for secret in sorted(leaks(text))]


def message(topic: str, body: dict[str, Any]) -> Message:
    return Message(1, topic, tuple(topic.split("/")[2:]), json.dumps(body).encode(), False)


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.pcscd
async def test_a_day_tells_nobody_who_borrows_what(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "day", seed=5)
    kept: list[Message] = []
    try:
        await stage.start()
        stage.onlooker.listeners.append(kept.append)
        watching = asyncio.create_task(stage.onlooker.run())
        async with asyncio.timeout(10):
            await stage.onlooker.connected.wait()
        desks = [stage.desk("kiosk-1"), stage.desk("kiosk-2")]
        crowd = Crowd(stage.world, desks, ["bin-1"], "gate-1", seed=5)
        day = plan(5, stage.people, stage.library, seconds=15, pace=Pace(gap_s=2))
        await crowd.play(day)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    finally:
        await stage.stop()

    logs = [*stage.folder.glob("*.log"), *(stage.folder / "broker").rglob("*.log")]
    stores = list(stage.folder.glob("telemetry.db*"))
    assert {"up", "down", "pub", "items", "central"} <= {one.levels[0] for one in kept}
    assert {one.levels[2] for one in kept if one.levels[0] == "up"} >= {"fact", "ask", "state", "sample"}
    assert any(leaks(one.payload.decode()) for one in kept if not public(one.topic)), "nobody was served"
    assert len(logs) >= len(stage.stations) + 1
    assert stores
    assert told(kept) == []
    assert [breach for path in (*logs, *stores) for breach in written(path)] == []


def test_a_title_in_the_feed_is_noticed() -> None:
    planted = message("turnleaf/v1/pub/harbour/feed", {"event": "checkout", "text": "lent: Jane Eyre"})

    assert told([planted]) == ["turnleaf/v1/pub/harbour/feed: Jane Eyre"]


@pytest.mark.parametrize("secret", [people()[0].patron, people()[0].card, people()[1].name, "Kim", "Emma"])
def test_each_kind_of_secret_is_noticed_in_messages_and_files(secret: str, tmp_path: Path) -> None:
    log = tmp_path / "kiosk-1.log"
    log.write_text(f"level=info did something for {secret}.\n")

    assert told([message("turnleaf/v1/up/kiosk-1/sample/pad", {"values": [secret]})])
    assert written(log) == [f"kiosk-1.log: {secret}"]


def test_a_visit_beside_an_item_is_noticed_but_for_the_stations_own_line() -> None:
    body = {"visit": "a-visit", "item": "30000001"}

    assert told([message("turnleaf/v1/pub/harbour/feed", body)])
    assert told([message("turnleaf/v1/up/kiosk-1/fact", body)]) == []


def test_a_pin_is_noticed_everywhere() -> None:
    assert told([message("turnleaf/v1/up/kiosk-1/ask", {"schema": "ask-account/1", "pin": "4711"})])


def test_words_that_only_hold_a_short_title_are_none() -> None:
    assert leaks("Kimono Emmaus") == set()
