"""The roads of a booking, from Bokun to the document that Space Invoices holds (behaviour 4 and 5)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import NOW
from worker.sandbox import bookings
from worker.store import tables

A, B = 9_000_001, 9_000_002
BY_BANK = {"paid": False, "payment_type": "BANK_TRANSFER"}


def book(house, id_=A, build=bookings.own_sale, **knobs):
    return house.sandbox.book(build(id_, house.clock(), **knobs))


def invoiced_elsewhere(house, connection, organization):
    """Somebody who is not us has an order of booking A with its invoice; returns the invoice's id."""
    world, owner = house.sandbox.world, {"organizationId": organization}
    invoice = world.documents.create(
        {"type": "invoice", "bookingId": A, "issuedAt": "2025-01-01T00:00:00.000Z", **owner}
    )
    order = {"bokunId": connection, "orderId": str(A), "invoiceId": invoice["id"], "estimateId": None, **owner}
    world.orders.create(order)
    return invoice["id"]


def test_a_sale_is_invoiced_on_arrival(house):
    """A confirmed booking gets one invoice of its amount, and its delivery ends confirmed."""
    house.sandbox.connect()
    book(house, total="120.50")
    house.drain(2)
    assert [(each["type"], each["bookingId"], each["total"]) for each in house.sandbox.documents] == [
        ("invoice", A, Decimal("120.50"))
    ]
    assert (house.deliveries, house.decisions) == ([("received", "invoice", "confirmed")], [("tell", "on-arrival")])


def test_the_confirmed_delivery_names_order_and_document(house):
    """What was found is kept: the order and the document that Space Invoices holds."""
    house.sandbox.connect()
    book(house)
    house.drain()
    [held] = house.sandbox.documents
    assert house.rows(tables.Delivery, "order_id", "document_id") == [(held["orderId"], held["id"])]


def test_the_order_carries_the_booking_and_our_mark(house):
    """The payload has the documented properties, Bokun's own members and the mark with exact amounts."""
    connection = house.sandbox.connect(name="Shop", custom={"theirs": 1}, locale="sl")
    book(house, total="99.90", code="SHOP-1")
    house.drain()
    [[payload]] = [each["payloads"] for each in house.sandbox.orders]
    mark = payload["custom"].pop("bokunSync")
    assert (payload["name"], payload["locale"], payload["organizationId"]) == (
        "Shop",
        "sl",
        connection["organizationId"],
    )
    assert (payload["custom"], payload["bookingId"], payload["confirmationCode"]) == ({"theirs": 1}, A, "SHOP-1")
    assert (mark["moment"], mark["document"], mark["rule"]) == ("received", "invoice", "on-arrival")
    assert (mark["bookingId"], mark["order"]["total"], mark["order"]["currency"]) == (A, "99.90", "EUR")


def test_nothing_new_is_done_for_a_booking_that_stays(house):
    """Drained again and again, hours later too, a settled booking costs no further order."""
    house.sandbox.connect()
    book(house)
    house.drain(3)
    house.later(hours=5)
    assert (house.posts, house.documents) == (1, [("invoice", A)])


def test_an_invoice_waits_for_the_end_and_the_clock_wakes_it(house):
    """With issueInvoiceOnComplete nothing is told before the end; then it is told without any notice."""
    house.sandbox.connect(issueInvoiceOnComplete=True)
    book(house, ends_in=timedelta(hours=5))
    house.drain()
    before = house.decisions, house.documents
    house.later(hours=5, minutes=1)
    assert before == ([("wait", "until-complete")], [])
    assert (house.deliveries, house.documents) == ([("completed", "invoice", "confirmed")], [("invoice", A)])


def test_checking_in_completes_a_booking_before_its_end(house):
    """A guest who arrived completes the booking now, by a notice."""
    house.sandbox.connect(issueInvoiceOnComplete=True)
    book(house)
    house.drain()
    house.sandbox.change(A, status="ARRIVED")
    house.later(minutes=5)
    assert (house.decisions, house.documents) == ([("tell", "complete")], [("invoice", A)])


