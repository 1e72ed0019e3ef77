"""Amounts are whole minor units, and are read and written without loss."""

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from circulation.money import EXPONENTS, decimal, exponent, minor

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "NOK"])


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("0", "EUR", 0),
        ("0.2", "EUR", 20),
        ("0.20", "EUR", 20),
        ("0.200", "EUR", 20),
        ("12", "EUR", 1200),
        ("007.05", "EUR", 705),
        ("150", "JPY", 150),
        ("150.00", "JPY", 150),
        ("0.250", "KWD", 250),
        ("1.5", "KWD", 1500),
    ],
)
def test_an_amount_in_settings_is_so_many_minor_units(text: str, currency: str, amount: int) -> None:
    assert amount == minor(text, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("0.205", "EUR"),
        ("0.5", "JPY"),
        ("0.0001", "KWD"),
        ("", "EUR"),
        ("-1", "EUR"),
        ("+1", "EUR"),
        (".5", "EUR"),
        ("5.", "EUR"),
        ("1,50", "EUR"),
        ("1e3", "EUR"),
        ("10 EUR", "EUR"),
        ("1\n", "EUR"),
        ("٣", "EUR"),
    ],
)
def test_what_is_no_amount_or_has_no_coin_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        minor(text, currency)


@given(st.integers(0, 10**9 - 1), CURRENCIES)
def test_an_amount_that_is_written_is_read_as_the_same(amount: int, currency: str) -> None:
    assert amount == minor(decimal(amount, currency), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(0, "EUR", "0.00"), (5, "EUR", "0.05"), (-5, "EUR", "-0.05"), (150, "JPY", "150"), (7, "KWD", "0.007")],
)
def test_an_amount_is_shown_with_all_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert text == decimal(amount, currency)


OTHERS = ["EUR", "DKK", "USD", "GBP", "CHF", "SEK", "PLN", "CZK"]


@pytest.mark.parametrize("currency", [*sorted(EXPONENTS.keys() - {"IQD"}), *OTHERS])
def test_decimals_agree_with_what_unicode_knows_of_currencies(currency: str) -> None:
    assert get_currency_precision(currency) == exponent(currency)


def test_dinars_of_iraq_have_thousandths_although_nobody_writes_them() -> None:
    """ISO 4217 says 3; CLDR says what people write."""
    assert (exponent("IQD"), get_currency_precision("IQD")) == (3, 0)
