"""The settings of a tag station: its pad, and what it writes."""

from typing import Annotated

from pydantic import Field

from firmware_bridge.tags.image import Target
from kiosk.config_devices import FilePath, PadSettings
from wire.settings import Settings


class TagsSettings(Settings):
    """What is written on a tag, unless a list says otherwise."""

    owner: Annotated[str, Field(max_length=16)] = Field(
        description="ISIL of the library that owns the items, e.g. DE-290 (ISO 15511)."
    )
    model: Target = Field(
        "iso28560-3", description="Model of new tags: iso28560-3, or iso28560-2. All models are read."
    )
    eas: bool = Field(
        False,
        description="Whether gates listen for EAS (NXP chips): it is written and read back beside the AFI.",
    )
    usage: int = Field(1, ge=0, le=15, description="Type of usage (ISO 28560-1); 1 is for circulation.")


class TagStationSettings(Settings):
    """A tag station: a pad at a desk where items get their tags."""

    state_dir: FilePath = Field(description="Folder of the journals; a row of work goes on after a break.")
    pad: PadSettings = Field(description="The pad that items are laid on.")
    tags: TagsSettings = Field(description="What is written.")