def test_a_bank_payment_gets_an_estimate_and_its_invoice_when_paid(house):
    """The estimate goes out on arrival, the invoice when the money is there, each once."""
    house.sandbox.connect()
    book(house, **BY_BANK)
    house.drain()
    house.sandbox.change(A, pay=True, payment_type="BANK_TRANSFER")
    house.later(minutes=5)
    assert house.documents == [("estimate", A), ("invoice", A)]
    assert house.deliveries == [("received", "estimate", "confirmed"), ("paid", "invoice", "confirmed")]


def test_an_unpaid_bank_payment_is_invoiced_at_the_end(house):
    """Where the money does not come, the end of the booking brings the invoice, woken by the clock."""
    house.sandbox.connect()
    book(house, ends_in=timedelta(hours=5), **BY_BANK)
    house.drain()
    house.later(hours=6)
    assert house.documents == [("estimate", A), ("invoice", A)]
    assert house.deliveries == [("received", "estimate", "confirmed"), ("completed", "invoice", "confirmed")]


def test_a_bank_payment_is_invoiced_at_once_where_the_flag_says_so(house):
    """IssueInvoiceForBankPayment makes it an invoice on arrival."""
    house.sandbox.connect(issueInvoiceForBankPayment=True)
    book(house, **BY_BANK)
    house.drain()
    assert (house.decisions, house.documents) == ([("tell", "bank-invoice")], [("invoice", A)])


def test_a_pending_booking_waits_until_it_is_confirmed(house):
    """Nothing is told of a reservation; its confirmation brings the invoice."""
    house.sandbox.connect()
    book(house, status="RESERVED")
    house.drain()
    before = house.decisions, house.posts
    house.sandbox.change(A, status="CONFIRMED")
    house.later(minutes=5)
    assert (before, house.documents) == (([("wait", "not-confirmed")], 0), [("invoice", A)])


@pytest.mark.parametrize(("status", "rule"), [("CANCELLED", "cancelled-before-document"), ("ABORTED", "never-sold")])
def test_what_was_no_sale_is_skipped(house, status, rule):
    """A booking cancelled before its document, or that never became a sale, causes nothing."""
    house.sandbox.connect()
    book(house, status=status)
    house.drain()
    assert (house.decisions, house.posts) == ([("skip", rule)], 0)


def test_a_booking_cancelled_before_it_is_sent_is_never_sent(house):
    """A planned delivery gives way when the booking is cancelled before the call."""
    house.sandbox.connect()
    book(house)
    house.mirror()
    house.poll()
    house.plan()
    house.sandbox.change(A, cancel=True)
    house.later(minutes=1)
    assert (house.deliveries, house.posts) == ([("received", "invoice", "superseded")], 0)


def test_a_cancellation_after_the_invoice_asks_a_person(house):
    """The invoice stands, nothing is sent, and the decision is a question."""
    house.sandbox.connect()
    book(house)
    house.drain()
    house.sandbox.change(A, cancel=True)
    house.later(minutes=1)
    assert (house.decisions, house.posts) == ([("ask", "cancelled-after-document")], 1)


def test_a_cancellation_is_told_where_the_setting_says_so(house):
    """With ON_CANCEL=tell the order hears of it once, and its invoice is cancelled there."""
    house = house.with_terms(on_cancel="tell")
    house.sandbox.connect()
    book(house)
    house.drain()
    house.sandbox.change(A, cancel=True)
    house.later(minutes=1)
    house.drain(2)
    assert [(each["type"], each["cancelled"]) for each in house.sandbox.documents] == [("invoice", True)]
    assert house.deliveries == [("received", "invoice", "confirmed"), ("cancelled", "invoice", "confirmed")]


def test_a_change_after_the_invoice_asks_a_person(house):
    """Another amount after the invoice is a question, and nothing is sent."""
    house.sandbox.connect()
    book(house)
    house.drain()
    house.sandbox.change(A, reprice="77.00")
    house.later(minutes=1)
    assert (house.decisions, house.posts) == ([("ask", "changed-after-document")], 1)


def test_changes_are_told_where_the_setting_says_so(house):
    """With ON_CHANGE=tell each new revision is told once and corrects the one invoice."""
    house = house.with_terms(on_change="tell")
    house.sandbox.connect()
    book(house)
    house.drain()
    for total in ("77.00", "66.00"):
        house.sandbox.change(A, reprice=total)
        house.later(minutes=1)
        house.drain()
    [invoice] = house.sandbox.documents
    assert [str(each["total"]) for each in invoice["corrections"]] == ["77.00", "66.00"]
    assert [state for _, _, state in house.deliveries] == ["confirmed"] * 3


