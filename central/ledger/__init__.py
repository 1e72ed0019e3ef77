"""The ledger: tables, migrations, hot statements, and the lock and lease of the one writer."""
