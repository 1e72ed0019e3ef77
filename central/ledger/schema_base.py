"""What every table of the ledger shares: one metadata, one form of identifiers."""

from typing import Any

from sqlalchemy import MetaData, String

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)

ID = String(64)

BY_KEY: Any = {"sqlite_with_rowid": False}
"""Tables that are only ever looked up by their random key: on SQLite one tree instead of two."""
