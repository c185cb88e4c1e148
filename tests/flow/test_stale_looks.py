"""A process that stands still between the answer to its look and writing it down: what it saw is worth nothing then."""

from dataclasses import dataclass, field, replace

import pytest

from worker.sandbox import bookings

A = 9_000_001
ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}


@dataclass
class Halting:
    """A wire that hands over what a look at the orders was answered only after `meanwhile`, once."""

    wire: object
    meanwhile: list = field(default_factory=list)

    def send(self, request):
        answer = self.wire.send(request)
        if self.meanwhile and request.method == "GET" and "/orders" in request.url:
            self.meanwhile.pop()()
        return answer


@pytest.fixture
def halted(house):
    """The house as that process has it, and the list in which a test puts what happens meanwhile."""
    wire = Halting(house.services.space_invoices.wire)
    return house.with_services(space_invoices=replace(house.services.space_invoices, wire=wire)), wire.meanwhile


def test_an_old_proof_of_absence_does_not_free_what_was_sent_since(house, halted):
    """Somebody else proved the absence too and sent it again, unanswered, to be seen later: it is not sent a third time."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.sandbox.faults.add(**ORDER, kind="reset", after_effect=False)
    house.drain()
    for minutes in (1, 5):
        house.later(minutes=minutes)
    stalled, meanwhile = halted

    def send_again():
        house.sandbox.knobs.order_lag = 200
        house.sandbox.faults.add(**ORDER, kind="reset", after_effect=True)
        house.clock.pass_by(seconds=61)
        house.drain(2)

    meanwhile.append(send_again)
    house.clock.pass_by(minutes=16)
    stalled.reconcile()
    assert (house.deliveries, house.posts) == ([("received", "invoice", "unknown")], 2)
    house.settle_down()
    assert (house.documents, house.posts) == ([("invoice", A)], 2)


def test_a_look_from_before_it_was_known_what_became_of_another_document_does_not_count(house, halted):
    """The estimate's unanswered order turns out to be an invoice while the invoice is looked for: none is sent beside it."""
    connection = house.sandbox.connect()["id"]
    house.mirror()
    house.sandbox.book(bookings.own_sale(A, house.clock(), paid=False, payment_type="BANK_TRANSFER"))
    house.poll()
    house.plan()
    house.sandbox.flags(connection, issueInvoiceForBankPayment=True)
    house.sandbox.knobs.order_lag = 100
    house.sandbox.faults.add(**ORDER, kind="reset", after_effect=True)
    house.deliver()
    house.mirror()
    house.poll()
    house.plan()
    assert house.deliveries == [("received", "estimate", "unknown"), ("received", "invoice", "planned")]
    stalled, meanwhile = halted

    def find_out():
        house.clock.pass_by(seconds=120)
        house.reconcile()

    meanwhile.append(find_out)
    stalled.deliver()
    assert house.deliveries[0] == ("received", "estimate", "held")
    assert (house.documents, house.posts) == ([("invoice", A)], 1)
    house.settle_down()
    assert (house.documents, house.posts) == ([("invoice", A)], 1)
