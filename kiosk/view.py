"""The screen: what the state of the kiosk looks like to a patron. Pure.

One question a screen, and the answer is the biggest thing on it. What needs the patron floats to the
top of the list; help and "start over" never move. Short sentences: what happened, what to do now;
never blame, never the words of machines. First names are all that is shown of a person.

Not for: HTML (`kiosk.page`), and not for deciding anything (`kiosk.visit`).
"""

import math
from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from kiosk import visit_state as s
from kiosk.view_cards import (
    card_picture,
    help_to_borrow,
    lay_card,
    receipt_buttons,
    receipt_notice,
    to_borrow,
    unread_notice,
    unread_words,
)
from kiosk.view_model import Button, Dialog, Notice, RowView, Screen
from kiosk.view_rows import is_locked, name_of, refused, row_view
from kiosk.visit_offer import LOOKS, can_return, other
from kiosk.visit_time import seconds_left
from kiosk.words import NAMES, Words, words


def screen(kiosk: s.Kiosk, at: float) -> Screen:
    """Return what to show at `at` (seconds of the monotonic clock)."""
    chosen, languages = kiosk.comfort.language, kiosk.rules.languages
    w = words(chosen if chosen in languages else languages[0])
    base = _base(w, kiosk)
    match kiosk.visit:
        case s.Idle():
            shown = _idle(w, kiosk, base)
        case s.Greeting():
            shown = replace(
                base, name="reading", picture="card", headline=w.say("One moment"),
                lead=w.say("Your card is being read."),
            )  # fmt: skip
        case s.Barred(refusal):
            shown = replace(
                base, name="barred", picture="hand", headline=w.say("Borrowing is not possible"),
                lead=refused(w, refusal),
            )  # fmt: skip
            if can_return(kiosk):
                works = Notice("ok", w.say("Returning books works all the same."))
                shown = replace(shown, buttons=(_return_button(w, "main"),), notices=(works,))
        case s.Lending() as visit:
            shown = _lending(w, kiosk, base, visit)
        case s.Returning() as visit:
            shown = _returning(w, kiosk, base, visit)
        case s.Goodbye() as visit:
            shown = _goodbye(w, kiosk, base, visit)
        case _:
            assert_never(kiosk.visit)
    if shown.name != "unread":
        shown = replace(shown, notices=(*unread_notice(w, kiosk), *shown.notices))
    return replace(shown, dialog=_dialog(w, kiosk, at))


def _base(w: Words, kiosk: s.Kiosk) -> Screen:
    c = kiosk.comfort
    bar = (
        *(
            Button("language", NAMES.get(code, code), "", code, pressed=code == w.language, lang=code)
            for code in kiosk.rules.languages
        ),
        Button("text", w.say("Larger text"), "a-large-small", str(c.text % 3 + 1), pressed=c.text > 1),
        Button("look", w.say("Contrast"), "contrast", LOOKS[c.look], pressed=c.look != "light"),
        Button("reach", w.say("Within reach"), "accessibility", other(c.reach), pressed=c.reach),
        Button("slow", w.say("More time"), "timer", other(c.slow), pressed=c.slow),
        Button(
            "sound", w.say("Sound"), "volume-2" if c.sound else "volume-x", other(c.sound), pressed=c.sound
        ),
    )
    fixed = (
        Button("help", w.say("Help"), "circle-question-mark", other(kiosk.help_open), style="quiet"),
        Button("start-over", w.say("Start over"), "rotate-ccw", style="quiet"),
    )
    return Screen(
        name="attract", language=w.language, direction=w.direction, headline="",
        bar=bar, bar_label=w.say("How you like it"), fixed=fixed, fixed_label=w.say("At any time"),
        text=c.text, look=c.look, reach=c.reach, sound=c.sound, moment=w.say("One moment, please …"),
        rows_label=w.say("Your books"),
    )  # fmt: skip


def _return_button(w: Words, style: Literal["main", "plain"] = "plain") -> Button:
    return Button("return", w.say("Return books"), "undo-2", style=style)


