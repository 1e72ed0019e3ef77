"""Bringing in what another system knows: patrons, items, loans, holds and fees from files."""
