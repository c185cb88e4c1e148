"""What changes the fingerprint of a booking and what does not."""

from decimal import Decimal

import pytest
from bokun_samples import AGENT, DEPOSIT, LINE, RESOLD, TOUR, VIATOR, WEBSITE, at, edited, put, read, sample, take


def dearer(payload):
    at(payload, *LINE)["totalDue"] += 1
    payload["invoice"]["totalDueAsMoney"]["amount"] += 1


def in_francs(payload):
    for part in (payload["invoice"], at(payload, *LINE), payload["invoice"]["totalDueAsMoney"]):
        part["currency"] = "CHF"


def swap(payload):
    payload["activityBookings"].reverse()
    payload["invoice"]["productInvoices"].reverse()


SAME = {
    "arrived": put(*TOUR, status="ARRIVED"),
    "paid": put(paymentType="PAID_IN_FULL", totalPaid=520, totalDue=0, customerPayments=[]),
    "invoice number": put("invoice", id=1, invoiceNumber="C-1", issueDate=1),
    "phone": put("invoice", "recipient", phoneNumber="+1", email="new@example.com"),
    "title": put(*TOUR, title="Renamed"),
    "note": put(*TOUR, notes=[{"body": "late"}]),
    "digits": put("invoice", "totalDueAsMoney", amount=Decimal("520.00")),
}
OTHER = {
    "cancelled": put(*TOUR, status="CANCELLED"),
    "date": put(*TOUR, startDateTime=1766500200000),
    "end": put(*TOUR, endDateTime=1766597400001),
    "product": put(*TOUR, productId=1),
    "rebooked": put(*TOUR, bookingId=1),
    "people": put(*TOUR, pricingCategoryBookings=[{"pricingCategoryId": 161601, "quantity": 2}]),
    "quantity": put(*LINE, quantity=2),
    "amount": dearer,
    "tax": put("invoice", totalTaxAsMoney={"amount": 1, "currency": "EUR"}),
    "line tax": put(*LINE, taxAsMoney={"amount": 1, "currency": "EUR"}),
    "currency": in_francs,
    "name": put("invoice", recipientName="Somebody Else"),
    "address": put("invoice", "recipient", address="Road 1"),
    "unreadable": take("invoice"),
}


@pytest.mark.parametrize("change", SAME)
def test_same(change):
    """What no document shows leaves the revision as it was: a payment, a check-in, a phone number, a title."""
    assert edited(DEPOSIT, SAME[change]).revision == read(sample(DEPOSIT)).revision


@pytest.mark.parametrize("change", OTHER)
def test_other(change):
    """What a document shows changes the revision: products, dates, quantities, amounts, taxes, currency, recipient."""
    assert edited(DEPOSIT, OTHER[change]).revision != read(sample(DEPOSIT)).revision


def test_order():
    """The order in which Bokun lists products and positions is no change."""
    assert edited(WEBSITE, swap).revision == read(sample(WEBSITE)).revision


def test_length():
    """A revision is 64 hexadecimal digits and differs between bookings."""
    revisions = {read(sample(name)).revision for name in (DEPOSIT, WEBSITE, AGENT, RESOLD, VIATOR)}
    assert len(revisions) == 5
    assert all(len(each) == 64 and int(each, 16) for each in revisions)
