"""Amounts with their own currency, exact from the text they came in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# ISO 4217 minor units that are not 2; what is not listed has two digits.
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_LARGEST = Decimal(10) ** 12
_FINEST = -200


class NotMoney(ValueError):
    """A value that is no finite amount below 10^12, or a currency that is no three-letter code."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency; adding two currencies is an error."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise NotMoney(f"{self.currency} and {other.currency} cannot be added")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.currency}"

    @property
    def half_minor_unit(self) -> Decimal:
        """Half of the currency's smallest unit: the tolerance of sums (behaviour 5)."""
        return Decimal(5).scaleb(-_DIGITS.get(self.currency, 2) - 1)


def amount(value: object) -> Decimal:
    """The exact amount in a JSON number or text; NotMoney for anything else, floats included."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise NotMoney(f"no amount: {type(value).__name__}")
    try:
        number = Decimal(value)
    except InvalidOperation as wrong:
        raise NotMoney("no amount: not a number") from wrong
    if not number.is_finite() or abs(number) >= _LARGEST or int(number.as_tuple().exponent) < _FINEST:
        raise NotMoney("no amount: out of range")
    return number


def currency(value: object) -> str:
    """A three-letter currency code in capitals; NotMoney for anything else."""
    if not isinstance(value, str) or len(value) != 3 or not (value.isascii() and value.isalpha()):
        raise NotMoney("no currency code")
    return value.upper()


def plain(number: Decimal) -> str:
    """The amount as decimal text without exponent, two digits at least: 7.5 is 7.50."""
    text = format(number, "f")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum, 0 for nothing."""
    return sum(amounts, Decimal(0))
