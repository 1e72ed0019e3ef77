"""The settings of the device that every station has, its pad or antenna. A sentence per setting."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from firmware_bridge.tags.security import Mark
from wire.settings import Settings, resolve


def _from_file(value: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return resolve(folder, value) if folder is not None else value


FilePath = Annotated[Path, AfterValidator(_from_file)]
"""A path; a relative one counts from the folder of the settings file."""

Afi = Annotated[int, Field(ge=0, le=0xFF)]
Port = Annotated[int, Field(ge=1, le=65535)]


class PadSettings(Settings):
    """The RFID pad or gate antenna: FEIG (OBID ISO host), 3M, LLRP, or a small PC/SC reader for one item."""

    kind: Literal["feig", "3m", "llrp", "pcsc"] = Field(
        "feig",
        description="Make of the reader: feig; 3m (pads 210 and 810, no gates); llrp (UHF, gates alone);"
        " pcsc (ISO 15693 PC/SC reader for one item at a time, e.g. ACR1552U, uTrust 3720F; no gates).",
    )
    host: str = Field("", description="Name or address of the reader; or give serial. Not for pcsc.")
    port: Port = Field(
        10001,
        description="TCP port of the reader or its serial server: 10001 FEIG, 5084 LLRP, 5085 LLRP by TLS.",
    )
    serial: str = Field(
        "", description="Serial port instead of host, e.g. /dev/serial/by-id/usb-...; its baud rate is known."
    )
    reader: str = Field(
        "",
        max_length=80,
        description="pcsc: part of the PC/SC reader's name, e.g. ACR1552; it must be given.",
    )
    way: Literal["auto", "transparent", "utrust"] = Field(
        "auto",
        description="pcsc: how tags are reached: transparent session (FF C2), uTrust commands (FF FC), or by"
        " the reader's name.",
    )
    poll_ms: int = Field(
        120, ge=20, le=5000, description="Milliseconds between two inventories; the full list every time."
    )
    timeout_s: float = Field(1.0, gt=0, le=10, description="Seconds the reader has for one answer.")
    connect_timeout_s: float = Field(2.0, gt=0, le=30, description="Seconds a connection may take.")
    afi_secured: Afi = Field(0x07, description="AFI of an item that is secured, e.g. 0x07 (ISO 28560-3).")
    afi_lent: Afi = Field(0xC2, description="AFI of an item that is on loan, e.g. 0xC2 (ISO 28560-3).")
    marks: tuple[Mark, ...] = Field(
        ("afi",),
        min_length=1,
        description="What says on a tag that it is secured, written and read back: afi, eas (NXP's chips), or"
        " both.",
    )
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
        if self.kind == "pcsc":
            if self.host or self.serial:
                raise ValueError(
                    "a PC/SC reader has neither host nor serial port; pcscd finds it by its name"
                )
            if not self.reader:
                raise ValueError("a PC/SC pad needs reader, a part of its name: pcsc_scan lists them")
            return self
        if bool(self.host) == bool(self.serial):
            seen = "both are given" if self.host else "neither is given"
            raise ValueError(f"a reader has either a host or a serial port; {seen}")
        return self

    @model_validator(mode="after")
    def _states_differ(self) -> "PadSettings":
        secured = {self.afi_secured, *self.afi_also_secured}
        if secured & {self.afi_lent, *self.afi_also_lent}:
            raise ValueError("an AFI is both secured and on loan; a gate could not tell them apart")
        if len(set(self.marks)) != len(self.marks):
            raise ValueError("a mark is named twice")
        return self
