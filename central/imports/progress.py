"""How far an import came, kept in the ledger in the commit of each batch.

It belongs to the bytes of a file and to how they are read, not to its name. When a file is done its row goes:
importing it again compares every row anew, and finds nothing to do.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import bindparam, delete, select

from central.imports.records import Tally
from central.imports.work import sql
from central.ledger import schema
from central.ledger.hot_sqlite import Hot
from central.ledger.seed import upsert

_SAVE = upsert(schema.meta, "key", ("value",))
_READ = sql(select(schema.meta.c.value).where(schema.meta.c.key == bindparam("key")))
_DROP = sql(delete(schema.meta).where(schema.meta.c.key == bindparam("key")))


@dataclass(frozen=True, slots=True)
class Progress:
    """What is committed of a file."""

    tally: Tally
    rejected_bytes: int
    """Of the file of rejected rows."""


def key(path: Path, reading: str) -> str:
    """Return the name of a file's progress; `reading` tells how it is read."""
    digest = hashlib.blake2b(reading.encode(), digest_size=16)
    with path.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"import:{digest.hexdigest()}"


def read(hot: Hot, name: str) -> Progress | None:
    """Return how far an import came that was broken off."""
    row = hot.connection.execute(_READ, {"key": name}).fetchone()
    if row is None:
        return None
    told = json.loads(row[0])
    return Progress(Tally(**told["tally"]), told["rejected_bytes"])


def save(hot: Hot, name: str, progress: Progress) -> None:
    """Store it, in the open transaction."""
    hot.connection.execute(_SAVE, {"key": name, "value": json.dumps(asdict(progress))})


def drop(hot: Hot, name: str) -> None:
    """The file is done."""
    hot.begin()
    hot.connection.execute(_DROP, {"key": name})
    hot.commit()
