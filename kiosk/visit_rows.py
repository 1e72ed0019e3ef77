"""The life of one row: how an item on the pad is lent or returned, step by step.

`settle` is level-triggered: it compares a row with what lies on the pad now, so it does not matter
which event was missed. The other functions take the outcome of one effect. All are pure.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from kiosk import visit_events as e
from kiosk import visit_state as s
from wire.messages.stream import Refusal

RowOut = tuple[s.Row, tuple[e.Effect, ...]]
RowChange = Callable[[s.Row], RowOut]


def lying(kiosk: s.Kiosk, item: str) -> tuple[s.OnPad, ...]:
    """Return the tags of this item on the pad; none while the pad does not answer."""
    if not kiosk.conditions.pad:
        return ()
    return tuple(on for on in kiosk.pad if isinstance(on.tag, s.Ours) and on.tag.item == item)


def parts(kiosk: s.Kiosk, item: str) -> tuple[int, int]:
    """Return how many different parts of the item lie here, and how many there are."""
    tags = [on.tag for on in lying(kiosk, item) if isinstance(on.tag, s.Ours)]
    return len({tag.part for tag in tags}), max((tag.parts for tag in tags), default=1)


def is_here(kiosk: s.Kiosk, item: str) -> bool:
    """Say whether the item lies on the pad with all the parts that the rules ask for."""
    seen, total = parts(kiosk, item)
    return seen >= (1 if kiosk.rules.accept_incomplete else total) and seen > 0


def key_of(job: s.Job) -> str:
    """Return the id under which the job is known outside: its request or its checkin."""
    return job.request if isinstance(job, s.Loan) else job.checkin


def comes_back(kiosk: s.Kiosk, item: str) -> bool:
    """Say whether an item without a card is a return by itself: unsecured, and not lent a moment ago."""
    secured = any(isinstance(on.tag, s.Ours) and on.tag.secured for on in lying(kiosk, item))
    return not secured and hash(item) not in {lent for lent, _ in kiosk.lately}


def begin(kiosk: s.Kiosk, visit: s.Listing, row: s.Row, at: float) -> RowOut:
    """Start the work on an item that lies on the pad, as far as it can be started now."""
    match visit:
        case s.Lending():
            if not is_here(kiosk, row.item):
                return replace(row, stage=s.Incomplete(), lifted=False), ()
            if not kiosk.conditions.lending:
                return replace(row, stage=s.NotNow(), lifted=False), ()
            seen = parts(kiosk, row.item)[0]
            ask = e.Lend(visit.visit, visit.card, row.item, seen)
            return replace(row, stage=s.Asking(at), lifted=False), (ask,)
        case s.Returning():
            if not is_here(kiosk, row.item):
                return replace(row, stage=s.Incomplete(), lifted=False), ()
            if not kiosk.conditions.returns:
                return replace(row, stage=s.NotTaken(), lifted=False), (e.Sound("look"),)
            if not comes_back(kiosk, row.item) and not visit.everything:
                return replace(row, stage=s.Undecided(), lifted=False), ()
            return replace(row, stage=s.Settling(at), lifted=False), (e.AskTitle(row.item),)
        case _:
            assert_never(visit)


def write(kiosk: s.Kiosk, row: s.Row, job: s.Job, tries: int = 1, touched: bool = False) -> RowOut:
    """Write the security of the item's tags: clear for a loan, secured for a return."""
    uids = tuple(on.uid for on in lying(kiosk, row.item))
    effect = e.WriteTags(key_of(job), row.item, uids, secured=isinstance(job, s.Taken))
    return replace(row, stage=s.Writing(job, tries, touched)), (effect,)


def withdraw(row: s.Row, request: str, reason: s.WithdrawReason) -> RowOut:
    """Take a request back: committed first, said afterwards (streams.md L4)."""
    return replace(row, stage=s.Noting(request, s.NotLent(reason))), (e.Withdraw(request, reason),)


def give_up(row: s.Row, job: s.Job, touched: bool, reason: s.WithdrawReason) -> RowOut:
    """End a job whose tag could not be done: withdraw it, or open a case."""
    match job:
        case s.Loan(request=request):
            if not touched:
                return withdraw(row, request, reason)
            return replace(row, stage=s.Noting(request, s.Unsure())), (e.NoteUnknown(request, row.item),)
        case s.Taken(checkin=checkin):
            outcome = e.NoteSecured(checkin, row.item, "unknown" if touched else "failed", None)
            return replace(row, stage=s.Noting(checkin, s.HandIn())), (outcome,)
        case _:
            assert_never(job)


