"""What a booking shows about its payments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from worker.bokun.reading import Json, number, record, rows, text
from worker.domain.money import Money, NotMoney, currency

_PAID = frozenset({"PAID_IN_FULL", "OVERPAID", "GIFT_CARD"})
_NONE = Decimal(0)


def bank_payment(booking: Json, *, types: frozenset[str]) -> bool:
    """A payment, or the booking itself, is of a type that counts as bank payment."""
    return not types.isdisjoint({_payment_type(booking), *(_word(each, "paymentType") for each in _payments(booking))})


def paid(booking: Json) -> bool:
    """Paid by its payment type, or nothing is open where something was to pay."""
    price, due = number(booking.get("totalPrice")), number(booking.get("totalDue"))
    return _payment_type(booking) in _PAID or (price is not None and price > 0 and due is not None and due <= 0)


def refunded(booking: Json) -> Money | None:
    """What went back: as noted on the payments or as negative payments, whichever is more (bokun.md 3.7: either may be)."""
    noted: dict[str, Decimal] = defaultdict(Decimal)
    negative: dict[str, Decimal] = defaultdict(Decimal)
    for payment in _payments(booking):
        code = _currency(payment)
        noted[code] += number(payment.get("totalRefundedAmount")) or _NONE
        negative[code] += max(-(number(payment.get("amount")) or _NONE), _NONE)
    sums = [Money(max(noted[code], negative[code]), code) for code in sorted(noted) if code]
    return next((back for back in sums if back.amount > 0), None)


def _payments(booking: Json) -> Iterable[Json]:
    """The booking's payments; a search item has them on its customer invoice."""
    invoice = record(booking.get("invoice") or booking.get("customerInvoice"))
    return rows(booking.get("customerPayments")) or rows(invoice.get("payments"))


def _payment_type(booking: Json) -> str:
    return _word(booking, "paymentType") or _word(booking, "paymentStatus")


def _word(source: Json, name: str) -> str:
    return text(source.get(name)) or ""


def _currency(payment: Json) -> str:
    try:
        return currency(payment.get("currency"))
    except NotMoney:
        return ""