def test_a_change_that_goes_back_is_no_change(house):
    """A booking that is as its invoice says again asks nobody."""
    house.sandbox.connect()
    book(house)
    house.drain()
    original = house.sandbox.booking(A)
    house.sandbox.change(A, reprice="77.00")
    house.later(minutes=1)
    house.sandbox.book(original)
    house.later(minutes=1)
    assert (house.decisions, house.posts) == ([("skip", "already-invoiced")], 1)


def test_a_payment_or_an_arrival_is_no_change(house):
    """Neither a payment nor CONFIRMED to ARRIVED changes the revision of an invoiced booking."""
    house.sandbox.connect()
    book(house, paid=False)
    house.drain()
    for wish in ({"pay": True}, {"status": "ARRIVED"}):
        house.sandbox.change(A, **wish)
        house.later(minutes=1)
    assert (house.decisions, house.documents) == ([("skip", "already-invoiced")], [("invoice", A)])


def test_a_booking_from_before_the_start_is_skipped(house):
    """What was booked before START_FROM is decided, stored and never told."""
    house = house.with_terms(start_from=NOW - timedelta(days=1))
    house.sandbox.connect()
    book(house, created=NOW - timedelta(days=2))
    book(house, B, created=NOW)
    house.drain()
    assert (house.decisions, house.documents) == ([("skip", "before-start"), ("tell", "on-arrival")], [("invoice", B)])


def test_a_free_booking_needs_no_document(house):
    """An amount of 0 is skipped."""
    house.sandbox.connect()
    book(house, total="0.00")
    house.drain()
    assert (house.decisions, house.posts) == ([("skip", "nothing-to-invoice")], 0)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [({"creationDate": -1}, "unreadable"), ({"invoice": {}}, "unclear-amount")],
)
def test_a_booking_that_cannot_be_understood_asks_a_person(house, fields, rule):
    """It is never told, and its neighbour is."""
    house.sandbox.connect()
    book(house)
    house.sandbox.change(A, fields=fields)
    book(house, B)
    house.drain()
    assert (house.decisions, house.documents) == ([("ask", rule), ("tell", "on-arrival")], [("invoice", B)])


@pytest.mark.parametrize(
    ("build", "role"),
    [
        (bookings.own_sale, "customer"),
        (bookings.agent_sale, "agent"),
        (bookings.resold, "reseller"),
        (bookings.ota, "reseller"),
    ],
)
def test_the_document_is_made_out_to_whom_the_role_says(house, build, role):
    """Traveller, agent or reseller: the mark names the role, and the document has the role's amount."""
    house.sandbox.connect(issueInvoiceForBankPayment=True)
    book(house, build=build, total="88.00")
    house.drain()
    [[payload]] = [each["payloads"] for each in house.sandbox.orders]
    assert payload["custom"]["bokunSync"]["order"]["recipient"]["role"] == role
    assert [each["total"] for each in house.sandbox.documents] == [Decimal("88.00")]


def test_flags_that_change_while_a_booking_waits_decide_it_again(house):
    """Turning issueInvoiceOnComplete off in Space Invoices brings the waiting booking's invoice."""
    connection = house.sandbox.connect(issueInvoiceOnComplete=True)
    book(house)
    house.drain()
    house.sandbox.flags(connection["id"], issueInvoiceOnComplete=False)
    house.later(minutes=5)
    assert (house.decisions, house.documents) == ([("tell", "on-arrival")], [("invoice", A)])


def test_flags_that_change_before_the_call_replace_what_was_planned(house):
    """A planned estimate becomes an invoice when the flag changes before it is sent."""
    connection = house.sandbox.connect()
    book(house, **BY_BANK)
    house.mirror()
    house.poll()
    house.plan()
    house.sandbox.flags(connection["id"], issueInvoiceForBankPayment=True)
    house.later(minutes=5)
    assert house.deliveries == [("received", "estimate", "superseded"), ("received", "invoice", "confirmed")]
    assert house.documents == [("invoice", A)]


