"""What all messages share: frozen models with a schema name, and the stamp of when."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from wire.clock import Stamp


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)


@lru_cache(64)
def in_rfc_3339(at: datetime) -> str:
    """Return a moment that is in UTC as it is written in every message, to the millisecond.

    The last ones are remembered: all that one commit says has one moment.
    """
    day = f"{at.year:04d}-{at.month:02d}-{at.day:02d}"  # strftime takes four times as long
    return f"{day}T{at.hour:02d}:{at.minute:02d}:{at.second:02d}.{at.microsecond // 1000:03d}Z"


Instant = Annotated[
    AwareDatetime, AfterValidator(_in_utc), PlainSerializer(in_rfc_3339, when_used="json", return_type=str)
]
"""A moment in UTC, RFC 3339, to the millisecond."""

MOST = 2**53 - 1
"""The largest whole number that every reader of JSON has exactly (RFC 8259 §6); a ledger holds more."""


class Message(BaseModel):
    """A frozen payload. Decoding ignores unknown fields; encoding leaves None out."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, ser_json_bytes="base64", cache_strings="keys"
    )
    """No string is kept for its like: ids are random, and 16,384 of them are 1.5 MB that a station lacks."""

    def encode(self) -> bytes:
        """Return the payload as UTF-8 JSON, without the fields that are None."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Return the message in `payload`; raises pydantic.ValidationError when it is not one."""
        return cls.model_validate_json(payload)


KEYS_ALONE = ConfigDict(cache_strings="keys")
"""As in `Message`; a union does not take that over from its members."""


class Stamped(Message):
    """A message that says when, by wall clock and by the monotonic counter of one boot (design §4, time)."""

    at: Instant = Field(description="When it happened, by the sender's clock, UTC.")
    clock: Literal["synced", "free"] = Field("synced", description="Whether that clock was synchronised.")
    boot: str = Field(description="The life of the daemon in which it happened.")
    mono: int = Field(ge=0, description="Milliseconds since that boot; corrects a wrong clock later.")


def stamped(stamp: Stamp) -> dict[str, Any]:
    """Return a stamp's fields, to be spread into a Stamped message."""
    return {"at": stamp.at, "clock": stamp.clock, "boot": stamp.boot, "mono": stamp.mono}
