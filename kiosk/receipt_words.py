"""What stands on a receipt, in the patron's language. Pure.

Never a name, never a card's number: receipts are left in books for the next reader. How much of an item is
said is the library's choice.
"""

from datetime import date

from firmware_bridge.receipt import Line, Receipt
from kiosk.config_patron import ReceiptSettings
from kiosk.visit_slip import Slip, SlipLine
from kiosk.words import Words


def receipt(w: Words, settings: ReceiptSettings, slip: Slip, today: date) -> Receipt:
    """Return the receipt of one visit; `today` is the day at the kiosk's place."""
    lines = [Line(text, bold=number == 0, align="center") for number, text in enumerate(settings.head)]
    lines += [Line(), Line(w.say("Receipt"), w.day(today) + f" {today.year}"), Line()]
    for title, kinds in (
        (w.say("Lent"), ("lent",)),
        (w.say("Renewed"), ("renewed",)),
        (w.say("Returned"), ("returned",)),
    ):
        lines += _part(w, settings, title, [one for one in slip if one.kind in kinds])
    lines += [Line(text, align="center") for text in settings.foot]
    return Receipt(tuple(lines))


def _part(w: Words, settings: ReceiptSettings, title: str, items: list[SlipLine]) -> list[Line]:
    if not items:
        return []
    head = Line(title, w.count("{n} item", "{n} items", len(items)), bold=True)
    if settings.items == "none":
        dues = sorted({one.due for one in items if one.due})
        return [head, *(Line(w.say("until {day}", day=w.day(due))) for due in dues), Line()]
    return [head, *(Line(_named(w, settings, one), _due(w, one)) for one in items), Line()]


def _named(w: Words, settings: ReceiptSettings, one: SlipLine) -> str:
    if settings.items == "title" and one.title:
        return one.title
    return w.say("Item with the number …{end}", end=one.item[-4:])


def _due(w: Words, one: SlipLine) -> str:
    return w.say("until {day}", day=w.day(one.due)) if one.due else ""
