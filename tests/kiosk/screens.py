"""Every screen of the kiosk, as a state that a real visit could be in. Titles are inventions of nobody's shelf."""

from dataclasses import replace
from datetime import date

from kiosk import visit_state as s
from wire.messages.stream import Refusal

DUE, LATER = date(2027, 5, 3), date(2027, 5, 10)
AT = 100.0


def _on(item: str, *, secured: bool = True, part: int = 1, parts: int = 1) -> s.OnPad:
    return s.OnPad(f"E004{item}{part}", s.Ours(item, secured, part, parts))


LENDING = s.Lending(
    "v1",
    "PAT-7001",
    "Greta",
    (
        s.Row("31001", s.Lent(DUE), "The Hobbit"),
        s.Row("31002", s.Lent(DUE), "Momo"),
        s.Row("31003", s.Lent(DUE), "Die unendliche Geschichte"),
        s.Row("31004", s.Asking(AT, "r4"), None),
    ),
    quiet_since=AT,
)
TROUBLE = replace(
    LENDING,
    rows=(
        s.Row("31001", s.Lent(DUE), "The Hobbit"),
        s.Row("31002", s.Lent(LATER, renewed=True), "Momo"),
        s.Row("31003", s.Away(s.Loan("r3", DUE)), "Die unendliche Geschichte"),
        s.Row("31005", s.Refused(Refusal(code="on-hold", next_step="desk")), "The Left Hand of Darkness"),
        s.Row("31006", s.Incomplete(), None),
    ),
)
EARLY = replace(
    LENDING,
    rows=(
        s.Row("31001", s.Lent(LATER, renewed=True), "The Hobbit"),
        s.Row("31002", s.Away(s.Loan("r2", LATER, renewed=True, locked=False)), "Momo"),
    ),
)
RETURNING = s.Returning(
    rows=(
        s.Row("31001", s.Returned(), "The Hobbit"),
        s.Row("31002", s.Returned(), "Momo"),
        s.Row("31003", s.HandIn(), "Die unendliche Geschichte"),
        s.Row("31004", s.Writing(s.Taken("c4")), "Dune"),
    ),
    quiet_since=AT,
)
SCANS = s.Conditions(reader=False, scanner=True)
PRINTS = s.Conditions(receipt="ready")
THANKS = s.Goodbye(AT, lent=3, dues=(DUE,), slip=(s.SlipLine("lent", "31001", "The Hobbit", DUE),))
SET_ON_PAD = (_on("31006", part=1, parts=3), _on("31006", part=2, parts=3))

SCREENS: dict[str, s.Kiosk] = {
    "attract": s.Kiosk(),
    "attract-books": s.Kiosk(pad=(_on("31001"), _on("31002"), _on("31003"))),
    "reading": s.Kiosk(visit=s.Greeting("v1", "PAT-7001", AT)),
    "lending-empty": s.Kiosk(visit=replace(LENDING, rows=())),
    "lending": s.Kiosk(visit=LENDING),
    "lending-trouble": s.Kiosk(visit=TROUBLE, pad=(*SET_ON_PAD, s.OnPad("E0049", s.Foreign()))),
    "locked": s.Kiosk(visit=replace(TROUBLE, mood=s.Choosing())),
    "not-finished": s.Kiosk(visit=replace(EARLY, mood=s.Choosing())),
    "lending-not-finished": s.Kiosk(visit=EARLY),
    "warning": s.Kiosk(visit=replace(LENDING, mood=s.Warned(AT - 2))),
    "returning": s.Kiosk(visit=RETURNING),
    "returning-empty": s.Kiosk(visit=s.Returning(everything=True, quiet_since=AT)),
    "goodbye": s.Kiosk(visit=s.Goodbye(AT, lent=3, dues=(DUE,)), card_lies=True),
    "goodbye-returns": s.Kiosk(visit=s.Goodbye(AT, returned=2, to_staff=1)),
    "barred": s.Kiosk(visit=s.Barred(Refusal(code="card-expired"), AT)),
    "returns-only": s.Kiosk(conditions=s.Conditions(lending=False)),
    "closed": s.Kiosk(conditions=s.Conditions(lending=False, returns=False)),
    "returns-only-needs-staff": s.Kiosk(conditions=s.Conditions(lending=False, room="little")),
    "closed-needs-staff": s.Kiosk(conditions=s.Conditions(lending=False, returns=False, room="none")),
    "pad-lost": s.Kiosk(conditions=s.Conditions(pad=False)),
    "reader-lost": s.Kiosk(conditions=s.Conditions(reader=False)),
    "help": s.Kiosk(help_open=True),
    "attract-scanner": s.Kiosk(conditions=s.Conditions(scanner=True)),
    "attract-scanner-only": s.Kiosk(conditions=SCANS),
    "unread-card": s.Kiosk(unread=s.Unread("silent", AT)),
    "unread-code": s.Kiosk(conditions=SCANS, unread=s.Unread("bad-scan", AT)),
    "unread-while-lending": s.Kiosk(visit=LENDING, unread=s.Unread("no-number", AT)),
    "goodbye-receipt": s.Kiosk(conditions=PRINTS, visit=THANKS),
    "goodbye-printing": s.Kiosk(conditions=PRINTS, visit=replace(THANKS, slip=(), printing="asked")),
    "goodbye-printed": s.Kiosk(conditions=PRINTS, visit=replace(THANKS, slip=(), printing="printed")),
    "goodbye-no-paper": s.Kiosk(conditions=PRINTS, visit=replace(THANKS, slip=(), printing="paper-out")),
}
