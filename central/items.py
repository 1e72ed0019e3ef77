"""The items' state for gates, in pages of a snapshot. Pure.

A page is at most 48 KiB: each record is 13 bytes (8 hash, 4 version, 1 state), base64 in JSON.
"""

import base64
import struct
from collections.abc import Iterator, Sequence

from wire.ids import new_id
from wire.messages.asks import ItemsPage

RECORD = struct.Struct(">QIB")
PAGE_BYTES = 48 * 1024
OVERHEAD = 400
"""Bytes of a page besides its records, generously."""
PER_PAGE = (PAGE_BYTES - OVERHEAD) * 3 // 4 // RECORD.size


def pages(ask: str, n: int, rows: Sequence[tuple[int, int, int]]) -> Iterator[ItemsPage]:
    """Yield the pages of a snapshot that stands at change `n`; an empty one has one page."""
    snapshot = new_id()
    total = max(-(-len(rows) // PER_PAGE), 1)
    for page in range(total):
        share = rows[page * PER_PAGE : (page + 1) * PER_PAGE]
        packed = b"".join(RECORD.pack(*row) for row in share)
        yield ItemsPage(
            ask=ask,
            snapshot=snapshot,
            page=page,
            pages=total,
            n=n,
            records=base64.b64encode(packed).decode(),
        )


def unpack(page: ItemsPage) -> list[tuple[int, int, int]]:
    """Return the records of a page: (hash, version, state)."""
    return list(RECORD.iter_unpack(base64.b64decode(page.records)))
