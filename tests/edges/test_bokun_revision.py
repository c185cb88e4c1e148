"""What changes the fingerprint of a booking and what does not."""

from decimal import Decimal

import pytest
from bokun_samples import AGENT, DEPOSIT, RESOLD, VIATOR, WEBSITE, edited, product, read, sample


def line(payload):
    return payload["invoice"]["productInvoices"][0]["lineItems"][0]


def dearer(payload):
    line(payload)["totalDue"] += 1
    payload["invoice"]["totalDueAsMoney"]["amount"] += 1


def in_francs(payload):
    for part in (payload["invoice"], line(payload), payload["invoice"]["totalDueAsMoney"]):
        part["currency"] = "CHF"


def swap(payload):
    payload["activityBookings"].reverse()
    payload["invoice"]["productInvoices"].reverse()


SAME = {
    "arrived": lambda payload: product(payload).update(status="ARRIVED"),
    "paid": lambda payload: payload.update(paymentType="PAID_IN_FULL", totalPaid=520, totalDue=0, customerPayments=[]),
    "invoice number": lambda payload: payload["invoice"].update(id=1, invoiceNumber="C-1", issueDate=1),
    "phone": lambda payload: payload["invoice"]["recipient"].update(phoneNumber="+1", email="new@example.com"),
    "title": lambda payload: product(payload).update(title="Renamed"),
    "note": lambda payload: product(payload).update(notes=[{"body": "late"}]),
    "digits": lambda payload: payload["invoice"]["totalDueAsMoney"].update(amount=Decimal("520.00")),
}
OTHER = {
    "cancelled": lambda payload: product(payload).update(status="CANCELLED"),
    "date": lambda payload: product(payload).update(startDateTime=1766500200000),
    "end": lambda payload: product(payload).update(endDateTime=1766597400001),
    "product": lambda payload: product(payload).update(productId=1),
    "rebooked": lambda payload: product(payload).update(bookingId=1),
    "people": lambda payload: product(payload)["pricingCategoryBookings"].append(
        {"pricingCategoryId": 161601, "quantity": 1}
    ),
    "quantity": lambda payload: line(payload).update(quantity=2),
    "amount": dearer,
    "tax": lambda payload: payload["invoice"].update(totalTaxAsMoney={"amount": 1, "currency": "EUR"}),
    "line tax": lambda payload: line(payload).update(taxAsMoney={"amount": 1, "currency": "EUR"}),
    "currency": in_francs,
    "name": lambda payload: payload["invoice"].update(recipientName="Somebody Else"),
    "address": lambda payload: payload["invoice"]["recipient"].update(address="Road 1"),
    "unreadable": lambda payload: payload.pop("invoice"),
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
