"""The visit: one patron at one kiosk, card to goodbye, as a pure step machine.

How it thinks
-------------
The pad is a snapshot, not a row of edges. Every event first changes what is known (the pad, the
conditions, an outcome); then the rows are compared with what lies there now, so an item laid down
before the card counts at once, and no missed edge can leave an item invisible.

The loan comes first, the tag second, and the gap between the two has a name (`Writing`, `Again`,
`Away`). Whatever the patron is told has been committed before: a row passes through `Noting` on its
way to `Lent`, `NotLent`, `Unsure`, `Returned` or `HandIn`. A visit ends only when no row is in flight,
so nobody is lent to after leaving: what waited is withdrawn, what may have been touched is a case.

    asked -> granted -> written and read back -> noted -> lent
                     -> lifted: "put it back"  -> withdrawn | case
          -> refused
          -> 8 s without an answer, or lifted  -> withdrawn -> "not lent"

Without a card, what lies on the pad with an unsecured tag is being returned. A secured item waits for
a card or for the button, and so does one that was lent a moment ago: somebody is packing. What an
earlier visit dealt with is `LeftBehind` until it is lifted: it is neither lent to the next patron nor
returned by them.

Not for: reading the clock, devices, the disk, words on the screen (`kiosk.view`).
"""

from dataclasses import replace
from functools import partial
from typing import assert_never

from kiosk import visit_events as e
from kiosk import visit_rows as rows
from kiosk import visit_state as s
from kiosk.visit_ends import (
    bar_for_now,
    begin_with_card,
    end,
    leave,
    print_receipt,
    receipt_ended,
    take_conditions,
)
from kiosk.visit_offer import is_offered
from kiosk.visit_time import quiet, tick
from wire.messages.stream import Refusal

Out = tuple[s.Kiosk, tuple[e.Effect, ...]]


def step(kiosk: s.Kiosk, event: e.Event) -> Out:
    """Return the next state and what is to be done, in order; a press that is not offered changes nothing."""
    if isinstance(event, e.Pressed) and not is_offered(kiosk, event):
        return kiosk, ()
    kiosk, first = _take(kiosk, event)
    kiosk, second = reconcile(kiosk, event.at)
    return kiosk, (*first, *second)


def _take(kiosk: s.Kiosk, event: e.Event) -> Out:
    match event:
        case e.CardPlaced():
            return begin_with_card(replace(kiosk, card_lies=True, unread=None), event)
        case e.CardScanned():
            return begin_with_card(replace(kiosk, unread=None), event)
        case e.CardUnread(at, why):
            return quiet(replace(kiosk, unread=s.Unread(why, at)), at), (e.Sound("look"),)
        case e.CardRemoved():
            return replace(kiosk, card_lies=False), ()
        case e.TagPlaced():
            return _tag_placed(kiosk, event)
        case e.TagRemoved(at, uid):
            pad = tuple(on for on in kiosk.pad if on.uid != uid)
            return quiet(replace(kiosk, pad=pad), at), ()
        case e.AccountSaid():
            return _account_said(kiosk, event)
        case e.TitleKnown(_, item, title):
            return _change(kiosk, item, lambda row: (replace(row, title=title or row.title), ()))
        case e.ReceiptEnded():
            return receipt_ended(kiosk, event)
        case e.ConditionsChanged():
            return take_conditions(kiosk, event)
        case e.Pressed():
            return _pressed(kiosk, event)
        case e.Tick(at):
            return tick(kiosk, at)
        case e.Requested() | e.Answered() | e.CheckedIn() | e.WriteEnded() | e.Noted():
            return _outcome(kiosk, event)
        case _:
            assert_never(event)


def _tag_placed(kiosk: s.Kiosk, event: e.TagPlaced) -> Out:
    if any(on.uid == event.uid and isinstance(on.tag, s.LeftBehind) for on in kiosk.pad):
        return kiosk, ()
    others = tuple(on for on in kiosk.pad if on.uid != event.uid)
    kiosk = quiet(replace(kiosk, pad=(*others, s.OnPad(event.uid, event.tag))), event.at)
    return kiosk, (e.Sound("seen"),) if isinstance(event.tag, s.Ours) else ()


