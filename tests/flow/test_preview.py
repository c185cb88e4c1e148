"""What a plan says beforehand is what then happens, and saying it changes nothing anywhere."""

from datetime import timedelta

import pytest

from tests.builders import NOW
from worker.flow import finding, preview
from worker.sandbox import bookings
from worker.store import tables

A, B, C, D = 9_000_001, 9_000_002, 9_000_003, 9_000_004
BY_BANK = {"paid": False, "payment_type": "BANK_TRANSFER"}


def book(house, id_, **knobs):
    house.sandbox.book(bookings.own_sale(id_, house.clock(), **knobs))


def look_at(house, since=NOW - timedelta(days=30), until=NOW + timedelta(days=30), **how):
    found = finding.of_period(house.services, since, until)
    return preview.preview(house.services, found.seen, **how)


def said(lines):
    return [(each.verdict.booking.id, each.verdict.decision.rule, each.issues) for each in lines]


def everything(house):
    with house.services.database.reading() as open_:
        return {each.name: open_.execute(each.select()).all() for each in tables.metadata.sorted_tables}


@pytest.fixture
def mixed(house):
    """A seller with a sale, a bank booking, a cancelled one and a resold one, all of the last hours."""
    house.sandbox.connect()
    book(house, A)
    book(house, B, **BY_BANK)
    book(house, C)
    house.sandbox.change(C, cancel=True)
    house.sandbox.book(bookings.resold(D, house.clock()))
    house.mirror()
    return house


def test_what_is_planned_is_what_is_issued(mixed):
    """The documents that a plan names are those that Space Invoices then issues, and no others."""
    lines = look_at(mixed)
    named = [(each.tell.document.value, each.verdict.booking.id) for each in lines if each.issues]
    mixed.drain(2)
    assert len(lines) == 4
    assert sorted(mixed.documents) == sorted(named)


def test_a_plan_writes_and_sends_nothing(mixed):
    """No row is another one after a plan, and Space Invoices was not called at all."""
    before, calls = everything(mixed), len(mixed.sandbox.requests)
    look_at(mixed, flags={"issueInvoiceOnComplete": True})
    asked = mixed.sandbox.requests[calls:]
    assert everything(mixed) == before
    assert {each["remote"] for each in asked} == {"bokun"}


def test_only_bookings_made_in_the_period_are_planned(mixed):
    """The end of a period does not belong to it, and what was made outside is left out."""
    book(mixed, 9_000_009, created=NOW - timedelta(days=9))
    found = finding.of_period(mixed.services, NOW - timedelta(days=9), NOW - timedelta(days=8))
    assert [each.booking.id for each in found.seen] == [9_000_009]
    assert finding.of_period(mixed.services, NOW - timedelta(days=10), NOW - timedelta(days=9)).seen == ()


def test_sums_are_by_connection_document_and_currency(house):
    """Amounts of one connection, document and currency add up exactly, with how many would be mailed."""
    connection = house.sandbox.connect(sendInvoiceAutomatically=False)["id"]
    for id_, total in ((A, "10.10"), (B, "20.20")):
        book(house, id_, total=total)
    book(house, C, total="5.00", **BY_BANK)
    house.mirror()
    row = {"connection": connection, "name": "Store", "currency": "EUR"}
    assert preview.totals(look_at(house)) == [
        {**row, "document": "estimate", "count": 1, "amount": "5.00", "mails": 1},
        {**row, "document": "invoice", "count": 2, "amount": "30.30", "mails": 0},
    ]


def test_what_if_names_the_bookings_that_would_differ(mixed):
    """With another flag the same bookings are decided anew; those that differ are shown both ways."""
    today, then = look_at(mixed), look_at(mixed, flags={"issueInvoiceOnComplete": True})
    [first, *_] = changed = preview.difference(today, then)
    assert [each["booking_id"] for each in changed] == [A, D]
    assert (first["today"]["rule"], first["then"]["rule"]) == ("on-arrival", "until-complete")


def test_what_if_is_what_happens_when_the_flag_is_changed(mixed):
    """The rules that a what-if shows are those that the bookings get once the flag is so."""
    [connection] = mixed.sandbox.connections
    then = look_at(mixed, flags={"issueInvoiceForBankPayment": True, "issueInvoiceOnComplete": True})
    mixed.sandbox.flags(connection["id"], issueInvoiceForBankPayment=True, issueInvoiceOnComplete=True)
    mixed.drain()
    stored = mixed.rows(tables.Booking, "booking_id", "rule")
    assert sorted(stored) == [(each.verdict.booking.id, each.verdict.decision.rule) for each in then]


def test_two_connections_of_one_organization_are_planned_once(house):
    """Of two connections that read the same account one is planned to tell; the other says who stands for it."""
    house.sandbox.connect("One")
    house.sandbox.connect("Two")
    book(house, A)
    house.mirror()
    lines = look_at(house)
    house.drain(2)
    assert [each.issues for each in lines] == [True, False]
    assert house.documents == [("invoice", A)]


def test_what_is_held_is_not_planned(house):
    """A delivery that is held stands for its booking: the plan says so, instead of promising a document."""
    house.sandbox.connect()
    book(house, A)
    house.sandbox.faults.add(remote="space-invoices", method="POST", path="/order$", kind="status", code=422)
    house.drain()
    [line] = look_at(house)
    assert (line.issues, "held" in line.instead) == (False, True)


def test_what_was_told_is_not_planned_again(mixed):
    """After the documents are out a plan of the same period issues nothing."""
    mixed.drain(2)
    assert preview.totals(look_at(mixed)) == []


def test_one_booking_is_planned_by_its_code(mixed):
    """A confirmation code that nothing here knows is asked of Bokun."""
    code = mixed.sandbox.booking(A)["confirmationCode"]
    found = finding.of_booking(mixed.services, code)
    assert said(preview.preview(mixed.services, found.seen)) == [(A, "on-arrival", True)]


def test_what_bokun_does_not_answer_is_named(mixed):
    """A booking that cannot be read is no silent gap in the plan."""
    mixed.sandbox.faults.add(remote="bokun", method="GET", path=f"/booking/{B}", kind="status", code=500, times=99)
    found = finding.of_period(mixed.services, NOW - timedelta(days=30), NOW + timedelta(days=30))
    assert [each.booking for each in found.unread] == [B]
    assert [each.booking.id for each in found.seen] == [A, C, D]


def test_start_from_is_in_a_plan_and_not_in_a_backfill(house):
    """A plan says what the live lane does; a backfill is about history."""
    old = house.with_terms(start_from=NOW)
    old.sandbox.connect()
    book(old, A, created=NOW - timedelta(days=3))
    old.mirror()
    assert said(look_at(old)) == [(A, "before-start", False)]
    assert said(look_at(old, history=preview.History(""))) == [(A, "on-arrival", True)]
