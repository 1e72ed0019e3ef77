"""The settings of a gate."""

from typing import Literal

from pydantic import Field, model_validator

from kiosk.config_devices import FilePath, PadSettings
from kiosk.config_station import StationSettings
from wire.settings import Settings


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
