"""Retained states, samples, commands: what is known of stations, without a word about people."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wire.ids import Identifier, StationName
from wire.messages.base import KEYS_ALONE, Instant, Message, Stamped

StationKind = Literal["kiosk", "gate", "bin", "sensors"]
Glyph = Literal["ok", "look", "act", "silent", "resting"]


LATE = timedelta(seconds=8)
"""A station with an entry open for longer than this is not in step, at the station and at central alike."""


class Status(Message):
    """A station's presence: birth on every connect, the will, and the heartbeat, on one retained topic."""

    schema_name: Literal["status/1"] = Field("status/1", alias="schema")
    state: Literal["online", "lost", "left"] = Field(description="lost is the will; left is a clean goodbye.")
    boot: Identifier
    at: Instant
    kind: StationKind
    version: str = Field(max_length=40)
    mono: int = Field(0, ge=0)
    heartbeat_s: int = Field(30, ge=1, description="Stale after three of these without news.")


class Part(Message):
    """One device of a station."""

    part: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    state: Literal["ok", "degraded", "lost"]
    since: Instant
    make: str = Field("", max_length=60)
    model: str = Field("", max_length=60)
    firmware: str = Field("", max_length=60)
    serial: str = Field("", max_length=60)
    seen: str = Field("", max_length=300, description="What was seen when it is not ok; for a technician.")
    place: str | None = Field(
        None, max_length=60, description="Where it stands, when the station knows that."
    )
    through: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]{1,32}$",
        description="Part through which this one is reached; while that is lost, nothing is to be done here.",
    )


class Parts(Message):
    """What a station is made of, and how each part is."""

    schema_name: Literal["parts/1"] = Field("parts/1", alias="schema")
    boot: Identifier
    at: Instant
    parts: tuple[Part, ...]


class Work(Message):
    """How the station's work stands: open or not, what waits in its outbox."""

    schema_name: Literal["work/1"] = Field("work/1", alias="schema")
    boot: Identifier
    at: Instant
    service: Literal["open", "returns-only", "closed"]
    reason: str = Field("", max_length=120)
    outbox_open: int = Field(ge=0, description="Entries not confirmed.")
    outbox_oldest: Instant | None = None
    outbox_fill: float = Field(ge=0, le=1, description="Share of the bound in use.")
    items_n: int | None = Field(None, description="Gates: the change number its copy stands at.")


class Sample(Stamped):
    """Measurements of one part. Loss is allowed and counted: `n` goes up by one."""

    schema_name: Literal["sample/1"] = Field("sample/1", alias="schema")
    n: int = Field(ge=1)
    values: dict[str, float] = Field(description="Name with its unit, e.g. response_ms, paper_level.")
    late: bool | None = Field(
        None,
        description="True: sent long after it was measured; kept under its own time, says nothing of now.",
    )


class CentralStatus(Message):
    """Central's presence, and how stations shall come back after an outage."""

    schema_name: Literal["central-status/1"] = Field("central-status/1", alias="schema")
    state: Literal["online", "lost", "left"]
    boot: Identifier
    at: Instant
    version: str = Field(max_length=40)
    reconnect_window_s: float = Field(
        0, ge=0, description="Stations say hello at a random moment of this window."
    )
    elsewhere: bool = Field(
        False, description="Loans are decided elsewhere: a gate asks before it sounds (ask-verdict)."
    )
    behind: tuple[StationName, ...] = Field(
        (), description="Gates in whose branch a station that lends is not in step: no soft alarms there."
    )


class Command(Message):
    """What central asks a station to do; it expires by MQTT and by `until`."""

    schema_name: Literal["command/1"] = Field("command/1", alias="schema")
    command: Identifier
    until: Instant
    verb: Literal["open", "close", "selftest", "resync"]
    text: str = Field("", max_length=120)


class CommandReply(Message):
    """What came of a command."""

    schema_name: Literal["command-reply/1"] = Field("command-reply/1", alias="schema")
    command: Identifier
    outcome: Literal["done", "failed", "refused", "expired"]
    detail: str = Field("", max_length=300)


class FleetEntry(Message):
    """One station as central sees it; retained, for consoles and integrators of its scope."""

    schema_name: Literal["fleet/1"] = Field("fleet/1", alias="schema")
    station: StationName
    branch: StationName
    kind: StationKind
    name: str = Field("", max_length=60, description="How staff call it.")
    glyph: Glyph
    word: str = Field(max_length=40, description="The worst thing in one word or two.")
    since: Instant
    at: Instant = Field(description="When central last heard of it.")
    boot: str = Field("", max_length=64)
    version: str = Field("", max_length=40)
    service: Literal["open", "returns-only", "closed", "unknown"] = "unknown"
    reason: str = Field("", max_length=120)
    outbox_open: int = Field(0, ge=0)
    outbox_oldest: Instant | None = None
    loans_today: int = Field(0, ge=0)
    returns_today: int = Field(0, ge=0)
    parts: tuple[Part, ...] = ()
    values: dict[str, float] = Field(default_factory=dict, description="Latest samples, part.name -> value.")


class AlarmState(Message):
    """One alarm; retained while it stands, emptied when it is over (ISA-18.2 states)."""

    schema_name: Literal["alarm/1"] = Field("alarm/1", alias="schema")
    alarm: Identifier
    station: StationName
    branch: StationName
    part: str = Field("", max_length=32)
    rule: Identifier
    severity: Literal["look", "act"]
    state: Literal[
        "unacknowledged", "acknowledged", "returned-unacknowledged", "shelved", "suppressed", "out-of-service"
    ]
    since: Instant
    at: Instant
    seen: str = Field(max_length=300)
    why: str = Field(max_length=300)
    do: str = Field(max_length=300)
    by: str = Field("", max_length=64, description="Operator who acknowledged or shelved it.")
    note: str = Field("", max_length=300)


class Occupancy(Message):
    """People in a branch today, from its gates' counts."""

    schema_name: Literal["occupancy/1"] = Field("occupancy/1", alias="schema")
    branch: StationName
    at: Instant
    entered: int = Field(ge=0)
    left: int = Field(ge=0)
    inside: int = Field(ge=0)


FeedWord = Literal[
    "checkout",
    "renew",
    "refused",
    "withdrawn",
    "checkin",
    "passage",
    "gate-alarm",
    "case",
    "alarm-raised",
    "alarm-cleared",
    "station-online",
    "station-lost",
]
"""What the feed tells of."""


class FeedEvent(Message):
    """One thing that happened, numbered per branch, without person, item or visit."""

    schema_name: Literal["feed/1"] = Field("feed/1", alias="schema")
    boot: str = Field("", max_length=64, description="Boot of the central that counts.")
    n: int = Field(ge=1, description="Without holes within a boot and a branch.")
    at: Instant
    station: StationName
    event: FeedWord
    detail: str = Field("", max_length=120, description="A code, never a name.")


class Operate(Message):
    """An operator's or integrator's request below `req/<identity>/<verb>`; answered below its own `rsp`."""

    schema_name: Literal["operate/1"] = Field("operate/1", alias="schema")
    request: Identifier
    until: Instant
    args: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class Operated(Message):
    """Central's reply to Operate."""

    schema_name: Literal["operated/1"] = Field("operated/1", alias="schema")
    request: Identifier
    outcome: Literal["done", "failed", "refused"]
    detail: str = Field("", max_length=300)
    rows: tuple[dict[str, str | int | float | bool | None], ...] = ()


StateUp = Annotated[Status | Parts | Work, Field(discriminator="schema_name")]
STATES_UP: TypeAdapter[StateUp] = TypeAdapter(StateUp, config=KEYS_ALONE)
