"""PINs: only a salted scrypt hash is kept, and a PIN itself is compared and dropped."""

import hashlib
import hmac
import re
import secrets

_N, _R, _P = 2**14, 8, 1
_SEALED = re.compile(r"scrypt\$(?:[248]|[1-9][0-9]{1,5})\$[0-9a-f]{32}\$[0-9a-f]{64}", re.ASCII)


def seal(pin: str, *, n: int = _N) -> str:
    """Return what is stored of a PIN. A smaller cost `n`, a power of two, is for copies thrown away soon."""
    salt = secrets.token_bytes(16)
    return f"scrypt${n}${salt.hex()}${_hash(pin, salt, n).hex()}"


def is_sealed(text: str) -> bool:
    """Say whether a text is a PIN as `seal` returns it."""
    if _SEALED.fullmatch(text) is None:
        return False
    n = int(text.split("$")[1])
    return n & (n - 1) == 0 and n <= _N


def fits(pin: str, sealed: str) -> bool:
    """Say whether a PIN is the one that was sealed."""
    _, n, salt, expected = sealed.split("$")
    return hmac.compare_digest(_hash(pin, bytes.fromhex(salt), int(n)), bytes.fromhex(expected))


def _hash(pin: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=_R, p=_P, dklen=32)