def _idle(w: Words, kiosk: s.Kiosk, base: Screen) -> Screen:
    conditions = kiosk.conditions
    if not conditions.pad:
        return replace(
            base, name="pad-lost", picture="plug", headline=w.say("This pad cannot see books just now"),
            lead=w.say("The staff have been told. Please use another station, or go to the desk."),
        )  # fmt: skip
    if not conditions.returns:
        return replace(
            base, name="closed", picture="closed", headline=w.say("This station is resting"),
            lead=w.say("The staff must look at it: please tell them at the desk. Another station may work.")
            if conditions.room == "none" else w.say("Please use another station, or go to the desk."),
        )  # fmt: skip
    lying = len({on.tag.item for on in kiosk.pad if isinstance(on.tag, s.Ours)})
    buttons = (_return_button(w),)
    notices = _strangers(w, kiosk)
    if not conditions.lending:
        return replace(
            base, name="returns-only", picture="return",
            headline=w.say("Returning works, borrowing does not"),
            lead=w.say("The library's records cannot be reached just now. Lay down what you bring back.")
            if conditions.room == "enough" else
            w.say("Lay down what you bring back. The staff must look at this station: please tell them."),
            buttons=(_return_button(w, "main"),), notices=notices,
        )  # fmt: skip
    if not conditions.reader and not conditions.scanner:
        return replace(
            base, name="reader-lost", picture="card", headline=w.say("Cards cannot be read just now"),
            lead=w.say("Returning works: lay down what you bring back. To borrow, use another station."),
            buttons=(_return_button(w, "main"),), notices=notices,
        )  # fmt: skip
    if kiosk.unread is not None:
        seen, do = unread_words(w, kiosk.unread)
        scanned = kiosk.unread.why in ("wrong-code", "bad-scan")
        return replace(
            base,
            name="unread",
            picture="scan" if scanned else "card",
            headline=seen,
            lead=do,
            buttons=buttons,
            notices=notices,
        )
    if lying:
        return replace(
            base, headline=lay_card(w, conditions), picture=card_picture(conditions), number=lying,
            number_words=w.count("book lies here", "books lie here", lying),
            buttons=(Button("return", w.say("Return these"), "undo-2"),), notices=notices,
        )  # fmt: skip
    steps = (
        (card_picture(conditions), to_borrow(w, conditions)),
        ("books", w.say("To return, lay the books on the pad.")),
    )
    return replace(base, headline=w.say("Welcome"), steps=steps, buttons=buttons, notices=notices)


def _strangers(w: Words, kiosk: s.Kiosk) -> tuple[Notice, ...]:
    """Say in plain words what lies on the pad and does not count."""
    tags = [on.tag for on in kiosk.pad]
    found = []
    foreign = sum(isinstance(tag, s.Foreign) for tag in tags)
    if foreign:
        text = w.count(
            "One book here does not belong to this library.",
            "{n} books here do not belong to this library.",
            foreign,
        )
        found.append(Notice("gone", text))
    if any(isinstance(tag, s.Unreadable) for tag in tags):
        text = w.say("Something here cannot be read. Turn it over, or take it to the desk.")
        found.append(Notice("look", text))
    if any(isinstance(tag, s.PatronTag) for tag in tags):
        found.append(Notice("look", w.say("A card lies on the pad. Its place is the card reader.")))
    if any(isinstance(tag, s.LeftBehind) for tag in tags):
        text = w.say("Something still lies here from before. Lift it once if it is yours.")
        found.append(Notice("look", text))
    return tuple(found)


def _sorted(rows: tuple[RowView, ...]) -> tuple[RowView, ...]:
    return tuple(sorted(rows, key=lambda row: 0 if row.glyph == "act" else 1 if row.glyph == "look" else 2))


def _conditions(w: Words, kiosk: s.Kiosk) -> tuple[Notice, ...]:
    if not kiosk.conditions.pad:
        text = w.say(
            "The pad cannot see books just now. What is yours already stays yours."
            " Please finish, and use another station or ask at the desk."
        )
        return (Notice("act", text),)
    if isinstance(kiosk.visit, s.Lending) and kiosk.conditions.room != "enough":
        text = w.say("Nothing more can be lent here. The staff must look at this station: please tell them.")
        return (Notice("act", text),)
    if isinstance(kiosk.visit, s.Lending) and not kiosk.conditions.lending:
        text = w.say(
            "The library's records cannot be reached just now. Nothing more can be lent for the moment."
        )
        return (Notice("act", text),)
    return ()


def _lending(w: Words, kiosk: s.Kiosk, base: Screen, visit: s.Lending) -> Screen:
    rows = _sorted(tuple(row_view(w, kiosk, row) for row in visit.rows))
    stages = [row.stage for row in visit.rows]
    yours = sum(isinstance(stage, s.Lent | s.Unsure) for stage in stages)
    dues = sorted({stage.due for stage in stages if isinstance(stage, s.Lent) and stage.due})
    leaving = isinstance(visit.mood, s.Leaving)
    hello = w.say("Hello, {name}", name=visit.greeting) if visit.greeting else w.say("Hello")
    lead = w.say("Lay your books on the pad, one by one or as a pile.")
    if rows:
        lead = w.say("Lay down more, or finish.")
    finish = Button("finish", w.say("Finish"), "check", style="main")
    return replace(
        base, name="lending", picture="" if rows else "books",
        headline=w.say("One moment, then you are done") if leaving else hello, lead="" if leaving else lead,
        number=yours if rows else None, number_words=w.count("is yours", "are yours", yours),
        stamp=_until(w, tuple(dues)), rows=rows, notices=_conditions(w, kiosk) + _strangers(w, kiosk),
        buttons=() if leaving else (finish,),
    )  # fmt: skip


