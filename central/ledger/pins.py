"""PINs: only a salted scrypt hash is kept, and a PIN itself is compared and dropped."""

import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1


def seal(pin: str) -> str:
    """Return what is stored of a PIN."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${salt.hex()}${_hash(pin, salt, _N).hex()}"


def fits(pin: str, sealed: str) -> bool:
    """Say whether a PIN is the one that was sealed."""
    _, n, salt, expected = sealed.split("$")
    return hmac.compare_digest(_hash(pin, bytes.fromhex(salt), int(n)), bytes.fromhex(expected))


def _hash(pin: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=_R, p=_P, dklen=32)
