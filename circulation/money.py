"""Amounts: integers in the minor unit of one currency (cents), so that nothing is ever rounded.

In settings an amount is a decimal text ("0.20"), as it stands on a library's list of prices. A bare number is
refused there: `block_at = 10` could mean ten euros or ten cents, and a factor of one hundred in a fine is
found by patrons first.
"""

import re
from typing import Annotated, Final

from pydantic import Field

# fmt: off
_WHOLE: Final = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
    "XAF", "XOF", "XPF",
)
_THOUSANDTHS: Final = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
# fmt: on
EXPONENTS: Final[dict[str, int]] = dict.fromkeys(_WHOLE, 0) | dict.fromkeys(_THOUSANDTHS, 3)
"""Decimals of the currencies whose minor unit is not a hundredth (ISO 4217, list one, "minor unit").

Units of account that nobody pays with (CLF, UYW: four decimals) are left out.
"""

AMOUNT: Final = r"^[0-9]{1,9}(\.[0-9]{1,3})?$"
"""How an amount is written in settings."""

Amount = Annotated[str, Field(pattern=AMOUNT)]
"""An amount in settings: a decimal text without sign or currency."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""A currency's three letters (ISO 4217)."""


def exponent(currency: str) -> int:
    """Return how many decimals the minor unit of a currency has: 2 but for those in `EXPONENTS`."""
    return EXPONENTS.get(currency, 2)


def minor(amount: str, currency: str) -> int:
    """Return a decimal text in minor units of the currency.

    Raises ValueError when it is no amount, or holds a fraction of a minor unit.
    """
    if re.match(AMOUNT, amount) is None or amount.endswith("\n"):
        raise ValueError(f"{amount!r} is no amount; write it like 0.20")
    places = exponent(currency)
    whole, _, decimals = amount.partition(".")
    if decimals[places:].strip("0"):
        raise ValueError(f"{amount} has more decimals than {currency} has ({places})")
    return int(whole + decimals[:places].ljust(places, "0"))


def decimal(amount: int, currency: str) -> str:
    """Return minor units as a decimal text with all of the currency's decimals, as SIP2's BV shows it."""
    places = exponent(currency)
    sign, digits = "-" if amount < 0 else "", str(abs(amount)).rjust(places + 1, "0")
    return f"{sign}{digits}" if places == 0 else f"{sign}{digits[:-places]}.{digits[-places:]}"
