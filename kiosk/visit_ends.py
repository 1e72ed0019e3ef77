"""How a visit begins with a card, and how it ends: counted, then forgotten."""

from dataclasses import replace
from typing import assert_never

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.visit_slip import offered
from wire.messages.stream import Refusal

Out = tuple[s.Kiosk, tuple[e.Effect, ...]]


def begin_with_card(kiosk: s.Kiosk, event: e.CardPlaced | e.CardScanned) -> Out:
    """A card was laid on the reader or scanned: a visit begins, goes on, or hands over to the next patron."""
    match kiosk.visit:
        case s.Idle() | s.Barred():
            return _greet(kiosk, s.NextCard(event.visit, event.card), event.at)
        case s.Goodbye():
            return _greet(reset(kiosk, event.at), s.NextCard(event.visit, event.card), event.at)
        case s.Greeting(card=card):
            if card == event.card:
                return kiosk, ()
            return _greet(reset(kiosk, event.at), s.NextCard(event.visit, event.card), event.at)
        case s.Lending(card=card, mood=mood) as visit:
            if card == event.card and not isinstance(mood, s.Leaving):
                return replace(kiosk, visit=replace(visit, mood=s.Calm(), quiet_since=event.at)), ()
            return _hand_over(kiosk, visit, event), ()
        case s.Returning() as visit:
            return _hand_over(kiosk, visit, event), ()
        case _:
            assert_never(kiosk.visit)


def bar_for_now(kiosk: s.Kiosk, card: s.NextCard, at: float) -> Out:
    """Say why nobody can borrow here just now; the card is remembered while that is on the screen."""
    refusal = _why_not(kiosk.conditions)
    return replace(kiosk, visit=s.Barred(refusal, at, card)), (e.Sound("look"),)


def _why_not(conditions: s.Conditions) -> Refusal:
    if conditions.room != "enough":
        return Refusal(code="station-needs-staff", next_step="none")
    return Refusal(code="no-answer" if conditions.lending else "not-now", next_step="try-later")


def take_conditions(kiosk: s.Kiosk, event: e.ConditionsChanged) -> Out:
    """Know what works now; who waited with the card on the reader for lending to go on is greeted."""
    resumed = event.conditions.lending and not kiosk.conditions.lending
    kiosk = replace(kiosk, conditions=event.conditions)
    match kiosk.visit:
        case s.Barred(card=s.NextCard() as card) if resumed and kiosk.card_lies:
            return _greet(kiosk, card, event.at)
        case _:
            return kiosk, ()


def _greet(kiosk: s.Kiosk, card: s.NextCard, at: float) -> Out:
    greeting = s.Greeting(card.visit, card.card, at)
    return replace(kiosk, visit=greeting, help_open=False), (e.AskAccount(card.visit, card.card),)


def _hand_over(kiosk: s.Kiosk, visit: s.Listing, event: e.CardPlaced | e.CardScanned) -> s.Kiosk:
    return replace(kiosk, visit=replace(visit, mood=s.Leaving(s.NextCard(event.visit, event.card))))


def reset(kiosk: s.Kiosk, at: float) -> s.Kiosk:
    """Return the kiosk with nobody at it: nothing that a patron said, chose or was called is left."""
    return replace(kiosk, visit=s.Idle(at), comfort=s.Comfort(), help_open=False, unread=None)


def leave(kiosk: s.Kiosk, at: float, *, at_once: bool) -> Out:
    """The patron goes. What is not finished is asked about first, unless it is to be `at_once`."""
    visit = kiosk.visit
    kiosk = replace(kiosk, help_open=False)
    match visit:
        case s.Idle() | s.Greeting() | s.Barred() | s.Goodbye():
            ended: tuple[e.Effect, ...] = () if isinstance(visit, s.Idle) else (e.Ended(),)
            return reset(_lift_needed(kiosk, ()) if isinstance(visit, s.Barred) else kiosk, at), ended
        case s.Lending() | s.Returning():
            if isinstance(visit.mood, s.Leaving):
                return kiosk, ()
            unfinished = any(isinstance(row.stage, s.Away) for row in visit.rows)
            if unfinished and not at_once and not isinstance(visit.mood, s.Choosing):
                return replace(kiosk, visit=replace(visit, mood=s.Choosing())), (e.Sound("look"),)
            return replace(kiosk, visit=replace(visit, mood=s.Leaving())), ()
        case _:
            assert_never(visit)


