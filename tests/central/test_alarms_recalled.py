"""What central takes up of its alarms at the start: what is open, what was closed lately, and no more."""

import json
from datetime import timedelta
from pathlib import Path

from central_kit import central_on, peer, seed

from central.ledger import alarms
from central.ledger.alarms import AlarmRow
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from wire.clock import SystemClock
from wire.link import Outgoing
from wire.link_memory import MemoryBroker
from wire.topics import topic

NOW = SystemClock().now()
LATELY = millis(NOW - timedelta(hours=1))
LONG_AGO = millis(NOW - timedelta(days=400))


def row(name: str, closed: int | None) -> AlarmRow:
    since = millis(NOW - timedelta(days=500))
    return AlarmRow(
        name, "stream-parked", name, "main", "", "act", "acknowledged", since, since,
        standing=closed is None, acknowledged_at=since, closed=closed,
    )  # fmt: skip


def where(name: str) -> str:
    return topic("alarm", branch="main", alarm=name)


async def ledger_with_alarms(folder: Path) -> list[list[str]]:
    """Make a ledger with an old alarm that is open, one closed long ago and one closed lately; read it."""
    seed(folder)
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    ledger.hot.begin()
    alarms.save(ledger.hot, [row("open", None), row("ancient", LONG_AGO), row("over", LATELY)])
    ledger.hot.commit()
    found = [
        await ledger.read(alarms.load_all),
        await ledger.read(lambda db: alarms.load_all(db, closed_after=LATELY - 1)),
    ]
    ledger.close()
    return [sorted(one.alarm for one in rows) for rows in found]


async def test_alarms_that_were_closed_long_ago_are_not_read(tmp_path: Path) -> None:
    assert await ledger_with_alarms(tmp_path) == [["open"], ["open", "over"]]


async def test_a_start_empties_what_was_over_lately_and_leaves_what_stands(tmp_path: Path) -> None:
    await ledger_with_alarms(tmp_path)
    broker = MemoryBroker()
    for name in ("open", "over"):
        broker.retained[where(name)] = Outgoing(where(name), b'{"left": "by the last central"}', retain=True)
    async with peer(broker, "vera", topic("alarm")) as vera, central_on(broker, tmp_path) as service:
        await vera.until(lambda: where("over") not in broker.retained)
        await vera.until(lambda: b"left" not in broker.retained[where("open")].payload)
        standing = [alarm.alarm for alarm in service.watch.alarms.book.alarms.values()]

    assert standing == ["open"]
    assert json.loads(broker.retained[where("open")].payload)["alarm"] == "open"
