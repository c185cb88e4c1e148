"""Bookings made from real payloads: their ids, dates, money and statuses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from worker.sandbox import bookings, changes
from worker.sandbox.exact import copy, dumps
from worker.sandbox.reading import Reading, amount, end, products, read

from .conftest import NOW

BANK = frozenset({"BANK_TRANSFER", "INVOICED"})
every_kind = pytest.mark.parametrize("build", bookings.KINDS.values(), ids=bookings.KINDS)


def invoices(booking):
    """Gives each invoice as its total and its lines."""
    parts = (booking.get("invoice") or {}).get("productInvoices", [])
    found = [(part, part["lineItems"]) for part in parts]
    if parts:
        found.append((booking["invoice"], [line for part in parts for line in part["lineItems"]]))
    if "agentInvoice" in booking:
        found.append((booking["agentInvoice"], booking["agentInvoice"]["lineItems"]))
    return found + [
        (p["sellerInvoice"], p["sellerInvoice"]["lineItems"]) for p in products(booking) if "invoice" not in p
    ]


@every_kind
@pytest.mark.parametrize("total", [None, "100.01", "0.05"])
def test_lines_add_up_to_their_total(build, total):
    """On every invoice of every kind the lines add up to the total, to the last cent."""
    booking = build(81_000_001, NOW, **({"total": total} if total else {}))
    sums = [sum(Decimal(line["totalDue"]) for line in lines) for _, lines in invoices(booking)]
    assert sums == [invoice["totalDueAsMoney"]["amount"] for invoice, _ in invoices(booking)]


@every_kind
def test_the_total_is_what_we_are_owed(build):
    """The total that is asked for is the total of the invoice that the document follows, in the same digits."""
    booking = build(81_000_001, NOW, total="77.70", currency="EUR")
    assert [str(part) for part in amount(booking)] == ["77.70", "EUR"]


@every_kind
def test_bookings_share_no_id(build):
    """Two bookings of one kind differ in every id of booking, products and invoices."""
    one, two = (build(number, NOW) for number in (81_000_001, 81_000_002))
    ids = [{booking["bookingId"], *(p["bookingId"] for p in products(booking))} for booking in (one, two)]
    numbers = [{invoice.get("id") for invoice, _ in invoices(booking)} for booking in (one, two)]
    assert (ids[0] & ids[1], numbers[0] & numbers[1]) == (set(), set())
    assert str(81_000_001) not in dumps(two)


@every_kind
def test_a_booking_carries_no_trace_of_its_template(build):
    """The numbers of the sample's own booking are gone."""
    text = dumps(build(81_000_001, NOW))
    samples = ("80198796", "80363961", "80368889", "80341291", "80381079")
    assert [number for number in samples if number in text] == []


@every_kind
def test_tours_are_local_wall_clock(build):
    """A tour that begins in two hours shows the local time of its place packed as if it were UTC."""
    product = next(products(build(81_000_001, NOW, starts_in=timedelta(hours=2))))
    shown = datetime.fromtimestamp(product["startDateTime"] / 1000, UTC)
    assert (f"{shown:%Y-%m-%d %H:%M}", product["startTime"]) == ("2025-07-01 16:00", "16:00")
    assert product["date"] == changes.instant(datetime(2025, 7, 1, tzinfo=UTC))


@every_kind
def test_the_last_tour_ends_when_it_should(build):
    """The last product ends at the true moment that is asked for."""
    booking = build(81_000_001, NOW, ends_in=timedelta(hours=-3))
    assert max(end(product, booking) for product in products(booking)) == NOW - timedelta(hours=3)


def test_the_creation_is_a_true_moment():
    """The creation date is UTC and no wall clock."""
    assert bookings.deposit(81_000_001, NOW)["creationDate"] == NOW.timestamp() * 1000


@pytest.mark.parametrize(
    ("build", "knobs", "facts"),
    [
        (bookings.own_sale, {}, ("confirmed", False, True, False)),
        (bookings.own_sale, {"paid": False}, ("confirmed", False, False, False)),
        (bookings.deposit, {}, ("confirmed", False, False, False)),
        (bookings.deposit, {"payment_type": "BANK_TRANSFER"}, ("confirmed", True, False, False)),
        (bookings.deposit, {"payment_type": "BANK_TRANSFER", "paid": True}, ("confirmed", True, True, False)),
        (bookings.deposit, {"payment_type": "BANK_TRANSFER", "paid": False}, ("confirmed", True, False, False)),
        (bookings.agent_sale, {}, ("confirmed", True, True, False)),
        (bookings.agent_sale, {"paid": False}, ("confirmed", True, False, False)),
        (bookings.resold, {}, ("confirmed", False, False, False)),
        (bookings.ota, {"ends_in": timedelta(days=-1)}, ("confirmed", False, False, True)),
        (bookings.own_sale, {"status": ("CANCELLED", "ARRIVED")}, ("confirmed", False, True, True)),
        (bookings.own_sale, {"status": "CANCELLED"}, ("cancelled", False, True, False)),
        (bookings.own_sale, {"status": ("CONFIRMED", "RESERVED")}, ("pending", False, True, False)),
        (bookings.own_sale, {"status": ("CONFIRMED", "ON_HOLD")}, ("unknown", False, True, False)),
        (bookings.own_sale, {"status": ("TIMEOUT", "ERROR")}, ("void", False, True, False)),
    ],
)
def test_knobs_make_the_facts(build, knobs, facts):
    """What a caller says about a booking is what the remote reads from it."""
    assert read(build(81_000_001, NOW, **knobs), NOW, BANK) == Reading(*facts)


def test_a_booking_without_products_is_unknown():
    """No product at all means that nobody can say what the booking is."""
    assert read({"activityBookings": []}, NOW, BANK).status == "unknown"


def changed(build, **wish):
    booking = build(81_000_001, NOW)
    changes.change(booking, NOW, wish)
    return booking


def test_a_repriced_paid_booking_is_paid_again():
    """A new price of a fully paid booking is paid too; the amount is the new one."""
    booking = changed(bookings.own_sale, reprice="60.00")
    facts = (booking["totalPaid"], booking["totalDue"], booking["paymentType"])
    assert (facts, amount(booking)) == ((Decimal("60.00"), Decimal(0), "PAID_IN_FULL"), (Decimal("60.00"), "EUR"))


def test_a_repriced_deposit_stays_a_deposit():
    """A new price leaves what was paid and changes what is open."""
    booking = changed(bookings.deposit, reprice="300.00")
    assert (booking["totalPaid"], booking["totalDue"], booking["paymentType"]) == (156, 144, "DEPOSIT")


def test_completing_ends_the_tour():
    """A completed booking is over."""
    assert read(changed(bookings.own_sale, complete=True), NOW, BANK).complete


def test_an_unwished_change_changes_nothing():
    """A wish that names nothing leaves the booking as it is."""
    booking = bookings.own_sale(81_000_001, NOW)
    before = copy(booking)
    changes.change(booking, NOW, {"cancel": False})
    assert booking == before


def test_a_booking_is_built_from_json():
    """A wish in JSON builds the same booking as the function of its kind."""
    wish = {"kind": "deposit", "booking_id": 81_000_001, "ends_in_hours": -1, "total": "9.90"}
    assert bookings.from_wish(wish, NOW) == bookings.deposit(81_000_001, NOW, ends_in=timedelta(hours=-1), total="9.90")
