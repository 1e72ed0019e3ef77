"""The seams to devices, each with a shipped fake beside it (`firmware_bridge.fakes`).

A pad gives its full inventory each time, never edges. A write of the AFI always reads back, because
many readers time out although the tag was written (ISO 15693 write timing), and "no tag" says nothing
about "not secured".
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from wire.errors import DeviceError


class Transport(Protocol):
    """Bytes to and from a device."""

    async def read(self) -> bytes:
        """Return the next bytes; raises DeviceLost at the end of the connection."""

    async def write(self, data: bytes) -> None:
        """Send bytes; raises DeviceLost."""

    async def close(self) -> None:
        """End the connection; never raises."""

    def quiet(self) -> bool:
        """Whether surely no byte waits to be read; costs next to nothing, and never waits."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device tells about itself; an empty string where it tells nothing."""

    make: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True)
class PadHealth:
    """Counters since the driver was made; they outlive a lost connection."""

    exchanges: int = 0
    """Questions that were answered."""
    retries: int = 0
    """Questions that were asked again."""
    crc_errors: int = 0
    """Frames, or what looked like one, whose CRC was wrong."""
    response_ms: float = 0.0
    """Mean response time of the last exchanges, milliseconds."""
    timeouts: int = 0
    """Questions that were not answered in time."""
    connections: int = 0
    """Connections opened; more than one means that the device was lost."""
    read_rate: float = 1.0
    """Share of the last commands to a tag that reached it, 0 to 1; it sinks before a pad fails."""
    by_antenna: Mapping[int, int] = field(default_factory=dict)
    """Tags that each antenna has read, where the reader tells which; one that falls behind is failing."""


@dataclass(frozen=True, slots=True)
class TagMemory:
    """A tag as it was read: its blocks in the tag's own byte order, and its system information."""

    uid: str
    """ISO 15693 UID, 16 hex digits, E0 first."""
    blocks: bytes
    block_size: int
    afi: int | None
    dsfid: int | None
    block_count: int = 0
    """Blocks that the tag has; more than were read when the rest did not matter."""
    locked: frozenset[int] = frozenset()
    """Numbers of the read blocks that are locked for ever."""


AfiOutcome = Literal["verified", "failed", "unknown"]
"""verified: read back as wanted. failed: read back, and not so. unknown: it could not be read back."""


@dataclass(frozen=True, slots=True)
class AfiResult:
    """What came of writing an AFI, by read-back alone."""

    outcome: AfiOutcome
    afi: int | None = None
    """The AFI read back, None when unknown."""
    reason: str = ""


class Pad(Protocol):
    """A reader with an antenna surface (ISO 15693)."""

    async def inventory(self) -> frozenset[str]:
        """Return the UIDs of all tags in the field now."""

    async def read_tag(self, uid: str) -> TagMemory:
        """Read one tag; raises TagGone, TagError, DeviceError."""

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back; raises a DeviceError only when surely nothing was written."""

    async def info(self) -> DeviceInfo:
        """Ask the device what it is."""


class TagWriter(Protocol):
    """Writing of tag data; only stations that program tags need it."""

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks and read them back; raises TagError, TagGone."""


@dataclass(frozen=True, slots=True)
class EasResult:
    """What came of asking or setting the EAS bit. None is "not known": a silent tag is not a clear one."""

    on: bool | None
    reason: str = ""


class TagTools(TagWriter, Protocol):
    """What a station that programs tags needs beyond lending."""

    async def read_all(self, uid: str) -> TagMemory:
        """Read every block of a tag and which of them are locked; raises TagGone, TagError, DeviceError."""

    async def lock_blocks(self, uid: str, start: int, count: int) -> None:
        """Lock blocks for ever, and read back that they are; raises TagError, TagGone."""

    async def eas(self, uid: str) -> EasResult:
        """Ask whether the EAS bit of a tag is set."""

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        """Set or reset the EAS bit and ask for it again; only what was heard afterwards counts."""


class Barriers(Protocol):
    """Light barriers or a people counter of a gate: two inputs, one on each side."""

    async def inputs(self) -> int:
        """Return the input lines as bits; bit 0 is the inner barrier, bit 1 the outer one."""


