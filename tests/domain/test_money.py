"""Amounts: exact, finite, with their own currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.money import Money, NotMoney, amount, currency, plain, total


@pytest.mark.parametrize(
    ("value", "exact"), [("0.1", "0.1"), (7, "7"), (Decimal("1.10"), "1.10"), ("-3.005", "-3.005")]
)
def test_an_amount_is_exactly_its_text(value, exact):
    """No digit is lost or added."""
    assert str(amount(value)) == exact


@pytest.mark.parametrize(
    "value",
    [0.1, True, None, "", "ten", "NaN", "Infinity", "-Infinity", "sNaN", "1e400", 10**12, "-1000000000000", [], {}],
)
def test_what_is_no_amount_is_refused(value):
    """Floats, booleans, words, what is not finite and what is out of range are no money."""
    with pytest.raises(NotMoney):
        amount(value)


@pytest.mark.parametrize("value", ["", "EU", "EURO", "12A", "€UR", None, 978])
def test_what_is_no_currency_is_refused(value):
    """Only three letters name a currency."""
    with pytest.raises(NotMoney):
        currency(value)


def test_a_currency_is_written_in_capitals():
    """Small letters are taken."""
    assert currency("eur") == "EUR"


def test_two_currencies_are_never_added():
    """A sum over two currencies is an error, within one it is exact."""
    assert Money(Decimal("0.1"), "EUR") + Money(Decimal("0.2"), "EUR") == Money(Decimal("0.3"), "EUR")
    with pytest.raises(NotMoney, match="EUR and USD"):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "USD")


@pytest.mark.parametrize(("code", "half"), [("EUR", "0.005"), ("JPY", "0.5"), ("KWD", "0.0005"), ("ISK", "0.5")])
def test_the_tolerance_follows_the_currency(code, half):
    """Half of the smallest unit: yen have no cents, dinars have a thousand."""
    assert Money(Decimal(1), code).half_minor_unit == Decimal(half)


@pytest.mark.parametrize(
    ("number", "text"), [("7.5", "7.50"), ("7", "7.00"), ("1E+3", "1000.00"), ("0.005", "0.005"), ("-0.1", "-0.10")]
)
def test_an_amount_is_written_without_exponent(number, text):
    """Two digits at least, more where there are more."""
    assert plain(Decimal(number)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**11), max_value=10**11))
def test_written_amounts_read_the_same(number):
    """What is written is what was meant, for every amount."""
    assert amount(plain(number)) == number


def test_the_sum_of_nothing_is_nothing():
    """Sums are exact and begin at 0."""
    assert [total([]), total([Decimal("0.1")] * 3)] == [Decimal(0), Decimal("0.3")]


ISO_4217 = {
    "0.5": "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    "0.0005": "BHD IQD JOD KWD LYD OMR TND",
    "0.005": "EUR USD GBP CHF HUF CZK PLN NOK SEK DKK AUD",
}


@pytest.mark.parametrize(("half", "codes"), ISO_4217.items(), ids=ISO_4217)
def test_minor_units_are_those_of_iso_4217(half, codes):
    """Every currency without cents, every one with a thousand, and all others with a hundred."""
    assert {Money(Decimal(1), code).half_minor_unit for code in codes.split()} == {Decimal(half)}


def test_an_amount_has_an_end():
    """The finest digits that are taken are said; a text of endless zeros is no amount."""
    assert amount("1E-200") == Decimal("1E-200")
    for endless in ("1E-201", "1E-400", "0." + "0" * 5000 + "1"):
        with pytest.raises(NotMoney):
            amount(endless)


def test_letters_that_only_look_like_a_currency_are_refused():
    """A Cyrillic letter makes no euro."""
    with pytest.raises(NotMoney):
        currency("\u0415UR")