def test_flags_that_change_after_an_estimate_bring_its_invoice(house):
    """A booking whose estimate is out waits for what follows: the flag that calls for its invoice decides it again."""
    connection = house.sandbox.connect()
    book(house, **BY_BANK)
    house.drain(2)
    before = house.documents
    house.sandbox.flags(connection["id"], issueInvoiceForBankPayment=True)
    house.later(minutes=5)
    house.later(minutes=5)
    assert (before, house.documents) == ([("estimate", A)], [("estimate", A), ("invoice", A)])


def test_an_estimate_is_not_sent_after_another_connections_invoice(house):
    """Of two connections the one invoices first: the other's estimate is dropped, whatever would be made of it there."""
    house.sandbox.connect("invoices", issueInvoiceForBankPayment=True)
    second = house.sandbox.connect("estimates")["id"]
    book(house, **BY_BANK)
    house.mirror()
    house.poll()
    house.plan()
    house.sandbox.flags(second, issueInvoiceForBankPayment=True)
    house.deliver()
    house.reconcile()
    house.deliver()
    house.settle_down()
    assert house.documents == [("invoice", A)]
    assert house.deliveries == [("received", "invoice", "confirmed"), ("received", "estimate", "superseded")]


def test_an_inactive_connection_waits_and_goes_on(house):
    """Nothing is told for an inactive connection; when it is active again, the same booking is."""
    connection = house.sandbox.connect(active=False)
    book(house)
    house.drain()
    before = house.decisions, house.posts
    house.sandbox.flags(connection["id"], active=True)
    house.later(minutes=5)
    assert (before, house.documents) == (([("wait", "connection-inactive")], 0), [("invoice", A)])


def test_two_connections_of_one_organization_issue_one_invoice(house):
    """Both read one account, both decide, and the sale has one invoice."""
    for name in ("one", "two"):
        house.sandbox.connect(name)
    book(house)
    house.drain(2)
    house.later(hours=1)
    assert (house.documents, house.posts) == ([("invoice", A)], 1)


def test_two_organizations_that_read_one_account_issue_an_invoice_each(house):
    """The sale is told once per organization."""
    house.sandbox.connect("one")
    house.sandbox.connect("two", house.sandbox.add_organization("org-2"))
    house = house.with_services(terms=replace(house.services.terms, organizations=("org-1", "org-2")))
    book(house)
    house.drain(2)
    assert sorted(each["organization"] for each in house.sandbox.documents) == ["org-1", "org-2"]


def test_who_stood_back_while_it_read_a_sale_for_the_first_time_decides_again(house):
    """A delivery of one connection gives way in the very batch in which another one, for it, planned none: it plans now."""
    theirs = house.sandbox.connect("theirs")["id"]
    book(house)
    house.mirror()
    house.poll()
    house.plan()
    house.sandbox.connect("ours")
    house.mirror()
    house.poll()
    house.clock.pass_by(seconds=1)
    house.sandbox.flags(theirs, issueInvoiceOnComplete=True)
    house.mirror()
    house.drain(2)
    assert [each["type"] for each in house.sandbox.documents] == ["invoice"]


@pytest.mark.parametrize("connection", ["same", "sibling"])
def test_what_somebody_else_invoiced_is_not_sent(house, connection):
    """An order of this booking in the organization that carries the invoice already is found before the first send."""
    ours = house.sandbox.connect()["id"]
    theirs = ours if connection == "same" else house.sandbox.connect("theirs", active=False)["id"]
    invoice = invoiced_elsewhere(house, theirs, "org-1")
    book(house)
    house.drain()
    assert (house.posts, house.deliveries) == (0, [("received", "invoice", "confirmed")])
    assert house.rows(tables.Delivery, "document_id", "reason") == [(invoice, "it was there already")]


def test_an_order_of_another_organization_is_not_ours(house):
    """The same booking invoiced in another organization does not keep ours from being told."""
    house.sandbox.connect()
    house.sandbox.add_organization("org-2")
    theirs = house.sandbox.connect("theirs", "org-2")["id"]
    invoiced_elsewhere(house, theirs, "org-2")
    book(house)
    house.drain()
    assert [each["organizationId"] for each in house.sandbox.documents] == ["org-2", "org-1"]
