"""Who was enrolled and what was revoked: ca/identities.json in a broker folder."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker_config.files import write_private
from broker_config.roles import Role
from wire.errors import ConfigError


class Identity(BaseModel):
    """One enrolled identity."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: Role
    scope: tuple[str, ...] = Field((), description="Branches an operator or viewer may look at; * is every.")
    serial: str = Field(description="Serial number of its newest certificate, hexadecimal.")
    not_after: datetime
    revoked: datetime | None = None


class Registry(BaseModel):
    """All identities by name, and all revoked serial numbers with their time."""

    model_config = ConfigDict(frozen=True)

    identities: dict[str, Identity] = Field(default_factory=dict)
    revoked: dict[str, datetime] = Field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it to the broker folder in one step."""
        write_private(_path(folder), self.model_dump_json(indent=1).encode() + b"\n")

    def holding(self, identity: Identity) -> "Registry":
        """Return the registry with this identity in it."""
        return self.model_copy(update={"identities": {**self.identities, identity.name: identity}})


def load(folder: Path) -> Registry:
    """Return the registry of a broker folder; raises ConfigError when it is none."""
    try:
        return Registry.model_validate_json(_path(folder).read_bytes())
    except (OSError, ValidationError) as error:
        raise no_broker_folder(folder, "ca/identities.json") from error


def no_broker_folder(folder: Path, file: str) -> ConfigError:
    """Return the error for a folder that `turnleaf broker init` did not make, or that was damaged."""
    return ConfigError(
        f"{folder / file}: missing, unreadable or damaged",
        do=f"Give a folder made by `turnleaf broker --dir {folder} init`.",
    )


def _path(folder: Path) -> Path:
    return folder / "ca" / "identities.json"
