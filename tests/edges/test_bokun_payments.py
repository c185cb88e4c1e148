"""What a booking shows about its payments."""

from decimal import Decimal

import pytest
from bokun_samples import AGENT, BANK, DEPOSIT, RESOLD, VIATOR, WEBSITE, edited, put, search_items

from worker.bokun.mapping import to_booking
from worker.bokun.payments import bank_payment, paid, refunded
from worker.domain.money import Money


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *[(kind, True) for kind in ("PAID_IN_FULL", "OVERPAID", "GIFT_CARD")],
        *[(kind, False) for kind in ("DEPOSIT", "FREE", "NOT_PAID", "REFUND", "INVOICED", None, 7, "paid_in_full")],
    ],
)
def test_paid_by_type(kind, expected):
    """Three payment types say that a booking is paid; the others leave it to what is open."""
    assert edited(DEPOSIT, put(paymentType=kind)).paid is expected


@pytest.mark.parametrize(
    ("price", "due", "expected"),
    [
        (520, 0, True),
        (520, -1, True),
        (520, Decimal("0.01"), False),
        (0, 0, False),
        (520, None, False),
        (None, 0, False),
    ],
)
def test_nothing_open(price, due, expected):
    """A booking is paid where nothing is open of a price that was to pay."""
    assert paid({"paymentType": "INVOICED", "totalPrice": price, "totalDue": due}) is expected


def test_bank_payment():
    """The booking's type or one payment of a bank type makes it a bank payment."""
    card, bank = {"paymentType": "WEB_PAYMENT"}, {"paymentType": "BANK_TRANSFER"}
    cases = [("INVOICED", [card]), ("NOT_PAID", [card, bank]), ("NOT_PAID", [card]), ("NOT_PAID", "x"), (None, [None])]
    found = [bank_payment({"paymentType": kind, "customerPayments": each}, types=BANK) for kind, each in cases]
    assert found == [True, True, False, False, False]


def test_own_bank_types():
    """Which types count as bank payment is a setting."""
    kinds = [frozenset({"WEB_PAYMENT"}), frozenset({"CASH"}), frozenset()]
    item = search_items()[19]  # paid by card, seen on the customer invoice of the search item
    assert [to_booking(item, bank_payment_types=kind).bank_payment for kind in kinds] == [True, False, False]


@pytest.mark.parametrize("name", [WEBSITE, DEPOSIT, AGENT, RESOLD, VIATOR])
def test_no_refund(name):
    """No real sample shows money going back."""
    assert edited(name).refunded is None


@pytest.mark.parametrize(
    ("payments", "back"),
    [
        ([("156", "156")], "156.00 EUR"),
        ([("156", "0"), ("-56", "0")], "56.00 EUR"),
        ([("156", "56"), ("-56", "0")], "56.00 EUR"),
        ([("100", "10"), ("50", "20.5")], "30.50 EUR"),
        ([("x", "y")], "None"),
    ],
)
def test_refunded(payments, back):
    """What went back is noted on payments, or is negative payments, or the same money shown both ways."""
    listed = [{"amount": amount, "totalRefundedAmount": noted, "currency": "EUR"} for amount, noted in payments]
    assert str(refunded({"customerPayments": listed})) == back


def test_refund_in_a_search_item():
    """A search item shows its payments on the customer invoice."""
    payment = {"amount": 5, "totalRefundedAmount": 5, "currency": "EUR"}
    assert refunded({"customerInvoice": {"payments": [payment]}}) == Money(Decimal(5), "EUR")
