"""Versions of the ledger's tables, applied by `central.ledger.database.migrate`."""
