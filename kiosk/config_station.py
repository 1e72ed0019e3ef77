"""The settings that every station has: its name, its broker, its log, its outbox.

Each kind of station has its typed TOML file, with a sentence per setting; `docs/examples/` holds a complete
one per kind. A relative path counts from the folder of the file. Nothing has a default that opens a file, a
socket or a door; what has a default is what most libraries would choose. A daemon imports the module of its
own kind alone: making the models of the others takes a megabyte.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from kiosk.config_devices import FilePath, Port
from wire.ids import StationName
from wire.settings import Settings


class BrokerSettings(Settings):
    """Where the broker is, and with which certificate the station goes there."""

    host: str = Field(description="Name or address of the broker, as its certificate says it.")
    port: Port = Field(description="Port of the broker's listener for stations.")
    ca: FilePath = Field(description="PEM file of the authority that signed the broker's certificate.")
    cert: FilePath = Field(description="PEM file of this station's certificate; its name is the station's.")
    key: FilePath = Field(description="PEM file of the private key that belongs to the certificate.")


class LogSettings(Settings):
    """What the daemon writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged; info is one line per thing that matters."
    )
    as_json: bool = Field(False, description="One JSON object a line, for journald and log shippers.")


class OutboxSettings(Settings):
    """The bounds of the outbox in edge.db (design §3: borrowing stops at 80 %, returns at 100 %)."""

    rows: int = Field(
        20_000, ge=100, description="Entries that may wait for central before the outbox is full."
    )
    keep_days: int = Field(
        45, ge=1, description="Days a confirmed entry is kept; longer than central's oldest backup is old."
    )


class StationSettings(Settings):
    """What every station has."""

    name: StationName = Field(description="The station's name, the same as in its certificate.")
    state_dir: FilePath = Field(description="Folder of edge.db; on a disk that survives a power cut.")
    broker: BrokerSettings = Field(description="The broker and the station's certificate.")
    log: LogSettings = Field(LogSettings(), description="What is logged.")
    outbox: OutboxSettings = Field(OutboxSettings(), description="Bounds of the outbox.")
    heartbeat_s: int = Field(
        30, ge=1, le=3600, description="Seconds between two heartbeats; stale after three of them."
    )
    sample_s: int = Field(10, ge=1, le=3600, description="Seconds between two samples of each part.")
    clock_synced: bool = Field(
        True, description="Whether the machine's clock is kept right (NTP); false marks every time as free."
    )

    @property
    def edge_db(self) -> Path:
        """The file that holds outbox, visit log and items."""
        return self.state_dir / "edge.db"
