"""The settings of what a kiosk's patrons use: card reader, scanner, printer. A sentence per setting."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kiosk.config_devices import Port
from wire.settings import Settings


class CardSettings(Settings):
    """The reader of patron cards (PC/SC)."""

    fitted: bool = Field(
        True, description="Whether there is a card reader; false where cards are scanned alone."
    )
    reader: str = Field(
        "", description="Part of the PC/SC reader's name, e.g. ACR1552; empty takes the first there is."
    )
    signals: bool = Field(
        True, description="Whether the reader's light and beep say that a card was taken, where it has them."
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


class ScannerSettings(Settings):
    """A barcode or QR scanner that patrons hold their card before."""

    kind: Literal["serial", "hid"] = Field(
        description="serial: it sends text over a line. hid: it plays keyboard, and is taken for this alone."
    )
    path: str = Field(
        min_length=1,
        description="The line, /dev/serial/by-id/..., or the keyboard, /dev/input/by-id/...-event-kbd.",
    )
    baud: int = Field(9600, ge=300, le=921_600, description="serial: bits a second.")
    parity: Literal["N", "E", "O"] = Field("N", description="serial: parity none, even or odd.")
    layout: Literal["us", "de"] = Field(
        "us", description="hid: the keyboard layout that the scanner itself is set to."
    )
    lengths: tuple[Annotated[int, Field(ge=1, le=4296)], ...] = Field(
        (), description="Characters that a card's code has, e.g. [14]; empty takes any number."
    )
    prefixes: tuple[str, ...] = Field((), description='What a code begins with, e.g. ["2"]; empty takes all.')
    check: Literal["", "luhn", "codabar-mod16", "code39-mod43", "ean13", "isbn13", "isbn10"] = Field(
        "", description="Check digit of the codes: luhn (14-digit library cards), codabar-mod16, ..."
    )
    strip_check: bool = Field(False, description="Leave the check digit out of the card's number.")
    strip_start_stop: bool = Field(
        False, description="Take off Codabar's start and stop letters, where the scanner sends them."
    )


class PrinterSettings(Settings):
    """The receipt printer: ESC/POS over TCP, a serial line or USB, asked whether it has paper."""

    host: str = Field("", description="Name or address of the receipt printer; or give serial or usb.")
    port: Port = Field(9100, description="TCP port of the printer; network printers listen on 9100.")
    serial: str = Field("", description="Serial port instead of host, e.g. /dev/serial/by-id/usb-...")
    baud: int = Field(19200, ge=300, le=921_600, description="serial: bits a second, as the printer is set.")
    usb: str = Field("", description="USB printer instead of host: its device, e.g. /dev/usb/lp0.")
    every_s: float = Field(10.0, gt=0, le=3600, description="Seconds between two questions about its paper.")
    timeout_s: float = Field(1.0, gt=0, le=30, description="Seconds the printer has for one answer.")

    @model_validator(mode="after")
    def _one_way_there(self) -> "PrinterSettings":
        given = [name for name in ("host", "serial", "usb") if getattr(self, name)]
        if len(given) != 1:
            seen = " and ".join(given) + " are given" if given else "none is given"
            raise ValueError(f"a printer has a host, a serial port or a USB device; {seen}")
        return self

    @property
    def address(self) -> str:
        """Where it is, as `firmware_bridge.receipt_printer.Reachable` has it."""
        if self.usb:
            return f"usb:{self.usb}"
        return f"serial:{self.serial}@{self.baud}" if self.serial else f"tcp://{self.host}:{self.port}"


class ReceiptSettings(Settings):
    """The receipt that a patron may have at the end; it needs [printer]."""

    head: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        (), max_length=6, description="First lines, e.g. the library's name and its opening hours."
    )
    foot: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        (), max_length=6, description="Last lines."
    )
    items: Literal["title", "number", "none"] = Field(
        "title",
        description="What stands there of each item: its title, the end of its number, or only how many there"
        " are. Never a name or a card's number.",
    )
    profile: str = Field(
        "default",
        description="The printer's model in python-escpos' list, e.g. TM-T20II; its columns follow.",
    )
    offered_s: float = Field(
        12.0, ge=3, le=60, description="Seconds the goodbye stands while a receipt is offered."
    )
