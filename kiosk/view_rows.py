"""The sentences of a row: what happened to this item, and what to do now."""

from datetime import date
from typing import assert_never

from kiosk import visit_rows
from kiosk import visit_state as s
from kiosk.view_cards import borrow_or_return
from kiosk.view_model import Glyph, RowView
from kiosk.words import Words
from wire.messages.stream import Refusal


def name_of(w: Words, row: s.Row) -> str:
    """Return the title as it is, or how else to find the item in the pile."""
    return row.title or w.say("Item with the number …{end}", end=row.item[-4:])


def row_view(w: Words, kiosk: s.Kiosk, row: s.Row) -> RowView:
    """Return one row in the patron's words."""
    glyph, word, message, due = _stage(w, kiosk, row)
    busy = s.is_working(row)
    return RowView(f"row-{row.item}", glyph, word, name_of(w, row), message, due, busy)


def is_locked(job: s.Job) -> bool:
    """Say whether an item that was lifted too early must not leave as it is."""
    return isinstance(job, s.Loan) and job.locked


def _stage(w: Words, kiosk: s.Kiosk, row: s.Row) -> tuple[Glyph, str, str, str]:
    match row.stage:
        case s.Lent(due, renewed):
            day = w.day(due) if due else ""
            return "ok", w.say("Renewed") if renewed else w.say("Lent"), "", day
        case s.Returned():
            return "ok", w.say("Returned"), "", ""
        case s.Asking() | s.CheckingIn() | s.Writing() | s.Again() | s.Noting() | s.Settling():
            return "rest", w.say("One moment"), w.say("Leave it on the pad."), ""
        case s.Away(job):
            if is_locked(job):
                return "act", w.say("Still locked"), w.say("Put it back on the pad for a moment."), ""
            return "act", w.say("Not finished"), w.say("Put it back on the pad for a moment."), ""
        case s.Incomplete():
            seen, total = visit_rows.parts(kiosk, row.item)
            missing = w.say("This set has {total} parts, I see {seen}.", total=total, seen=seen)
            do = w.say("Put the others on the pad, too.")
            return "look", w.say("A part is missing"), f"{missing} {do}", ""
        case s.NotNow():
            return "rest", w.say("Not yet"), w.say("Borrowing is not possible at this moment."), ""
        case s.Undecided():
            return "look", w.say("Which one?"), borrow_or_return(w, kiosk.conditions), ""
        case s.Unsure():
            return "look", w.say("Lent"), w.say("Please show this one to the staff before you go."), ""
        case s.HandIn():
            return "look", w.say("Returned"), w.say("Please hand this one to the staff."), ""
        case s.NotTaken():
            return "act", w.say("Not returned"), w.say("Please take it to the desk."), ""
        case s.NotLent(reason):
            return "look", w.say("Not lent"), _not_lent(w, reason), ""
        case s.Refused(refusal):
            return "look", w.say("Not lent"), refused(w, refusal), ""
        case _:
            assert_never(row.stage)


def _not_lent(w: Words, reason: str) -> str:
    match reason:
        case "removed" | "left":
            return w.say("It was taken away before it was lent. Put it back, or leave it here.")
        case "timeout":
            return w.say("There was no answer in time. Lift it and lay it down again.")
        case "tag-failed":
            return w.say("It could not be unlocked. Please take it to the desk.")
        case _:
            return w.say("This station cannot lend any more just now. Please take it to the desk.")


def refused(w: Words, refusal: Refusal) -> str:
    """Return one clear reason and the next step; a code nobody knows sends the patron to the desk."""
    return f"{_reason(w, refusal)} {_next_step(w, refusal)}".strip()


def _reason(w: Words, refusal: Refusal) -> str:
    params = refusal.params
    match refusal.code:
        case "on-hold" | "on-hold-for-another":
            return w.say("Somebody else has reserved it.")
        case "on-loan-elsewhere":
            return w.say("It is still on another card.")
        case "limit-reached":
            return w.say("You have as many as your card allows ({limit}).", limit=params.get("limit", ""))
        case "item-not-for-loan":
            return w.say("It may only be used in the library.")
        case "item-unknown":
            return w.say("It is not in our catalogue yet.")
        case "left-the-pad":
            return w.say("It had left the pad before it was lent.")
        case "renewals-used":
            return w.say(
                "It is yours until {day} and cannot be renewed again.", day=_day(w, params.get("due"))
            )
        case "authority-unsure":
            return w.say("It could not be found out whether it was lent to you.")
        case "wrong-pin":
            return w.say("That is not the PIN of this card.")
        case "too-many-tries":
            return w.say("There were too many wrong PINs.")
        case "card-expired":
            return w.say("Your card has expired.")
        case "unknown-card":
            return w.say("This card is not known here.")
        case "not-now":
            return w.say("The library's records cannot be reached just now, so borrowing is not possible.")
        case "station-needs-staff":
            return w.say("The staff must look at this station first: please tell them at the desk.")
        case "no-answer":
            return w.say("There was no answer in time.")
        case "fees":
            return w.say("There are fees on your card.")
        case "fee-to-acknowledge":
            fee, currency = params.get("fee", ""), params.get("currency", "")
            return w.say("Borrowing it costs {fee} {currency}.", fee=fee, currency=currency)
        case "too-many-overdue":
            return w.say("You have items that are overdue.")
        case "card-blocked" | "blocked":
            return w.say("Your card cannot be used for borrowing at the moment.")
        case "card-lost" | "lost-card":
            return w.say("This card was reported lost.")
        case _:
            return w.say("This one cannot be lent here.")


def _next_step(w: Words, refusal: Refusal) -> str:
    match refusal.next_step:
        case "desk":
            return w.say("Please ask at the desk.")
        case "put-back":
            return w.say("Please leave it here.")
        case "return-first":
            return w.say("Return some first, then try again.")
        case "try-later":
            return w.say("Please try again in a little while.")
        case "none":
            return ""
        case _:
            assert_never(refusal.next_step)


def _day(w: Words, value: str | int | None) -> str:
    try:
        return w.day(date.fromisoformat(str(value)))
    except ValueError:
        return str(value or "")
