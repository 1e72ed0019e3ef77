"""The one table of topics: what stands where, who writes it, who reads it, how it travels.

The broker's ACL, the topic reference in `docs/`, the golden payloads and the console's subscriptions
are all made from `TABLE`; a test fails when one of them drifts. Placeholders are whole topic levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from wire.messages import asks, states, stream
from wire.messages.base import Message

ROOT = "turnleaf/v1"


class Delivery(Enum):
    """The four delivery classes (design §3)."""

    FACT = "fact"
    STATE = "state"
    SAMPLE = "sample"
    ASK = "ask"


class Party(Enum):
    """Who may write or read a topic."""

    STATION = "that station alone"
    STATIONS = "every station"
    CENTRAL = "central"
    OPERATOR = "that operator or integrator alone"
    SCOPE = "operators and integrators, by scope"
    EVERYONE = "everyone with a certificate"


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table."""

    name: str
    """Short name, used in code: `topic("fact", station="k1")`."""
    pattern: str
    """Below ROOT; `{station}`, `{branch}`, `{identity}` and the like stand for one level each."""
    delivery: Delivery
    writes: Party
    reads: tuple[Party, ...]
    payload: tuple[type[Message], ...]
    meaning: str
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None


TABLE: tuple[Topic, ...] = (
    Topic("fact", "up/{station}/fact", Delivery.FACT, Party.STATION, (Party.CENTRAL,),
          (stream.Hello, stream.Entry, stream.Void, stream.Lost),
          "The station's outbox, in order, and its hello. One topic, because MQTT keeps order per topic only."),
    Topic("ask", "up/{station}/ask", Delivery.ASK, Party.STATION, (Party.CENTRAL,),
          (asks.AskAccount, asks.AskItem, asks.AskSnapshot, asks.AskChanges, asks.AskVerdict),
          "Questions that only read; answered on `answer` or `items`, or not at all.", expiry_s=8),
    Topic("reply", "up/{station}/reply", Delivery.ASK, Party.STATION, (Party.CENTRAL,),
          (states.CommandReply,), "What came of a command.", expiry_s=60),
    Topic("status", "up/{station}/state/status", Delivery.STATE, Party.STATION, (Party.CENTRAL, Party.STATION),
          (states.Status,), "Presence: birth, heartbeat, will. The station itself reads it to find a clone.",
          retain=True),
    Topic("parts", "up/{station}/state/parts", Delivery.STATE, Party.STATION, (Party.CENTRAL,),
          (states.Parts,), "The devices of the station and how each is.", retain=True),
    Topic("work", "up/{station}/state/work", Delivery.STATE, Party.STATION, (Party.CENTRAL,),
          (states.Work,), "Open or not, and what waits in the outbox.", retain=True),
    Topic("sample", "up/{station}/sample/{part}", Delivery.SAMPLE, Party.STATION, (Party.CENTRAL,),
          (states.Sample,), "Measurements of one part; numbered, so that loss is counted.", qos=0),
    Topic("resume", "down/{station}/resume", Delivery.FACT, Party.CENTRAL, (Party.STATION,),
          (stream.Resume,), "How far central has committed the station's stream; said again after each commit, and on "
          "hello, so a lost one is made up for.", qos=0),
    Topic("answer", "down/{station}/answer", Delivery.FACT, Party.CENTRAL, (Party.STATION,),
          (stream.Answer, asks.Account, asks.ItemSeen, asks.VerdictSaid),
          "What came of a request (stored, repeated on need) or of an ask (said once, QoS 1).", qos=0),
    Topic("command", "down/{station}/command", Delivery.ASK, Party.CENTRAL, (Party.STATION,),
          (states.Command,), "A command; it expires.", expiry_s=60),
    Topic("items", "down/{station}/items", Delivery.ASK, Party.CENTRAL, (Party.STATION,),
          (asks.ItemsPage, asks.ItemChanges), "Pages of the items' state, and changes asked for again.",
          expiry_s=60),
    Topic("changes", "items/changes", Delivery.STATE, Party.CENTRAL, (Party.STATIONS,),
          (asks.ItemChanges,), "Numbered changes of items as keyed hashes; a hole is asked for."),
    Topic("central", "central/status", Delivery.STATE, Party.CENTRAL, (Party.EVERYONE,),
          (states.CentralStatus,), "Central's presence and the window in which stations come back.", retain=True),
    Topic("fleet", "pub/{branch}/fleet/{station}", Delivery.STATE, Party.CENTRAL, (Party.SCOPE,),
          (states.FleetEntry,), "One station as central sees it.", retain=True),
    Topic("alarm", "pub/{branch}/alarms/{alarm}", Delivery.STATE, Party.CENTRAL, (Party.SCOPE,),
          (states.AlarmState,), "One alarm while it stands; emptied when it is over.", retain=True),
    Topic("occupancy", "pub/{branch}/occupancy", Delivery.STATE, Party.CENTRAL, (Party.SCOPE,),
          (states.Occupancy,), "People counted in and out today.", retain=True),
    Topic("feed", "pub/{branch}/feed", Delivery.STATE, Party.CENTRAL, (Party.SCOPE,),
          (states.FeedEvent,), "What happened, numbered, without person, item or visit."),
    Topic("request", "req/{identity}/{verb}", Delivery.ASK, Party.OPERATOR, (Party.CENTRAL,),
          (states.Operate,), "A question or a command of an operator or integrator.", expiry_s=30),
    Topic("response", "rsp/{identity}/{verb}", Delivery.ASK, Party.CENTRAL, (Party.OPERATOR,),
          (states.Operated,), "Central's reply to it.", expiry_s=30),
)  # fmt: skip

BY_NAME = {row.name: row for row in TABLE}
KEPT = 65536
"""Topics whose place in the table is remembered: those of ten thousand stations."""


@lru_cache(KEPT)
def topic(name: str, /, **levels: str) -> str:
    """Return the full topic of row `name`; a level left out becomes `+` (a subscription filter).

    Raises ValueError for a level that is no topic level (holds `/`, `+`, `#` or nothing).
    """
    pattern = BY_NAME[name].pattern
    parts = []
    for level in pattern.split("/"):
        if level.startswith("{"):
            value = levels.get(level[1:-1], "+")
            if value != "+" and (not value or set(value) & set("/+#\0")):
                raise ValueError(f"{value!r} is not a topic level")
            parts.append(value)
        else:
            parts.append(level)
    return f"{ROOT}/{'/'.join(parts)}"


@lru_cache(KEPT)
def match(full: str) -> tuple[Topic, Mapping[str, str]] | None:
    """Return the table's row for a concrete topic and the values of its levels, or None."""
    if not full.startswith(ROOT + "/"):
        return None
    levels = full[len(ROOT) + 1 :].split("/")
    for row in TABLE:
        pattern = row.pattern.split("/")
        if len(pattern) != len(levels):
            continue
        found: dict[str, str] = {}
        for want, have in zip(pattern, levels, strict=True):
            if want.startswith("{"):
                found[want[1:-1]] = have
            elif want != have:
                break
        else:
            return row, MappingProxyType(found)
    return None
