"""The settings of a kiosk."""

from typing import Literal

from pydantic import Field, model_validator

from kiosk.config_devices import PadSettings
from kiosk.config_patron import CardSettings, PrinterSettings, ReceiptSettings, ScannerSettings
from kiosk.config_station import StationSettings
from wire.settings import Settings


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