def _lift_needed(kiosk: s.Kiosk, spared: tuple[str, ...]) -> s.Kiosk:
    """Mark what lies on the pad as dealt with; `spared` items may count for the next patron."""
    pad = tuple(
        s.OnPad(on.uid, s.LeftBehind()) if isinstance(on.tag, s.Ours) and on.tag.item not in spared else on
        for on in kiosk.pad
    )
    return replace(kiosk, pad=pad)


def end(kiosk: s.Kiosk, at: float) -> Out:
    """End a visit in which nothing is in flight any more: thanks in numbers, or the next card."""
    visit = kiosk.visit
    if not isinstance(visit, s.Listing) or not isinstance(visit.mood, s.Leaving):
        return kiosk, ()
    coming = visit.mood.next
    handled = {row.item for row in visit.rows}
    if coming and isinstance(visit, s.Returning):
        handled -= {row.item for row in visit.rows if isinstance(row.stage, s.Resting)}
    lying = {on.tag.item for on in kiosk.pad if isinstance(on.tag, s.Ours)}
    kiosk = _lift_needed(kiosk, tuple(lying - handled))
    thanks = _thanks(visit, at)
    slip = _slip(visit) if coming is None and kiosk.conditions.receipt == "ready" else ()
    lent = (row.item for row in visit.rows if isinstance(row.stage, s.Lent | s.Unsure))
    lately = tuple((hash(item), at + kiosk.rules.lately_s) for item in lent)
    kiosk = replace(kiosk, lately=(*kiosk.lately, *lately))
    if coming is not None:
        kiosk, greeting = _greet(reset(kiosk, at), coming, at)
        return kiosk, (e.Ended(), *greeting)
    if thanks == s.Goodbye(at):
        return reset(kiosk, at), (e.Ended(),)
    return replace(kiosk, visit=replace(thanks, slip=slip), help_open=False), (e.Ended(),)


def _thanks(visit: s.Listing, at: float) -> s.Goodbye:
    stages = [row.stage for row in visit.rows]
    return s.Goodbye(
        since=at,
        lent=sum(isinstance(stage, s.Lent | s.Unsure) for stage in stages),
        returned=sum(isinstance(stage, s.Returned | s.HandIn) for stage in stages),
        dues=tuple(sorted({stage.due for stage in stages if isinstance(stage, s.Lent) and stage.due})),
        to_staff=sum(isinstance(stage, s.Unsure | s.HandIn) for stage in stages),
    )


def _slip(visit: s.Listing) -> tuple[s.SlipLine, ...]:
    """Return what a receipt says of the visit: what is lent and what is returned, in the list's order."""
    lines: list[s.SlipLine] = []
    for row in visit.rows:
        match row.stage:
            case s.Lent(due, renewed):
                lines.append(s.SlipLine("renewed" if renewed else "lent", row.item, row.title, due))
            case s.Unsure():
                lines.append(s.SlipLine("lent", row.item, row.title))
            case s.Returned() | s.HandIn():
                lines.append(s.SlipLine("returned", row.item, row.title))
            case _:
                pass
    return tuple(lines)


def print_receipt(kiosk: s.Kiosk, at: float) -> Out:
    """Print the receipt, once; nothing where none is offered."""
    goodbye = kiosk.visit
    if not isinstance(goodbye, s.Goodbye) or not offered(goodbye, kiosk.conditions):
        return kiosk, ()
    effect = e.PrintReceipt(at, goodbye.slip, kiosk.comfort.language)
    return replace(kiosk, visit=replace(goodbye, since=at, slip=(), printing="asked")), (effect,)


def receipt_ended(kiosk: s.Kiosk, event: e.ReceiptEnded) -> Out:
    """Say what came of the print, unless nobody waits for it any more."""
    goodbye = kiosk.visit
    if not isinstance(goodbye, s.Goodbye) or (goodbye.printing, goodbye.since) != ("asked", event.key):
        return kiosk, ()
    tone: e.Sound = e.Sound("done" if event.outcome == "printed" else "look")
    return replace(kiosk, visit=replace(goodbye, since=event.at, printing=event.outcome)), (tone,)


def expire(kiosk: s.Kiosk, at: float) -> Out:
    """End what only waits to be forgotten: a thank-you, or a patron who could not borrow."""
    if isinstance(kiosk.visit, s.Barred):
        kiosk = _lift_needed(kiosk, ())
    return reset(kiosk, at), (e.Ended(),)