class Lamp(Protocol):
    """Lamp and buzzer of a gate."""

    async def alarm(self, seconds: float) -> None:
        """Light and sound for `seconds`; returns when the device has taken the order."""


@dataclass(frozen=True, slots=True)
class CardPlaced:
    """A patron card lies on the reader."""

    uid: str
    """UID in hex, in the order in which the card's own standard prints it."""
    kind: str
    """What the ATR says it is, in words."""
    data: bytes = b""
    """Data file of the card, when the station is told to read one."""


@dataclass(frozen=True, slots=True)
class CardUnread:
    """Something lies on the card reader that cannot be taken for a patron card; its removal is not told.

    silent: it does not answer, or stopped. unknown: it is of a kind that says no number here. no-number: it
    was read and holds no number where the configuration looks.
    """

    why: Literal["silent", "unknown", "no-number"]
    kind: str = ""
    """What the ATR says it is, in words; never what stands on it."""


@dataclass(frozen=True, slots=True)
class CardRemoved:
    """The patron card was taken away."""


@dataclass(frozen=True, slots=True)
class ReaderLost:
    """The card reader, or the PC/SC daemon, is gone."""

    error: DeviceError


@dataclass(frozen=True, slots=True)
class ReaderFound:
    """The card reader works."""

    info: DeviceInfo = field(default_factory=DeviceInfo)


CardEvent = CardPlaced | CardUnread | CardRemoved | ReaderLost | ReaderFound


class CardReader(Protocol):
    """A reader of patron cards that comes back by itself."""

    def events(self) -> AsyncIterator[CardEvent]:
        """Yield what happens, for ever; first ReaderFound or ReaderLost."""


@dataclass(frozen=True, slots=True)
class UhfTagSeen:
    """A UHF tag in a gate's field, as the reader reported it."""

    epc: bytes
    """Content of the EPC bank after the PC word."""
    pc: int | None
    """PC word: its toggle bit and its low byte tell the AFI (ISO 28560-4); None when it was not reported."""
    antenna: int | None = None
    rssi: int | None = None
    """Peak signal strength, dBm."""
    count: int = 1
    """How often it was read since the last report."""


UhfEvent = UhfTagSeen | ReaderLost | ReaderFound


class UhfReader(Protocol):
    """A UHF reader that reports what passes, and comes back by itself."""

    def events(self) -> AsyncIterator[UhfEvent]:
        """Yield what happens, for ever; first ReaderFound or ReaderLost."""


@runtime_checkable
class Sampled(Protocol):
    """A device that makes its own health sample."""

    def sample(self) -> dict[str, float]:
        """Return values to be published, each name with its unit; rates are those since the last call."""


@dataclass(frozen=True, slots=True)
class CodeScanned:
    """A barcode or a QR code was read and passed its checks; `symbology` may be empty."""

    code: str
    symbology: str = ""


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """A code was read that does not pass the configured checks. The code is not kept: it may be anything."""

    reason: str
    rule: Literal["text", "length", "prefix", "check"] = "text"
    """Which rule refused it; a wrong check digit is a bad reading, the others are another kind of code."""


ScanEvent = CodeScanned | CodeRefused | ReaderLost | ReaderFound


class Scanner(Protocol):
    """A barcode scanner that comes back by itself."""

    def events(self) -> AsyncIterator[ScanEvent]:
        """Yield what happens, for ever; first ReaderFound or ReaderLost."""


class PeopleCounter(Protocol):
    """A counter of people over an aisle."""

    async def counts(self) -> tuple[int, int]:
        """Return how many came in and went out since the counter was made to count from 0."""


Paper = Literal["ok", "near-end", "out", "unknown"]
"""What the roll's sensors say. unknown: they were not heard, which is never taken for ok."""


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """What a receipt printer said of itself just now; None is "not heard", never "no"."""

    paper: Paper = "unknown"
    cover_open: bool | None = None
    offline: bool | None = None
    error: str | None = None
    """What is wrong, in words; empty when the printer says that nothing is."""


class Printer(Protocol):
    """A receipt printer that can be asked how it is."""

    async def status(self) -> PrinterStatus:
        """Ask the printer how it is; raises DeviceError when it does not answer at all."""
