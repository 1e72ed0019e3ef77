"""Sentences about cards and receipts: how to show a card, why one was not read, what became of a slip."""

from typing import assert_never

from kiosk import visit_state as s
from kiosk.view_model import Button, Notice
from kiosk.visit_slip import offered
from kiosk.words import Words


def lay_card(w: Words, c: s.Conditions) -> str:
    """Return what to do with a card, as short as a headline."""
    if c.reader and c.scanner:
        return w.say("Lay your card on the reader or scan it")
    return w.say("Scan your card") if c.scanner else w.say("Lay your card on the reader")


def card_picture(c: s.Conditions) -> str:
    """Return the picture of showing a card here: laid on a reader, scanned, or either."""
    if c.reader and c.scanner:
        return "card-or-scan"
    return "scan" if c.scanner else "card"


def to_borrow(w: Words, c: s.Conditions) -> str:
    """Return how borrowing begins here."""
    if c.reader and c.scanner:
        return w.say("To borrow, lay your card on the reader or scan it.")
    return (
        w.say("To borrow, scan your card.") if c.scanner else w.say("To borrow, lay your card on the reader.")
    )


def help_to_borrow(w: Words, c: s.Conditions) -> str:
    """Return how borrowing goes, whole."""
    if c.reader and c.scanner:
        return w.say("To borrow: lay your card on the reader or scan it, then lay your books on the pad.")
    if c.scanner:
        return w.say("To borrow: scan your card, then lay your books on the pad.")
    return w.say("To borrow: lay your card on the reader, then your books on the pad.")


def borrow_or_return(w: Words, c: s.Conditions) -> str:
    """Return the choice about an item that is secured and lies there without a card."""
    if c.reader and c.scanner:
        return w.say("Borrow it: show your card. Return it: press the button.")
    if c.scanner:
        return w.say("Borrow it: scan your card. Return it: press the button.")
    return w.say("Borrow it: lay your card on the reader. Return it: press the button.")


def unread_words(w: Words, unread: s.Unread) -> tuple[str, str]:
    """Return what was seen of a card that could not be taken, and what the patron can do."""
    match unread.why:
        case "silent":
            return w.say("This card could not be read"), w.say(
                "Lay it flat on the reader, alone and out of its case, and leave it there."
                " If that does not help, ask at the desk."
            )
        case "unknown":
            return w.say("This card cannot be used here"), w.say("Use your library card, or ask at the desk.")
        case "no-number":
            return w.say("There is no library number on this card"), w.say(
                "Use your library card, or ask at the desk."
            )
        case "wrong-code":
            return w.say("This is not the code of a library card"), w.say(
                "Scan the code on your library card, or ask at the desk."
            )
        case "bad-scan":
            return w.say("The code could not be read cleanly"), w.say(
                "Hold it still and flat before the scanner once more. If that does not help, ask at the desk."
            )
        case _:
            assert_never(unread.why)


def unread_notice(w: Words, kiosk: s.Kiosk) -> tuple[Notice, ...]:
    """Return the same as a notice, for screens with something else to say; beside a list it is short."""
    if kiosk.unread is None:
        return ()
    seen, do = unread_words(w, kiosk.unread)
    return (Notice("look", f"{seen}." if isinstance(kiosk.visit, s.Listing) else f"{seen}. {do}"),)


def receipt_buttons(w: Words, kiosk: s.Kiosk, goodbye: s.Goodbye) -> tuple[Button, ...]:
    """Return the choice of a receipt, where one is offered."""
    if not offered(goodbye, kiosk.conditions):
        return ()
    return (
        Button("receipt", w.say("Print receipt"), "printer", style="main"),
        Button("finish", w.say("No receipt"), "x"),
    )


def receipt_notice(w: Words, kiosk: s.Kiosk, goodbye: s.Goodbye) -> tuple[Notice, ...]:
    """Return what became of the receipt, or why there is none to be had."""
    printing = goodbye.printing
    if printing == "no" and kiosk.conditions.receipt in ("paper-out", "away"):
        printing = "paper-out" if kiosk.conditions.receipt == "paper-out" else "away"
    kept = w.say("What you did here is recorded all the same.")
    match printing:
        case "no":
            return ()
        case "asked":
            return (Notice("rest", w.say("Your receipt is being printed.")),)
        case "printed":
            return (Notice("ok", w.say("Your receipt is printed. Please take it with you.")),)
        case "unfinished":
            seen = w.say("The receipt may not be complete.")
            return (Notice("look", f"{seen} {kept}"),)
        case "paper-out":
            seen = w.say("There is no paper for receipts just now.")
            return (Notice("gone", f"{seen} {kept}"),)
        case "away":
            seen = w.say("The receipt printer does not work just now.")
            return (Notice("gone", f"{seen} {kept}"),)
        case _:
            assert_never(printing)
