"""What is told to people on a terminal's screen (AF), in the language that the terminal asks for.

Sentences are few and short: a terminal shows one or two lines. A language that is not here is answered in
English, and the language code itself is echoed as it came.
"""

from collections.abc import Mapping

LANGUAGES = {"001": "en", "003": "de", "024": "en"}
"""SIP2's language codes that there are sentences for (3M SIP2 2.00, "language")."""

SENTENCES: dict[str, tuple[str, str]] = {
    "unknown-card": ("This card is not known here.", "Diese Karte ist hier nicht bekannt."),
    "card-expired": ("This card has expired.", "Diese Karte ist abgelaufen."),
    "card-blocked": ("This card is blocked.", "Diese Karte ist gesperrt."),
    "card-barred": ("This card is barred.", "Diese Karte ist gesperrt."),
    "card-lost": ("This card was reported lost.", "Diese Karte ist als verloren gemeldet."),
    "fees": ("Fees to pay: {owed} {currency}.", "Offene Gebühren: {owed} {currency}."),
    "too-many-overdue": ("Too many items are overdue.", "Zu viele Medien sind überfällig."),
    "limit-reached": ("You have as many items as you may.", "Sie haben so viele Medien wie erlaubt."),
    "hold-limit-reached": (
        "You have as many holds as you may.",
        "Sie haben so viele Vormerkungen wie erlaubt.",
    ),
    "wrong-pin": ("Card or PIN is not right.", "Karte oder PIN stimmt nicht."),
    "too-many-tries": ("Too many wrong PINs. Try again later.", "Zu viele falsche PINs. Bitte später."),
    "item-unknown": ("This item is not known here.", "Dieses Medium ist hier nicht bekannt."),
    "item-not-for-loan": ("This item is not for loan.", "Dieses Medium ist nicht ausleihbar."),
    "on-loan-elsewhere": ("This item is lent to somebody else.", "Dieses Medium ist anders verliehen."),
    "on-hold-for-another": (
        "This item is reserved for somebody else.",
        "Dieses Medium ist für jemand anderen vorgemerkt.",
    ),
    "not-on-loan": ("This item is not on your card.", "Dieses Medium ist nicht auf Ihrer Karte."),
    "renewals-used": ("It cannot be renewed again.", "Es kann nicht noch einmal verlängert werden."),
    "renewal-not-allowed": ("You have this item already.", "Sie haben dieses Medium schon."),
    "fee-to-acknowledge": ("It costs {fee} {currency}. Agree?", "Es kostet {fee} {currency}. Einverstanden?"),
    "fine": ("A fine was charged: {fine} {currency}.", "Versäumnisgebühr: {fine} {currency}."),
    "hold-here": ("Reserved: to the hold shelf.", "Vorgemerkt: ins Abholregal."),
    "hold-elsewhere": ("Reserved: send it to {branch}.", "Vorgemerkt: weiter nach {branch}."),
    "transit": ("Send it to {branch}.", "Weiter nach {branch}."),
    "other": ("Please give it to staff.", "Bitte dem Personal geben."),
    "not-lent": ("It was not lent.", "Es war nicht verliehen."),
    "hold-unknown": ("There is no such hold.", "Diese Vormerkung gibt es nicht."),
    "not-holdable": ("This cannot be reserved.", "Das kann nicht vorgemerkt werden."),
    "already-held": ("You have reserved this already.", "Das haben Sie schon vorgemerkt."),
    "already-on-loan-to-you": ("You have this item already.", "Sie haben dieses Medium schon."),
    "no-pickup-there": ("It cannot be collected there.", "Dort kann es nicht abgeholt werden."),
    "expiry-past": ("That day is over.", "Dieser Tag ist vorbei."),
    "expiry-unread": ("That day cannot be read.", "Dieser Tag ist nicht lesbar."),
    "title-unknown": ("This title is not known here.", "Dieser Titel ist hier nicht bekannt."),
    "nothing-owed": ("There is nothing to pay.", "Es ist nichts zu zahlen."),
    "too-much": ("That is more than is owed.", "Das ist mehr, als offen ist."),
    "unknown-fee": ("There is no such fee.", "Diese Gebühr gibt es nicht."),
    "amount-not-positive": ("That is no amount.", "Das ist kein Betrag."),
    "wrong-currency": ("Amounts are in {currency} here.", "Beträge sind hier in {currency}."),
    "left-the-pad": ("It is not there any more.", "Es liegt nicht mehr da."),
    "log-in-first": ("This terminal is not logged in.", "Dieses Terminal ist nicht angemeldet."),
    "not-offered": ("This terminal may not do that.", "Dieses Terminal darf das nicht."),
    "unreadable": ("The request was not complete.", "Die Anfrage war unvollständig."),
    "internal-error": ("Something went wrong. Please ask staff.", "Etwas ging schief. Bitte fragen Sie."),
    "not-possible-now": ("It is not possible now. Try later.", "Das geht jetzt nicht. Bitte später."),
}
"""Code of a refusal or a block -> English, German."""
ELSE = ("Please ask staff.", "Bitte fragen Sie das Personal.")
"""Said of a code that is not here."""


def sentence(code: str, language: str = "en", params: Mapping[str, str | int] | None = None) -> str:
    """Return the sentence for a code; a parameter that was not told leaves it without its end."""
    text = SENTENCES.get(code, ELSE)[language == "de"]
    if "{" not in text:
        return text
    try:
        return text.format_map(params or {})
    except KeyError:
        return text.partition("{")[0].rstrip(" :") + "."
