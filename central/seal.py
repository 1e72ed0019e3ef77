"""Sealing: a station keeps whom it lent to only as something that central alone can read (design §4).

An answer brings the card of its request along, sealed; the station puts that in the place of the number it
had written down. Weeks of loans on the disk of a kiosk then name nobody. When a restored ledger hears of the
request again, the sealed card is opened here.

AES-SIV (RFC 5297) with a key of the ledger's own, which travels with its backups. The request's id is bound
in: a sealed card is good for that one request, and a repeated answer says the same.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from wire.ids import SEALED

KEY = 64


def new_key() -> str:
    """Return a new key as it is kept in the ledger, in hexadecimal digits."""
    return secrets.token_hex(KEY)


class Seal:
    """Seals and opens cards with one ledger's key."""

    def __init__(self, key: str) -> None:
        self._aead = AESSIV(bytes.fromhex(key))

    def close(self, card: str, request: str) -> str:
        """Return a card sealed for one request; one that is sealed stays as it is."""
        if card.startswith(SEALED):
            return card
        box = self._aead.encrypt(card.encode(), [request.encode()])
        return SEALED + urlsafe_b64encode(box).decode().rstrip("=")

    def open(self, card: str, request: str) -> str:
        """Return the card itself; what is not sealed, or by another ledger, or for another request, stays."""
        if not card.startswith(SEALED):
            return card
        text = card.removeprefix(SEALED)
        try:
            box = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return self._aead.decrypt(box, [request.encode()]).decode()
        except (InvalidTag, NotBase64, ValueError):
            return card
