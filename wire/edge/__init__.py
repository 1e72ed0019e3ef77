"""The station's one file, edge.db: outbox, visit log, and what a daemon adds (docs/streams.md §1.1)."""

from wire.edge.edge import Edge, open_store, recover
from wire.edge.model import Depth, Limits, OutboxFull, Phase, Recovered
from wire.edge.store import EdgeStore

__all__ = [
    "Depth",
    "Edge",
    "EdgeStore",
    "Limits",
    "OutboxFull",
    "Phase",
    "Recovered",
    "open_store",
    "recover",
]
