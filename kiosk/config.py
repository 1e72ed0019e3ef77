"""The settings of the edge daemons: kiosk, gate, bin. One typed TOML file each, a sentence per setting.

A relative path counts from the folder of the file. Nothing here has a default that opens a file, a
socket or a door; what has a default is what most libraries would choose. `docs/examples/` holds one
complete file per kind.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from kiosk.config_devices import (
    CardSettings,
    FilePath,
    PadSettings,
    Port,
    PrinterSettings,
    ReceiptSettings,
    ScannerSettings,
)
from wire.ids import StationName
from wire.settings import Settings

__all__ = [
    "CardSettings", "FilePath", "PadSettings", "Port", "PrinterSettings", "ReceiptSettings",
    "ScannerSettings",
]  # fmt: skip


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


class PageSettings(Settings):
    """The page of the kiosk's screen, served to this machine alone."""

    host: Literal["127.0.0.1", "::1", "localhost"] = Field(
        "127.0.0.1", description="Loopback address the page is served on; it is never served to others."
    )
    port: int = Field(8420, ge=0, le=65535, description="Port of the page; 0 takes a free one and logs it.")


class PanelSettings(Settings):
    """The screen, from which the size of letters follows."""

    width_mm: int = Field(297, ge=100, le=3000, description="Width of the picture in millimetres.")
    height_mm: int = Field(527, ge=100, le=3000, description="Height of the picture in millimetres.")
    width_px: int = Field(1080, ge=320, le=8192, description="Width of the picture in pixels.")
    height_px: int = Field(1920, ge=320, le=8192, description="Height of the picture in pixels.")
    distance_mm: int = Field(
        600, ge=200, le=3000, description="From a patron's eyes to the screen, in millimetres."
    )


class TimeoutSettings(Settings):
    """How long a kiosk waits for a patron, and for central."""

    answer_s: float = Field(
        8.0, gt=0, le=60, description="Seconds to wait for central's answer before saying not lent."
    )
    idle_s: float = Field(75.0, ge=5, le=600, description="Seconds without a touch before the warning.")
    warning_s: float = Field(30.0, ge=5, le=120, description="Seconds the warning stands before the wipe.")
    goodbye_s: float = Field(5.0, ge=1, le=60, description="Seconds the goodbye stands.")
    write_s: float = Field(
        6.0, gt=0, le=60, description="Seconds a tag that cannot be written is tried again while present."
    )


class OfflineSettings(Settings):
    """Lending while central is away. Returns always work."""

    policy: Literal["off"] = Field("off", description="off: nothing is lent while central is away.")


class KioskSettings(StationSettings):
    """A self-check kiosk."""

    kind: Literal["kiosk"] = Field("kiosk", description="What this station is.")
    pad: PadSettings = Field(description="The pad that items are laid on.")
    card: CardSettings = Field(CardSettings(), description="The reader of patron cards.")
    scanner: ScannerSettings | None = Field(
        None, description="A scanner for patron cards; without this table the kiosk has none."
    )
    printer: PrinterSettings | None = Field(
        None, description="The receipt printer; without this table the kiosk has none."
    )
    receipt: ReceiptSettings | None = Field(
        None, description="Receipts on that printer; without this table none is offered."
    )
    page: PageSettings = Field(PageSettings(), description="Where the page is served.")
    panel: PanelSettings = Field(PanelSettings(), description="The screen's size and distance.")
    languages: tuple[str, ...] = Field(
        ("en", "de"), min_length=1, description="Languages offered, the first one at the start."
    )
    timeouts: TimeoutSettings = Field(TimeoutSettings(), description="How long the kiosk waits.")
    offline: OfflineSettings = Field(OfflineSettings(), description="Lending while central is away.")

    @model_validator(mode="after")
    def _cards_can_be_shown(self) -> "KioskSettings":
        if not self.card.fitted and self.scanner is None:
            raise ValueError("a kiosk needs a card reader or a [scanner]; nobody could borrow")
        return self

    @model_validator(mode="after")
    def _receipts_have_a_printer(self) -> "KioskSettings":
        if self.receipt is not None and self.printer is None:
            raise ValueError("[receipt] needs [printer], where it is printed")
        return self

    @model_validator(mode="after")
    def _readers_differ(self) -> "KioskSettings":
        if self.pad.kind != "pcsc" or not self.card.fitted:
            return self
        pad, card = self.pad.reader, self.card.reader
        if not card:
            raise ValueError("with a PC/SC pad [card] needs reader, too, or both would take the same reader")
        if pad.lower() in card.lower() or card.lower() in pad.lower():
            raise ValueError(f"[pad] reader {pad!r} and [card] reader {card!r} fit the same PC/SC reader")
        return self


class LampSettings(Settings):
    """Lamp and buzzer of a gate: on output 1 of its reader, or on this machine's pins."""

    fitted: bool = Field(True, description="Whether there are lamp and buzzer at all.")
    seconds: float = Field(4.0, gt=0, le=60, description="Seconds lamp and buzzer are on for an alarm.")
    pins: tuple[int, ...] = Field(
        (), description="Lines of the GPIO chip that carry them; empty takes the reader's output 1."
    )
    chip: str = Field("/dev/gpiochip0", description="The GPIO chip of the pins.")
    active_low: bool = Field(False, description="Whether the relay closes when a pin is low.")