def _account_said(kiosk: s.Kiosk, event: e.AccountSaid) -> Out:
    visit = kiosk.visit
    if not isinstance(visit, s.Greeting) or visit.visit != event.visit:
        return kiosk, ()
    account = event.account
    if account is None:
        return bar_for_now(kiosk, s.NextCard(visit.visit, visit.card), event.at)
    if kiosk.comfort.language is None and account.language:
        kiosk = replace(kiosk, comfort=replace(kiosk.comfort, language=account.language))
    if not account.known or account.refusal is not None:
        refusal = account.refusal or Refusal(code="unknown-card")
        return replace(kiosk, visit=s.Barred(refusal, event.at)), (e.Sound("look"),)
    lending = s.Lending(visit.visit, visit.card, account.greeting, quiet_since=event.at)
    return replace(kiosk, visit=lending), (e.Sound("seen"),)


# --- outcomes of effects ----------------------------------------------------------------------------


def _change(kiosk: s.Kiosk, item: str, change: rows.RowChange) -> Out:
    """Put one row of the list through `change`; nothing when there is no such row."""
    visit = kiosk.visit
    if not isinstance(visit, s.Listing):
        return kiosk, ()
    done: list[s.Row] = []
    effects: tuple[e.Effect, ...] = ()
    for row in visit.rows:
        if row.item == item:
            row, effects = change(row)  # noqa: PLW2901 - the row's next state takes its place
        done.append(row)
    return replace(kiosk, visit=replace(visit, rows=tuple(done))), effects


def _outcome(kiosk: s.Kiosk, event: e.Requested | e.Answered | e.CheckedIn | e.WriteEnded | e.Noted) -> Out:
    """Give an outcome to the one row that waits for it; an outcome nobody waits for changes nothing."""
    if not isinstance(kiosk.visit, s.Listing):
        return kiosk, ()
    found = ((row, _row_outcome(kiosk, row, event)) for row in kiosk.visit.rows)
    for row, out in found:
        if out is not None:
            return _change(kiosk, row.item, partial(_instead, out))
    return kiosk, ()


def _instead(out: rows.RowOut, _: s.Row) -> rows.RowOut:
    return out


def _row_outcome(
    kiosk: s.Kiosk, row: s.Row, event: e.Requested | e.Answered | e.CheckedIn | e.WriteEnded | e.Noted
) -> rows.RowOut | None:
    match event, row.stage:
        case e.Requested(_, visit, item, request), s.Asking(since, ""):
            if row.item == item and isinstance(kiosk.visit, s.Lending) and kiosk.visit.visit == visit:
                return replace(row, stage=s.Asking(since, request) if request else s.NotLent("full")), ()
        case e.Answered(_, answer), s.Asking(_, request) if request == answer.request:
            return rows.answered(kiosk, row, event)
        case e.CheckedIn(_, item, checkin), s.CheckingIn() if row.item == item:
            return rows.checked_in(kiosk, row, checkin)
        case e.WriteEnded(_, key), s.Writing(job) if rows.key_of(job) == key:
            return rows.write_ended(kiosk, row, row.stage, event)
        case e.Noted(_, key), s.Noting(waiting) if waiting == key:
            return rows.noted(row, row.stage)
        case _:
            pass
    return None


# --- buttons ----------------------------------------------------------------------------------------


