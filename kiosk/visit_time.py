"""What the passing of time does to a visit: warnings, the end, the wipe (WCAG 2.2.1).

The clock of a visit stands still while work is in flight: nobody is hurried by a slow line.
"""

from dataclasses import replace
from typing import assert_never

from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.visit_ends import bar_for_now, expire, reset
from kiosk.visit_slip import offered

Out = tuple[s.Kiosk, tuple[e.Effect, ...]]


def quiet(kiosk: s.Kiosk, at: float) -> s.Kiosk:
    """Note that somebody did something: a warning goes away and the clock starts again."""
    match kiosk.visit:
        case s.Lending() | s.Returning() as visit:
            mood = s.Calm() if isinstance(visit.mood, s.Warned) else visit.mood
            return replace(kiosk, visit=replace(visit, mood=mood, quiet_since=at))
        case s.Idle():
            return replace(kiosk, visit=s.Idle(at))
        case s.Barred() as barred:
            return replace(kiosk, visit=replace(barred, since=at))
        case s.Greeting() | s.Goodbye():
            return kiosk
        case _:
            assert_never(kiosk.visit)


def seconds_left(kiosk: s.Kiosk, at: float) -> float | None:
    """Return how long the warning still lasts, or None when there is none."""
    if isinstance(kiosk.visit, s.Listing) and isinstance(kiosk.visit.mood, s.Warned):
        return max(0.0, kiosk.visit.mood.since + _factor(kiosk) * kiosk.rules.warn_s - at)
    return None


def _factor(kiosk: s.Kiosk) -> int:
    return 3 if kiosk.comfort.slow else 1


def tick(kiosk: s.Kiosk, at: float) -> Out:
    """Let time pass."""
    rules, factor = kiosk.rules, _factor(kiosk)
    here = {hash(on.tag.item) for on in kiosk.pad if isinstance(on.tag, s.Ours)}
    lately = tuple((item, until) for item, until in kiosk.lately if until > at or item in here)
    if lately != kiosk.lately:
        kiosk = replace(kiosk, lately=lately)
    if kiosk.unread is not None and at - kiosk.unread.since >= rules.unread_s * factor:
        kiosk = replace(kiosk, unread=None)
    match kiosk.visit:
        case s.Idle(since):
            stale = at - since >= rules.idle_s and (kiosk.comfort != s.Comfort() or kiosk.help_open)
            return (reset(kiosk, at), ()) if stale else (kiosk, ())
        case s.Greeting(visit, card, since):
            if at - since < rules.wait_s:
                return kiosk, ()
            return bar_for_now(kiosk, s.NextCard(visit, card), at)
        case s.Barred(since=since):
            return expire(kiosk, at) if at - since >= rules.barred_s * factor else (kiosk, ())
        case s.Goodbye() as goodbye:
            return expire(kiosk, at) if at - goodbye.since >= _stands_s(kiosk, goodbye) else (kiosk, ())
        case s.Lending() | s.Returning() as visit:
            return _listing(kiosk, visit, at)
        case _:
            assert_never(kiosk.visit)


def _stands_s(kiosk: s.Kiosk, goodbye: s.Goodbye) -> float:
    """Return how long the goodbye stands: longer when there is something to choose or to read."""
    rules = kiosk.rules
    if goodbye.printing == "asked":
        return rules.print_s
    if goodbye.printing != "no" or offered(goodbye, kiosk.conditions):
        return max(rules.goodbye_s, rules.receipt_s) * _factor(kiosk)
    return rules.goodbye_s


def _listing(kiosk: s.Kiosk, visit: s.Listing, at: float) -> Out:
    rules, factor = kiosk.rules, _factor(kiosk)
    if any(map(s.is_working, visit.rows)):
        return replace(kiosk, visit=replace(visit, quiet_since=at)), ()
    gone = _seems_gone(kiosk, visit)
    match visit.mood:
        case s.Warned(since):
            if at - since < rules.warn_s * factor:
                return kiosk, ()
            return replace(kiosk, visit=replace(visit, mood=s.Leaving())), ()
        case s.Calm() | s.Choosing():
            limit = (rules.away_s if gone else rules.idle_s) * factor
            if at - visit.quiet_since < limit:
                return kiosk, ()
            if gone and isinstance(visit, s.Returning):
                return replace(kiosk, visit=replace(visit, mood=s.Leaving())), ()
            return replace(kiosk, visit=replace(visit, mood=s.Warned(at))), (e.Sound("look"),)
        case s.Leaving():
            return kiosk, ()
        case _:
            assert_never(visit.mood)


def _seems_gone(kiosk: s.Kiosk, visit: s.Listing) -> bool:
    """Everything is done, the pad and the card reader are empty: most likely nobody is here."""
    items = any(isinstance(on.tag, s.Ours) for on in kiosk.pad)
    return (
        not items
        and not kiosk.card_lies
        and all(s.is_done(row.stage) for row in visit.rows)
        and bool(visit.rows)
    )
