"""Rows of the outbox: from a body to a row, from a row to the message that carries it."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zlib import crc32

from pydantic_core import PydanticSerializationError

from wire.edge.model import BODY_LIMIT, REQUESTS
from wire.messages.facts import Body
from wire.messages.stream import Answer, Entry, Void


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row as it stands on the disk."""

    seq: int
    id: str
    kind: str
    body: bytes
    at: str
    answer: bytes | None = None
    void_reason: str | None = None
    crc: int | None = None
    """Sum of the columns before it; None in rows of an older file. SQLite itself does not sum its pages."""


def pack(body: Body) -> tuple[bytes, str | None]:
    """Return the body as JSON and None, or nothing and the reason why it can never be sent (S6)."""
    try:
        packed = body.encode()
    except (PydanticSerializationError, UnicodeError, ValueError) as error:
        return b"", f"cannot be encoded: {type(error).__name__}"
    if len(packed) > BODY_LIMIT:
        return b"", f"too large: {len(packed)} bytes"
    return packed, None


def crc_of(row: OutboxRow) -> int:
    """Return the sum (CRC-32) of a row's id, kind, body, time, answer and reason; its number may change."""
    parts = (row.id, row.kind, row.at, row.void_reason or "")
    return crc32(b"\0".join((*(part.encode() for part in parts), row.body, row.answer or b"")))


def unreadable(row: OutboxRow) -> str | None:
    """Return why the row cannot be said as it stands, or None."""
    if row.void_reason is not None:
        return None
    if row.crc is not None and row.crc != crc_of(row):
        return "damaged on the disk"
    try:
        sound = isinstance(json.loads(row.body), dict)
        if row.answer is not None:
            Answer.decode(row.answer)
    except ValueError:
        sound = False
    return None if sound else "damaged on the disk"


def voided(row: OutboxRow, reason: str) -> OutboxRow:
    """Return the row with the reason in place of what it told (S6)."""
    return replace(row, body=b"", answer=None, void_reason=reason[:200])


def with_card(row: OutboxRow, card: str | None) -> OutboxRow:
    """Return a request's row with its card replaced; one that cannot be read is void instead."""
    if why := unreadable(row):
        return voided(row, why)
    if card is None or row.void_reason is not None:
        return row
    told = json.loads(row.body) | {"card": card}
    return replace(row, body=json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode())


def to_message(row: OutboxRow, prev_id: str, *, stream: str, link: str, to: str) -> Entry | Void:
    """Return what is published for a row that is not `unreadable`."""
    if row.void_reason is not None:
        return Void(
            stream=stream, link=link, to=to, seq=row.seq, id=row.id, prev_id=prev_id, reason=row.void_reason
        )
    return Entry(
        stream=stream,
        link=link,
        to=to,
        seq=row.seq,
        id=row.id,
        prev_id=prev_id,
        body=json.loads(row.body),
        answer=Answer.decode(row.answer) if row.answer is not None and row.kind in REQUESTS else None,
    )


def instant(at: datetime) -> str:
    """Return a moment as it is stored: text that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def moment(at: str) -> datetime | None:
    """Return the moment that `instant` stored; None when it was damaged on the disk."""
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
