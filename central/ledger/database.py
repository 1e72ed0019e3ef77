"""Engines, pragmas and migrations of the ledger.

SQLite runs in WAL with synchronous FULL: a commit is on the disk when it returns. `secure_delete` makes
what the ledger forgets go from the file's pages too. Migrations are found inside the installed package.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from central.ledger.rights import denied
from central.ledger.trouble import is_damage, is_foreign, is_of_the_disk, ledger_trouble
from wire.errors import ConfigError

log = logging.getLogger("turnleaf.central.ledger")

BUSY_MS = 5000
"""How long whoever writes waits for another one."""
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",  # 64 MiB; ids are random, so the indexes' pages should stay in memory
    "PRAGMA wal_autocheckpoint=8000",  # pages: a group of 500 dirties about a thousand
)


def parse(url: str) -> URL:
    """Return the URL of a ledger; raises ConfigError when there is no such kind of ledger here."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            f"{url!r} is not a database URL", do="Give one like sqlite:////var/lib/turnleaf/ledger.db"
        ) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(
            f"{parsed.render_as_string(hide_password=True)}: no ledger can be kept there",
            why="The ledger is a SQLite file; its hot statements are written for that driver.",
            do="Give one like sqlite:////var/lib/turnleaf/ledger.db",
        )
    return parsed


def path_of(url: str) -> Path:
    """Return the file of a ledger; of a link, what it points to: log, lock and copies stand beside that."""
    path = Path(str(parse(url).database))
    try:
        return path.resolve() if path.is_symlink() else path
    except OSError:  # it may not even be looked at: whoever opens it says so
        return path


def engine(url: str, *, writing: bool) -> Engine:
    """Return an engine whose connections are set up; reading ones cannot write."""
    made = create_engine(parse(url), connect_args={"check_same_thread": False, "cached_statements": 256})

    @event.listens_for(made, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        _refuse_foreign(connection, made.url)  # before a pragma changes the file
        connection.isolation_level = None  # BEGIN is said by us: the desk itself, or SQLAlchemy below
        for pragma in PRAGMAS:
            connection.execute(pragma)
        if not writing:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return made


def _refuse_foreign(connection: Any, url: URL) -> None:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = {str(row[0]) for row in found if not str(row[0]).startswith("sqlite_")}
    if names and "alembic_version" not in names:
        connection.close()
        raise ConfigError(
            f"{url.database} is no ledger: it has tables of another program ({', '.join(sorted(names)[:3])})",
            why="Central keeps its hands off files it does not know.",
            do="Give the path of a ledger, or of a new file.",
        )


@contextmanager
def connected(made: Engine) -> Iterator[Connection]:
    """Connect; raises ConfigError when the file cannot be opened, or is none of SQLite's, and TurnleafError
    when it is the disk that fails."""
    try:
        with made.connect() as connection:
            yield connection
    except DatabaseError as error:
        path, said = Path(str(made.url.database)), error.orig or error
        if reason := denied(path, writing=True):
            raise reason from error
        if (is_of_the_disk(said, path) or is_damage(said)) and not is_foreign(said):
            raise ledger_trouble(said, path) from error
        raise ConfigError(
            f"{made.url.database} cannot be used as a ledger: {said}",
            why="Central keeps its hands off files it does not know.",
            do="Give the path of a ledger, or of a new file in a folder the service may write.",
        ) from error


def _config() -> Config:
    config = Config()
    folder = Path(__file__).parent.parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def versions() -> set[str]:
    """Return the versions of a ledger that this program knows."""
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def migrate(connection: Connection) -> None:
    """Bring the tables to this program's version; raises ConfigError when they are newer than it."""
    config = _config()
    newest = ScriptDirectory.from_config(config).get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in versions():
        raise ConfigError(
            f"The ledger has the version {current}, which this program does not know",
            why="It was written by a newer Turnleaf; an older one could damage it.",
            do="Start the newer version again, or restore the backup made before the change.",
        )
    if current is not None and current != newest:
        log.warning(
            "the ledger is brought from version %s to %s: half a minute for a million loans, in one"
            " piece, so nothing is lost if it is broken off",
            current,
            newest,
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
