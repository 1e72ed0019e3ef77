"""What a gate makes of one tag: the verdict table of design §5. A pure decision.

A gate decides alone and in milliseconds, from the tag and from its own copy of who is on loan. The copy
outranks the tag's bit, because a bit is written by hands and radio and the copy by a ledger: a secured
tag of a lent item is a tag that was not unsecured, not a thief. Only a copy that is too old makes the
bit decide, and then the verdict is marked `degraded`.

Not for: how long a passage lasts or in which direction it goes (`kiosk.gate_passage`), nor for where the
copy comes from (`kiosk.items_copy`).
"""

from dataclasses import dataclass
from typing import Literal

from firmware_bridge.tags.reading import ForeignTag, ItemTag, Security, TagReading
from kiosk.config_gate import GatePolicy
from wire.messages.facts import Verdict

Known = Literal["available", "unsettled", "loan", "gone", "absent", "unknown"]
"""What the copy says of an item. `unsettled`: available, but a station that lends has not told everything.
`gone`: withdrawn from the collection. `absent`: the copy is complete and does not have it. `unknown`: the
copy is too old, or was never complete."""

Case = Literal["lent-but-secured", "not-in-ledger", "unsecured-not-lent"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a gate does about one tag."""

    verdict: Verdict
    case: Case | None = None
    sound: bool = False
    """Lamp and buzzer."""
    degraded: bool = False
    """The copy could not be asked; the tag's own bit decided."""
    counted: Literal["item", "silent", "foreign", "none"] = "item"
    """How the passage counts it: `item` is named in the record, `silent` and `foreign` are a number only,
    `none` is no library's item."""


SILENT = Ruling("pass", counted="silent")
ALARM = Ruling("alarm", sound=True)


def judge(reading: TagReading, known: Known, policy: GatePolicy) -> Ruling:
    """Return the ruling on one tag. Blank, damaged and unknown tags and patron cards are let pass."""
    match reading:
        case ItemTag(security=security):
            return verdict(security, known, policy)
        case ForeignTag(security=security):
            if policy.foreign == "tag-decides" and security == "secured":
                return Ruling("alarm", sound=True, counted="foreign")
            return Ruling("pass", counted="foreign")
        case _:
            return Ruling("pass", counted="none")


def verdict(security: Security, known: Known, policy: GatePolicy) -> Ruling:
    """Return the ruling on one of our items (design §5). An AFI that says neither is never "secured"."""
    match known:
        case "loan":
            return Ruling("pass", "lent-but-secured") if security == "secured" else SILENT
        case "available":
            return ALARM if security == "secured" else _soft(policy)
        case "unsettled":
            return ALARM if security == "secured" else SILENT
        case "absent":
            return Ruling("pass", "not-in-ledger")
        case "gone":
            return SILENT
        case "unknown":
            if security == "secured":
                return Ruling("alarm", sound=True, degraded=True)
            return Ruling("pass", degraded=True, counted="silent")


def _soft(policy: GatePolicy) -> Ruling:
    """A clear tag of an item that is not lent: tampered with, or a return that failed to secure."""
    if policy.soft_alarm == "off":
        return SILENT
    return Ruling("soft-alarm", "unsecured-not-lent", sound=policy.soft_alarm == "sound")
