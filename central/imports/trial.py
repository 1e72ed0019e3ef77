"""A copy of the ledger to try an import in: the same code on the same data, and nothing of it stays.

So what a dry run says is what the import will do. It needs no lock and works beside a central that runs. The
copy lies beside the ledger, because it holds the same people; it has no name any more once it is open, so
that whatever ends this process ends the copy, too.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from central.ledger import database
from central.ledger.hot_sqlite import Hot
from wire.ids import new_id


@contextmanager
def copy_of(url: str, now: int) -> Iterator[Hot]:
    """Open a copy of a ledger for writing; `now` in ms."""
    path = database.path_of(url)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-trial-", dir=path.parent))
    try:
        _copy(url, folder / "copy.db")
        connection = sqlite3.connect(folder / "copy.db", isolation_level=None)
        for pragma in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=MEMORY",
            "synchronous=OFF",
            "cache_size=-65536",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchone()
        hot = Hot(connection)
        hot.take_lease(new_id(), now)
    finally:
        shutil.rmtree(folder)
    with closing(connection):
        yield hot


def _copy(url: str, to: Path) -> None:
    reader = database.engine(url, writing=False)
    with database.connected(reader) as connection:
        source = cast(sqlite3.Connection, connection.connection.driver_connection)
        with closing(sqlite3.connect(to)) as target:
            source.backup(target)
    reader.dispose()
    writer = database.engine(f"sqlite:///{to}", writing=True)
    with database.connected(writer) as connection:
        database.migrate(connection)
        connection.commit()
    writer.dispose()
