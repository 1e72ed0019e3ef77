"""The settings of a return bin."""

from typing import Literal

from pydantic import Field, model_validator

from kiosk.config_devices import PadSettings
from kiosk.config_station import StationSettings


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
