"""Asking or telling is decided per connection; what changed, was cancelled or paid back is named with its money."""

from decimal import Decimal

import pytest

from worker.flow.explain import explain
from worker.flow.overview import booking_records
from worker.sandbox import bookings
from worker.store import connections

ASKS, TELLS = 9_000_001, 9_000_002


@pytest.fixture
def two(house):
    """Two sellers with one invoiced sale each; the second connection has words of its own for ON_CHANGE and ON_CANCEL."""
    house.sandbox.add_account("other", "other-secret")
    house.sandbox.connect("First")
    other = house.sandbox.connect("Second", account="other")
    house.mirror()
    with house.services.database.transaction() as open_:
        connections.change(open_, other["id"], access_key="other", secret_key="other-secret")
    house.sandbox.book(bookings.own_sale(ASKS, house.clock(), total="100.00"))
    house.sandbox.book(bookings.own_sale(TELLS, house.clock(), total="100.00"), account="other")
    house.drain(2)
    assert len(house.documents) == 2
    return house


def own(house, **said):
    [_, other] = house.sandbox.connections
    with house.services.database.transaction() as open_:
        connections.change(open_, other["id"], **said)


def told(house):
    """Moment and booking of each delivery after the first documents."""
    booking = {each["id"]: each["booking_id"] for each in deliveries(house)}
    return [(each["moment"], booking[each["id"]]) for each in deliveries(house) if each["moment"] != "received"]


def deliveries(house):
    return [each for record in booking_records(house.services) for each in record["deliveries"]]


@pytest.mark.parametrize(
    ("setting", "wish", "moment"),
    [("on_change", {"reprice": "80.00"}, "changed"), ("on_cancel", {"cancel": True}, "cancelled")],
)
@pytest.mark.parametrize(("general", "of_one", "who"), [("ask", "tell", TELLS), ("tell", "ask", ASKS)])
def test_a_connection_has_its_own_word(two, setting, wish, moment, general, of_one, who):
    """Whatever the setting says for all, one connection may be told otherwise; Space Invoices hears of that one only."""
    there = two.with_terms(**{setting: general})
    own(there, **{setting: of_one})
    for booking in (ASKS, TELLS):
        there.sandbox.change(booking, **wish)
    there.later(minutes=5)
    there.settle_down()
    asked = [each["booking_id"] for each in booking_records(there.services, state="ask")]
    assert (told(there), asked) == ([(moment, who)], [ASKS if who == TELLS else TELLS])
    assert there.posts == 3


def test_without_a_word_of_its_own_the_setting_counts(two):
    """A connection that says nothing follows ON_CHANGE, also when that is changed."""
    there = two.with_terms(on_change="tell")
    there.sandbox.change(TELLS, reprice="80.00")
    there.later(minutes=5)
    assert told(there) == [("changed", TELLS)]


def test_money_that_went_back_is_named_with_its_amount(two):
    """A refund in Bokun stands in explain and in the list with its amount; nothing is sent because of it."""
    [payment, *_] = two.sandbox.booking(ASKS)["customerPayments"]
    payment["totalRefundedAmount"] = Decimal("20.00")
    two.sandbox.change(ASKS, fields={"customerPayments": [payment]})
    two.later(minutes=5)
    [story] = explain(two.services, str(ASKS))
    [sentence] = story.record["since_document"]
    assert sentence.startswith("Bokun shows 20.00 EUR paid back; the invoice ")
    assert (two.posts, [each["since_document"] for each in booking_records(two.services)].count([sentence])) == (2, 1)


def test_a_cancellation_with_a_refund_names_both(two):
    """Cancelled after the invoice and paid back: the standing amount and the refund are both named."""
    [payment, *_] = two.sandbox.booking(ASKS)["customerPayments"]
    payment["totalRefundedAmount"] = Decimal("100.00")
    two.sandbox.change(ASKS, cancel=True, fields={"customerPayments": [payment]})
    two.later(minutes=5)
    [story] = explain(two.services, str(ASKS))
    cancelled, refunded = story.record["since_document"]
    assert (cancelled.startswith("the booking was cancelled after the invoice "), "of 100.00 EUR" in cancelled) == (
        True,
        True,
    )
    assert refunded.startswith("Bokun shows 100.00 EUR paid back")