class UhfSettings(Settings):
    """A UHF gate (kind = "llrp" in [pad])."""

    hold_ms: int = Field(
        400, ge=50, le=5000, description="Milliseconds a tag counts as there after its last report."
    )
    least_dbm: int = Field(
        -70, ge=-110, le=0, description="Weaker reports come from a shelf nearby and are left out, dBm."
    )
    ca: FilePath | None = Field(
        None, description="PEM file of the authority of the reader's certificate; it makes the line TLS."
    )


class BarrierSettings(Settings):
    """How people are counted at a gate: two light barriers, or a people counter that gives pulses."""

    kind: Literal["barriers", "pulses"] = Field(
        "barriers",
        description="barriers: two light barriers, of which the one that breaks first tells the direction."
        " pulses: a people counter with a pulse for everybody in on input 1, and out on input 2.",
    )
    fitted: bool = Field(True, description="Whether barriers or a counter are wired at all.")
    swapped: bool = Field(
        False,
        description="True when input 1 is the barrier at the street's side, or the counter's pulses of people"
        " out.",
    )
    within_s: float = Field(
        3.0, gt=0, le=30, description="barriers: seconds in which both break for one person."
    )
    pulse_ms: int = Field(
        100, ge=30, le=5000, description="pulses: the counter's shortest pulse, milliseconds."
    )
    pins: tuple[int, ...] = Field(
        (),
        max_length=2,
        description="Lines of the GPIO chip for inputs 1 and 2; empty takes the reader's inputs.",
    )
    chip: str = Field("/dev/gpiochip0", description="The GPIO chip of the pins.")
    active_low: bool = Field(False, description="Whether a pin is low when it is on: a contact to ground.")

    @model_validator(mode="after")
    def _two_lines(self) -> "BarrierSettings":
        if self.pins and len(set(self.pins)) != 2:
            raise ValueError("people are counted by two inputs; pins names two lines of the chip")
        return self


class GatePolicy(Settings):
    """What a gate does where the verdict table of design §5 leaves a choice."""

    soft_alarm: Literal["off", "record", "sound"] = Field(
        "record", description="A clear tag of an item that is not lent: off, a record alone, or lamp as well."
    )
    foreign: Literal["pass", "tag-decides"] = Field(
        "pass", description="Items of other owners: let pass and counted, or their tag decides."
    )
    copy_max_age_s: int = Field(
        3600, ge=10, description="Seconds without news of the items after which the tag alone decides."
    )
    ask_ms: int = Field(
        250,
        ge=50,
        le=10_000,
        description="Milliseconds for what a library's own system says; then the gate decides alone.",
    )


class CountSettings(Settings):
    """When the people counted at a gate are told to central."""

    every_s: int = Field(300, ge=1, description="Seconds after which a count is told, when there is one.")
    people: int = Field(20, ge=1, description="People after whom a count is told at once.")


class GateSettings(StationSettings):
    """A security gate."""

    kind: Literal["gate"] = Field("gate", description="What this station is.")
    pad: PadSettings = Field(description="The gate's reader.")
    items_key: FilePath = Field(
        description="File with the key of the item hashes; enrolment writes it beside the certificate."
    )
    lamp: LampSettings = Field(LampSettings(), description="Lamp and buzzer.")
    uhf: UhfSettings = Field(UhfSettings(), description="A UHF gate's field.")
    barriers: BarrierSettings = Field(BarrierSettings(), description="Counting people.")
    policy: GatePolicy = Field(GatePolicy(), description="Choices of the verdict table.")
    count: CountSettings = Field(CountSettings(), description="Telling the counts.")
    passage_gap_ms: int = Field(
        1500, ge=200, le=10_000, description="Milliseconds of an empty field that end a passage."
    )

    @model_validator(mode="after")
    def _sees_more_than_one_tag(self) -> "GateSettings":
        if self.pad.kind == "pcsc":
            raise ValueError("a PC/SC reader cannot be a gate: it sees one tag, at arm's length")
        return self

    @model_validator(mode="after")
    def _hears_its_counter(self) -> "GateSettings":
        barriers = self.barriers
        if self.pad.kind == "llrp" and barriers.fitted and barriers.kind == "pulses" and not barriers.pins:
            raise ValueError("the inputs of a UHF reader are not read; wire the counter to [barriers] pins")
        return self

    @model_validator(mode="after")
    def _reads_the_afi(self) -> "GateSettings":
        if "afi" not in self.pad.marks:
            raise ValueError("this gate tells secured from lent by the AFI; [pad] marks names EAS alone")
        return self


class BinSettings(StationSettings):
    """An unattended return bin."""

    kind: Literal["bin"] = Field("bin", description="What this station is.")
    pad: PadSettings = Field(description="The antenna below the slot.")
    capacity: int = Field(120, ge=1, description="Items that fit into the box.")
    full_at: int = Field(110, ge=1, description="Items at which the bin says that it is full and closes.")
    write_s: float = Field(
        6.0, gt=0, le=60, description="Seconds a tag that cannot be secured is tried again while present."
    )

    @model_validator(mode="after")
    def _fits(self) -> "BinSettings":
        if self.full_at > self.capacity:
            raise ValueError("full_at is above capacity")
        return self
