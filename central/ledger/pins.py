"""PINs: only a salted hash is kept, and a PIN itself is compared and dropped.

What is sealed here is hashed by scrypt (RFC 7914). A bcrypt hash of another system (Koha's) is kept as it is:
patrons keep their PINs when their library moves.
"""

import hashlib
import hmac
import re
import secrets

_N, _R, _P = 2**14, 8, 1
_SEALED = re.compile(r"scrypt\$(?:[248]|[1-9][0-9]{1,5})\$[0-9a-f]{32}\$[0-9a-f]{64}", re.ASCII)
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}", re.ASCII)
"""Costs of 4 to 14, that is up to about a second; Koha's is 8."""
_BCRYPT_MOST = 72
"""Bytes of a secret that bcrypt looks at; what is longer fits none."""


def seal(pin: str, *, n: int = _N) -> str:
    """Return what is stored of a PIN. A smaller cost `n`, a power of two, is for copies thrown away soon."""
    salt = secrets.token_bytes(16)
    return f"scrypt${n}${salt.hex()}${_hash(pin, salt, n).hex()}"


def is_sealed(text: str) -> bool:
    """Say whether a text is the hash of a PIN that `fits` can compare."""
    if _BCRYPT.fullmatch(text) is not None:
        return True
    if _SEALED.fullmatch(text) is None:
        return False
    n = int(text.split("$")[1])
    return n & (n - 1) == 0 and n <= _N


def fits(pin: str, sealed: str) -> bool:
    """Say whether a PIN is the one that was sealed."""
    if sealed.startswith("$2"):
        return _fits_bcrypt(pin.encode(), sealed.encode())
    _, n, salt, expected = sealed.split("$")
    return hmac.compare_digest(_hash(pin, bytes.fromhex(salt), int(n)), bytes.fromhex(expected))


def right(pin: str, sealed: str | None, *, of_none: bool) -> bool:
    """Say whether a PIN is its patron's. Of one who has none an empty one is, and with `of_none` any."""
    return fits(pin, sealed) if sealed is not None else of_none or not pin


def _fits_bcrypt(pin: bytes, sealed: bytes) -> bool:
    import bcrypt

    return len(pin) <= _BCRYPT_MOST and b"\0" not in pin and bcrypt.checkpw(pin, sealed)


def _hash(pin: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=_R, p=_P, dklen=32)
