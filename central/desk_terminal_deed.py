"""What a terminal's request came to, bare: without titles, cards and whatever else is read when it is said.

So a repeated request is answered as the first one was, and nothing personal is kept for it.
"""

from dataclasses import dataclass, replace

from central.desk_scene import Scene
from central.terminal import Back, Described, HoldKept, Lent, Outcome, Refused
from wire.messages.stream import Refusal


@dataclass(frozen=True, slots=True)
class Deed:
    """An outcome, and where to look for what must be said with it."""

    outcome: Outcome
    item: str | None = None
    loan: str | None = None
    """The loan that a return ended, or that was made or undone."""
    hold: str | None = None
    """The hold that a returned item is kept for."""


def refused(refusal: Refusal | str, item: str | None = None) -> Deed:
    """Return the deed of what cannot be done."""
    if isinstance(refusal, str):
        refusal = Refusal(code=refusal, next_step="desk")
    return Deed(Refused(refusal), item)


def shown(scene: Scene, deed: Deed) -> Outcome:
    """Return the outcome with all that is said of it."""
    hot, outcome = scene.hot, deed.outcome
    item = None if deed.item is None else hot.item_shown(deed.item)
    match outcome:
        case Refused() | Described() | HoldKept():
            return outcome if item is None else replace(outcome, title=item.title)
        case Lent():
            if item is None:
                return outcome
            return replace(outcome, title=item.title, media=item.media, properties=item.properties)
        case Back():
            loan = None if deed.loan is None else hot.loan(deed.loan)
            hold = None if deed.hold is None else hot.hold(deed.hold)
            said = replace(
                outcome,
                ended=loan is not None,
                patron=None if loan is None or loan.patron is None else hot.card_of(loan.patron),
                hold_card=None if hold is None else hot.card_of(hold.patron),
            )
            if item is None:
                return said
            return replace(
                said,
                title=item.title,
                media=item.media,
                properties=item.properties,
                owner_branch=item.branch,
                call_number=item.call_number,
                collection=item.collection,
            )
        case _:
            return outcome
