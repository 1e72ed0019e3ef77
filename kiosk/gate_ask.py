"""What a gate asks before it sounds, and what each answer would mean. A pure decision.

A library's own system lends by ways that Turnleaf never hears of: an app, a desk, a kiosk of another make.
SIP2 does not tell of them. So where loans are decided elsewhere, a gate asks whenever tag and copy together
would make somebody stop, or when its copy says *on loan* of a tag that is secured (the item may have come
back at a desk since). The answer takes the place of the copy in the verdict table (design §5).

Without an answer in time a gate sounds only when the tag says so and the copy does not contradict it; such a
ruling is marked `degraded`. Every outcome is worked out before the question is put, so that the answer only
chooses one.

Not for: putting the question (`kiosk.gate_ask_loop`), and what is asked of whom (central's `looks`).
"""

from dataclasses import dataclass, replace

from firmware_bridge.tags.reading import ItemTag, Security, TagReading
from kiosk.config_gate import GatePolicy
from kiosk.gate import Known, Ruling, judge, verdict


@dataclass(frozen=True, slots=True)
class Prospects:
    """What the ruling on one tag will be, by what is answered."""

    item: str
    lent: Ruling
    not_lent: Ruling
    silence: Ruling
    """No answer in time, or nobody knows."""

    def ruling(self, on_loan: bool | None) -> Ruling:
        """Return the ruling that an answer chooses."""
        match on_loan:
            case True:
                return self.lent
            case False:
                return self.not_lent
            case None:
                return self.silence


def prospects(reading: TagReading, known: Known, policy: GatePolicy) -> Prospects | None:
    """Return what asking would decide; None when there is nothing to ask about this tag."""
    if not isinstance(reading, ItemTag) or known in ("gone", "absent"):
        return None
    told = judge(reading, known, policy)
    if told.verdict == "pass" and told.case != "lent-but-secured":
        return None
    security = reading.security
    return Prospects(
        reading.item,
        lent=verdict(security, "loan", policy),
        not_lent=verdict(security, "available", policy),
        silence=without_answer(security, known, policy),
    )


def without_answer(security: Security, known: Known, policy: GatePolicy) -> Ruling:
    """Return the ruling on a tag about which nobody answered: the tag decides, but for an item that the copy
    has on loan."""
    told = verdict(security, "loan" if known == "loan" else "unknown", policy)
    return replace(told, degraded=True)