def _until(w: Words, dues: tuple[date, ...]) -> str:
    if not dues:
        return ""
    if len(dues) == 1:
        return w.say("until {day}", day=w.day(dues[0]))
    return w.say("the first until {day}", day=w.day(dues[0]))


def _returning(w: Words, kiosk: s.Kiosk, base: Screen, visit: s.Returning) -> Screen:
    rows = _sorted(tuple(row_view(w, kiosk, row) for row in visit.rows))
    back = sum(isinstance(row.stage, s.Returned | s.HandIn) for row in visit.rows)
    buttons: tuple[Button, ...] = (Button("finish", w.say("Finish"), "check", style="main"),)
    if isinstance(visit.mood, s.Leaving):
        buttons = ()
    elif any(isinstance(row.stage, s.Undecided) for row in visit.rows):
        buttons = (*buttons, Button("return", w.say("Return all of these"), "undo-2"))
    return replace(
        base, name="returning", headline=w.say("Returning"), picture="" if rows else "return",
        lead=w.say("Lay the books on the pad. You need no card."),
        number=back if rows else None, number_words=w.count("is returned", "are returned", back),
        rows=rows, notices=_conditions(w, kiosk) + _strangers(w, kiosk), buttons=buttons,
    )  # fmt: skip


def _goodbye(w: Words, kiosk: s.Kiosk, base: Screen, visit: s.Goodbye) -> Screen:
    notices = []
    if visit.to_staff:
        text = w.count(
            "Please show one book to the staff before you go.",
            "Please show {n} books to the staff before you go.",
            visit.to_staff,
        )
        notices.append(Notice("look", text))
    if kiosk.card_lies:
        notices.append(Notice("look", w.say("Please do not forget your card.")))
    notices += receipt_notice(w, kiosk, visit)
    lent = visit.lent > 0
    number = visit.lent or visit.returned
    thing = w.count("book is yours", "books are yours", number)
    back = w.count("book is returned", "books are returned", number)
    return replace(
        base, name="goodbye", headline=w.say("Thank you"), number=number,
        number_words=thing if lent else back, stamp=_until(w, visit.dues),
        lead=w.say("Enjoy reading.") if lent else w.say("See you soon."), notices=tuple(notices),
        buttons=receipt_buttons(w, kiosk, visit),
    )  # fmt: skip


def _dialog(w: Words, kiosk: s.Kiosk, at: float) -> Dialog | None:
    left = seconds_left(kiosk, at)
    if left is not None:
        return Dialog(
            "warning", w.say("Are you still there?"),
            (w.say("Everything on this screen will be put away soon. What is yours stays yours."),),
            (
                Button("more-time", w.say("I need more time"), "timer", style="main"),
                Button("finish", w.say("Finish"), "check"),
            ),
            seconds=math.ceil(left),
        )  # fmt: skip
    visit = kiosk.visit
    if isinstance(visit, s.Listing) and isinstance(visit.mood, s.Choosing):
        return _locked(w, visit)
    return _help(w, kiosk) if kiosk.help_open else None


def _locked(w: Words, visit: s.Listing) -> Dialog:
    away = [(row, row.stage.job) for row in visit.rows if isinstance(row.stage, s.Away)]
    locked = tuple(name_of(w, row) for row, job in away if is_locked(job))
    back = Button("put-back", w.say("I will put it back"), "undo-2", style="main")
    if not locked:
        return Dialog(
            "locked", w.say("This is not finished"), (w.say("Put it back on the pad for a moment."),),
            (back, Button("finish", w.say("Go on without"), "check")),
            tuple(name_of(w, row) for row, _ in away),
        )  # fmt: skip
    return Dialog(
        "locked", w.say("This is still locked"),
        (w.say("It would set off the gate. Put it back on the pad for a moment, or leave it here."),),
        (back, Button("finish", w.say("I leave it here"), "check")), locked,
    )  # fmt: skip


def _help(w: Words, kiosk: s.Kiosk) -> Dialog:
    return Dialog(
        "help",
        w.say("Help"),
        (
            help_to_borrow(w, kiosk.conditions),
            w.say("To return: lay the books on the pad. You need no card."),
            w.say("A book does not appear? Spread the pile a little, or turn it over."),
            w.say("The staff at the desk are glad to help."),
        ),
        (Button("help", w.say("Close"), "x", "off", style="main"),),
    )
