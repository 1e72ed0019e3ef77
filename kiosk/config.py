"""The settings of the edge daemons: kiosk, gate, bin. One typed TOML file each, a sentence per setting.

A relative path counts from the folder of the file. Nothing here has a default that opens a file, a
socket or a door; what has a default is what most libraries would choose. `docs/examples/` holds one
complete file per kind.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from wire.ids import StationName
from wire.settings import Settings, resolve


def _from_file(value: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return resolve(folder, value) if folder is not None else value


FilePath = Annotated[Path, AfterValidator(_from_file)]
"""A path; a relative one counts from the folder of the settings file."""

Afi = Annotated[int, Field(ge=0, le=0xFF)]
Port = Annotated[int, Field(ge=1, le=65535)]


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


class PadSettings(Settings):
    """The RFID pad or gate antenna: a FEIG reader (OBID ISO host) or a 3M pad, over TCP or a serial port."""

    kind: Literal["feig", "3m", "llrp"] = Field(
        "feig",
        description="Make of the reader: feig; 3m (pads 210 and 810, no gates); llrp (UHF, gates alone).",
    )
    host: str = Field("", description="Name or address of the reader; or give serial.")
    port: Port = Field(
        10001,
        description="TCP port of the reader or its serial server: 10001 FEIG, 5084 LLRP, 5085 LLRP by TLS.",
    )
    serial: str = Field(
        "", description="Serial port instead of host, e.g. /dev/serial/by-id/usb-...; its baud rate is known."
    )
    poll_ms: int = Field(
        120, ge=20, le=5000, description="Milliseconds between two inventories; the full list every time."
    )
    timeout_s: float = Field(1.0, gt=0, le=10, description="Seconds the reader has for one answer.")
    connect_timeout_s: float = Field(2.0, gt=0, le=30, description="Seconds a connection may take.")
    afi_secured: Afi = Field(0x07, description="AFI of an item that is secured, e.g. 0x07 (ISO 28560-3).")
    afi_lent: Afi = Field(0xC2, description="AFI of an item that is on loan, e.g. 0xC2 (ISO 28560-3).")
    afi_also_secured: tuple[Afi, ...] = Field(
        (), description="AFIs of earlier systems that are read as secured and never written, e.g. 0xD7 (3M)."
    )
    afi_also_lent: tuple[Afi, ...] = Field(
        (), description="AFIs of earlier systems that are read as on loan, e.g. 0xDA (3M) or 0x21."
    )
    owners: tuple[str, ...] = Field(
        (), description="ISILs whose items are ours, e.g. DE-290; empty takes every owner as ours."
    )
    confirm: int = Field(
        2, ge=1, le=20, description="Inventories in a row that see a tag before it counts as laid down."
    )
    absent: int = Field(
        3, ge=1, le=50, description="Inventories in a row that miss a tag before it counts as taken away."
    )
    write_tries: int = Field(
        3, ge=1, le=20, description="How often a security state is written and read back in one go."
    )

    @model_validator(mode="after")
    def _one_way_there(self) -> "PadSettings":
        if bool(self.host) == bool(self.serial):
            seen = "both are given" if self.host else "neither is given"
            raise ValueError(f"a reader has either a host or a serial port; {seen}")
        return self

    @model_validator(mode="after")
    def _states_differ(self) -> "PadSettings":
        secured = {self.afi_secured, *self.afi_also_secured}
        if secured & {self.afi_lent, *self.afi_also_lent}:
            raise ValueError("an AFI is both secured and on loan; a gate could not tell them apart")
        return self


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


class CardSettings(Settings):
    """The reader of patron cards (PC/SC)."""

    reader: str = Field(
        "", description="Part of the PC/SC reader's name, e.g. ACR1552; empty takes the first there is."
    )
    number_from: Literal["uid", "blocks"] = Field(
        "uid", description="The card's number is its chip's uid, or it stands in the card's data blocks."
    )
    first_block: int = Field(0, ge=0, le=255, description="Block at which reading begins, for blocks.")
    length: int = Field(
        0, ge=0, le=1024, description="Bytes to read from there on; 0 reads offset + size bytes."
    )
    offset: int = Field(0, ge=0, le=1023, description="First byte of the number in what was read.")
    size: int = Field(0, ge=0, le=1024, description="Bytes of the number; 0 takes all after the offset.")
    encoding: Literal["ascii", "bcd", "hex", "le-decimal", "be-decimal"] = Field(
        "hex",
        description="How it is written: text, packed digits, hex digits, or one whole number, lowest (le) or"
        " highest (be) byte first.",
    )
    strip: str = Field("", description='Characters taken off both ends of the number, e.g. "0".')
    digits: int = Field(
        0, ge=0, le=64, description="Digits that the number is filled up to with zeros; 0 leaves it."
    )

    @model_validator(mode="after")
    def _data_file_has_a_length(self) -> "CardSettings":
        if self.number_from == "blocks" and not self.length and not self.size:
            raise ValueError("a number in the card's blocks needs a size, or a length to read")
        return self


class PrinterSettings(Settings):
    """The receipt printer: ESC/POS over TCP, asked whether it has paper."""

    host: str = Field(description="Name or address of the receipt printer.")
    port: Port = Field(9100, description="TCP port of the printer; network printers listen on 9100.")
    every_s: float = Field(10.0, gt=0, le=3600, description="Seconds between two questions about its paper.")
    timeout_s: float = Field(1.0, gt=0, le=30, description="Seconds the printer has for one answer.")


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
    printer: PrinterSettings | None = Field(
        None, description="The receipt printer; without this table the kiosk has none."
    )
    page: PageSettings = Field(PageSettings(), description="Where the page is served.")
    panel: PanelSettings = Field(PanelSettings(), description="The screen's size and distance.")
    languages: tuple[str, ...] = Field(
        ("en", "de"), min_length=1, description="Languages offered, the first one at the start."
    )
    timeouts: TimeoutSettings = Field(TimeoutSettings(), description="How long the kiosk waits.")
    offline: OfflineSettings = Field(OfflineSettings(), description="Lending while central is away.")


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
    """Light barriers of a gate, on the inputs of its reader: which breaks first gives the direction."""

    fitted: bool = Field(True, description="Whether two light barriers are wired to the reader's inputs.")
    swapped: bool = Field(
        False, description="True when input 1 is the barrier at the street's side, not at the library's."
    )
    within_s: float = Field(3.0, gt=0, le=30, description="Seconds in which both break for one person.")


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
    barriers: BarrierSettings = Field(BarrierSettings(), description="Light barriers.")
    policy: GatePolicy = Field(GatePolicy(), description="Choices of the verdict table.")
    count: CountSettings = Field(CountSettings(), description="Telling the counts.")
    passage_gap_ms: int = Field(
        1500, ge=200, le=10_000, description="Milliseconds of an empty field that end a passage."
    )


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
