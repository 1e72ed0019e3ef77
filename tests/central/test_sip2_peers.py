"""Every message with every peer that others wrote; the table in docs/reference/sip2-peers.md is made of it.

python tests/central/test_sip2_peers.py      writes the table anew
"""

import asyncio
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2])]

from sip2_peers_kit import (
    NAMES,
    ORDER,
    asked_by_others,
    misbehaving,
    read_by_a_strict_codec,
    strict_library,
    with_a_strict_server,
    with_the_simulated,
)
from sip2_server_kit import SECRET

from central.authority import Done, Request
from central.sip2.authority import Sip2Authority
from central.sip2.client import Peer
from central.sip2.codec import Dialect
from central.sip2.pool import Pool
from wire.clock import FakeClock

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sip2-peers.md"
HEAD = """# SIP2 with programs of others

Made by `tests/central/test_sip2_peers.py`, which asks every message of every peer and fails when this page says
otherwise. ✓ and the code of the response: it came with a right checksum, and nothing in it was missing or out of
place to whoever read it.

* *pysip2's server*: our client asks; the server is strict, and wants error detection. Every request is carried out.
* *pysip2's codec*: our server answers, and a strict codec reads; about a patron and an item that it knows, and about
  ones that it does not. Ours reads the same bytes after it.
* *Sip2*: a client that others wrote asks our server, checksums on, and reads what it says.
* *the simulated system*: our client asks `sim/sip2_ils`, whose faults are tried one by one in
  `tests/central/test_sip2_ils_authority.py` and, with desk and ledger, in `tests/ledger/test_sip2_ils_runner.py`.

pysip2 and Sip2 are installed for tests alone.

"""
COLUMNS = (
    "pysip2's server",
    "pysip2's codec, known",
    "pysip2's codec, unknown",
    "Sip2",
    "the simulated system",
)


async def outcomes(folder: Path) -> list[dict[str, str]]:
    """Return a column for each peer."""
    for name in ("known", "unknown", "client"):
        (folder / name).mkdir()
    strict = await with_a_strict_server()
    known = await read_by_a_strict_codec(folder / "known", known=True)
    unknown = await read_by_a_strict_codec(folder / "unknown", known=False)
    client = await asked_by_others(folder / "client")
    async with misbehaving() as port:
        simulated = await with_the_simulated(port)
    return [strict, known, unknown, client, simulated]


def page(columns: list[dict[str, str]]) -> str:
    """Return the page."""
    lines = [f"| request | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for code in ORDER:
        cells = [column.get(code, "–") for column in columns]
        lines.append(f"| {code} {NAMES[code]} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


async def test_every_message_is_understood_by_every_peer_and_the_page_says_so(tmp_path: Path) -> None:
    columns = await outcomes(tmp_path)

    assert [cell for column in columns for cell in column.values() if not cell.startswith("✓")] == []
    assert all(set(column) == set(ORDER) for column in columns[:4])
    assert PAGE.read_text() == page(columns), "python tests/central/test_sip2_peers.py writes it anew"


async def test_our_authority_carries_everything_out_on_a_strict_server() -> None:
    clock = FakeClock(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    async with strict_library().start() as port:
        peer = Peer("127.0.0.1", port, "kiosk", SECRET, dialect=Dialect("cp850"), timeout_s=10)
        authority = Sip2Authority(Pool(peer, clock), clock, institution="main", zone="Europe/Berlin")
        at = int(clock.now().timestamp() * 1000)

        def request(kind: Any, *, happened: bool = False) -> Request:
            return Request("r", kind, "item-1", "CARD4711", "k1", "main", at, happened)

        try:
            lent = await authority.carry_out(request("checkout"))
            renewed = await authority.carry_out(request("renew"))
            undone = await authority.undo(request("checkout"))
            told = await authority.carry_out(request("checkin", happened=True))
            settled = await authority.settle(request("checkin"))
        finally:
            await authority.close()

    due = date(2026, 12, 19)
    assert (lent, renewed.due if isinstance(renewed, Done) else renewed) == (Done(due), due)
    assert (undone, told, settled) == (Done(), Done(), Done())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PAGE.write_text(page(asyncio.run(outcomes(Path(name)))))