def settle(
    kiosk: s.Kiosk, visit: s.Listing, row: s.Row, at: float
) -> tuple[s.Row | None, tuple[e.Effect, ...]]:
    """Bring a row in line with the pad and the time; None: the row is gone."""
    here, leaving = is_here(kiosk, row.item), isinstance(visit.mood, s.Leaving)
    match row.stage:
        case s.Asking(since, request) if request:
            if not here:
                return withdraw(row, request, "removed")
            if at - since >= kiosk.rules.wait_s:
                return withdraw(row, request, "timeout")
        case s.Settling(since):
            if not here or leaving:
                return None, ()
            if at - since >= kiosk.rules.settle_s:
                return replace(row, stage=s.CheckingIn()), (e.CheckIn(row.item),)
        case s.Away(job, touched):
            if leaving:
                return give_up(row, job, touched, "left")
            if here:
                return write(kiosk, row, job, 1, touched)
        case s.Again(job, tries, touched, when):
            if not here and leaving:
                return give_up(row, job, touched, "left")
            if not here:
                return replace(row, stage=s.Away(job, touched)), (e.Sound("look"),)
            if at >= when:
                return write(kiosk, row, job, tries + 1, touched)
        case s.Incomplete() | s.NotNow() | s.Undecided():
            return _rest(kiosk, visit, row, at)
        case s.Refused() | s.NotLent() | s.NotTaken() if row.lifted and here and not leaving:
            return begin(kiosk, visit, row, at)
        case s.Lent() | s.Refused() | s.NotLent() | s.Unsure() | s.Returned() | s.HandIn() | s.NotTaken():
            if not row.lifted and not lying(kiosk, row.item):
                return replace(row, lifted=True), ()
        case s.Asking() | s.CheckingIn() | s.Writing() | s.Noting():
            pass
        case _:
            assert_never(row.stage)
    return row, ()


def _rest(
    kiosk: s.Kiosk, visit: s.Listing, row: s.Row, at: float
) -> tuple[s.Row | None, tuple[e.Effect, ...]]:
    """Begin a resting row anew when its reason is gone; let it go with its item."""
    if not lying(kiosk, row.item):
        return None, ()
    if isinstance(visit.mood, s.Leaving):
        return row, ()
    anew, effects = begin(kiosk, visit, row, at)
    return (row, ()) if type(anew.stage) is type(row.stage) else (anew, effects)


# --- outcomes ---------------------------------------------------------------------------------------


def answered(kiosk: s.Kiosk, row: s.Row, event: e.Answered) -> RowOut:
    """Take central's answer to a row's request."""
    answer = event.answer
    row = replace(row, title=answer.title or row.title)
    if answer.outcome == "granted":
        secured = any(isinstance(on.tag, s.Ours) and on.tag.secured for on in lying(kiosk, row.item))
        locked = secured or not answer.renewed
        return write(kiosk, row, s.Loan(answer.request, answer.due, answer.renewed, locked))
    refusal = answer.refusal or Refusal(code="unknown")
    return replace(row, stage=s.Refused(refusal)), (e.Sound("look"),)


def checked_in(kiosk: s.Kiosk, row: s.Row, checkin: str) -> RowOut:
    """Take the outcome of a checkin: now the tag, if it is still here."""
    if not checkin:
        return replace(row, stage=s.NotTaken()), (e.Sound("look"),)
    if not is_here(kiosk, row.item):
        return replace(row, stage=s.Away(s.Taken(checkin))), (e.Sound("look"),)
    return write(kiosk, row, s.Taken(checkin))


def write_ended(kiosk: s.Kiosk, row: s.Row, stage: s.Writing, event: e.WriteEnded) -> RowOut:
    """Take the outcome of a tag write; read-back is the only success."""
    job, touched = stage.job, stage.touched
    match event.outcome:
        case "verified":
            return _verified(row, job, event.afi)
        case "gone":
            return replace(row, stage=s.Away(job, touched)), (e.Sound("look"),)
        case "failed":
            touched = False
        case "unknown":
            touched = True
        case _:
            assert_never(event.outcome)
    if not is_here(kiosk, row.item):
        return replace(row, stage=s.Away(job, touched)), (e.Sound("look"),)
    if stage.tries >= kiosk.rules.tries:
        return give_up(row, job, touched, "tag-failed")
    again = s.Again(job, stage.tries, touched, event.at + kiosk.rules.again_s)
    return replace(row, stage=again), ()


def _verified(row: s.Row, job: s.Job, afi: int | None) -> RowOut:
    match job:
        case s.Loan(request=request, due=due, renewed=renewed):
            note: e.Effect = e.NoteWritten(request, row.item, afi)
            return replace(row, stage=s.Noting(request, s.Lent(due, renewed))), (note,)
        case s.Taken(checkin):
            note = e.NoteSecured(checkin, row.item, "verified", afi)
            return replace(row, stage=s.Noting(checkin, s.Returned())), (note,)
        case _:
            assert_never(job)


def noted(row: s.Row, stage: s.Noting) -> RowOut:
    """What happened is committed: now it may be said."""
    tone: e.Effect = e.Sound("done" if isinstance(stage.then, s.Lent | s.Returned) else "look")
    return replace(row, stage=stage.then), (tone,)