def _pressed(kiosk: s.Kiosk, event: e.Pressed) -> Out:
    was_warned = isinstance(kiosk.visit, s.Listing) and isinstance(kiosk.visit.mood, s.Warned)
    if not (was_warned and event.button == "finish"):
        kiosk = quiet(kiosk, event.at)
    match event.button:
        case "finish" | "start-over":
            return leave(kiosk, event.at, at_once=event.button == "start-over")
        case "return":
            return _return(kiosk, event.at), ()
        case "more-time":
            return kiosk, ()
        case "put-back":
            return _mood(kiosk, s.Choosing, s.Calm()), ()
        case "receipt":
            return print_receipt(kiosk, event.at)
        case "help":
            return replace(kiosk, help_open=event.value == "on"), ()
        case "language" | "text" | "look" | "reach" | "sound" | "slow":
            return replace(kiosk, comfort=comfort(kiosk.comfort, event.button, event.value)), ()
        case _:
            assert_never(event.button)


def comfort(now: s.Comfort, button: str, value: str) -> s.Comfort:
    """Return the comforts with one of them changed; a value nobody knows changes nothing."""
    match button, value:
        case "language", language if language:
            return replace(now, language=language)
        case "text", "1" | "2" | "3":
            return replace(now, text=(1, 2, 3)[int(value) - 1])
        case "look", "light":
            return replace(now, look="light")
        case "look", "dark":
            return replace(now, look="dark")
        case "look", "contrast":
            return replace(now, look="contrast")
        case "reach", _:
            return replace(now, reach=value == "on")
        case "sound", _:
            return replace(now, sound=value == "on")
        case "slow", _:
            return replace(now, slow=value == "on")
        case _:
            return now


def _return(kiosk: s.Kiosk, at: float) -> s.Kiosk:
    match kiosk.visit:
        case s.Returning():
            return replace(kiosk, visit=replace(kiosk.visit, everything=True))
        case s.Idle() | s.Barred():
            return replace(kiosk, visit=s.Returning(everything=True, quiet_since=at))
        case s.Greeting() | s.Lending() | s.Goodbye():
            return kiosk
        case _:
            assert_never(kiosk.visit)


def _mood(kiosk: s.Kiosk, only: type[s.Mood], mood: s.Mood) -> s.Kiosk:
    visit = kiosk.visit
    if isinstance(visit, s.Listing) and isinstance(visit.mood, only):
        return replace(kiosk, visit=replace(visit, mood=mood))
    return kiosk


# --- the comparison with the pad --------------------------------------------------------------------


def reconcile(kiosk: s.Kiosk, at: float) -> Out:
    """Bring the visit in line with what lies on the pad now."""
    visit = kiosk.visit
    if isinstance(visit, s.Idle) and kiosk.conditions.returns and _returns(kiosk):
        visit = s.Returning(quiet_since=at)
    if not isinstance(visit, s.Listing):
        return kiosk, ()
    kept: list[s.Row] = []
    effects: list[e.Effect] = []
    for row in visit.rows:
        settled, wanted = rows.settle(kiosk, visit, row, at)
        effects += wanted
        if settled is not None:
            kept.append(settled)
    if not isinstance(visit.mood, s.Leaving):
        known = {row.item for row in kept}
        for item in dict.fromkeys(on.tag.item for on in kiosk.pad if isinstance(on.tag, s.Ours)):
            if item not in known and rows.lying(kiosk, item):
                row, wanted = rows.begin(kiosk, visit, s.Row(item, s.NotNow()), at)
                effects += wanted
                kept.append(row)
    visit = replace(visit, rows=tuple(kept))
    kiosk = replace(kiosk, visit=visit)
    if isinstance(visit.mood, s.Choosing) and not any(isinstance(r.stage, s.Away) for r in kept):
        kiosk = replace(kiosk, visit=replace(visit, mood=s.Calm()))
    if isinstance(visit.mood, s.Leaving) and not any(map(s.is_open, kept)):
        kiosk, last = end(kiosk, at)
        effects += last
    return kiosk, tuple(effects)


def _returns(kiosk: s.Kiosk) -> bool:
    items = {on.tag.item for on in kiosk.pad if isinstance(on.tag, s.Ours)}
    return kiosk.conditions.pad and any(rows.comes_back(kiosk, item) for item in items)
