"""What a look saw is worth nothing once something of its sale changed, recorded or still in the hands of who looked."""

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


@pytest.fixture
def surprised(house):
    """An estimate's order goes unanswered and is made an invoice there, which shows 100 s later."""
    connection = house.sandbox.connect()["id"]
    house.mirror()
    house.sandbox.book(bookings.own_sale(A, house.clock(), paid=False, payment_type="BANK_TRANSFER"))
    house.poll()
    house.plan()
    house.sandbox.flags(connection, issueInvoiceForBankPayment=True)
    house.sandbox.knobs.order_lag = 100
    house.sandbox.faults.add(**ORDER, kind="reset", after_effect=True)
    house.deliver()
    assert house.deliveries == [("received", "estimate", "unknown")]
    return house


def test_what_waited_behind_an_unanswered_order_is_looked_for_again_once_that_is_known(surprised):
    """The invoice that waited behind it, and was looked for when nothing could be seen, is not sent beside it."""
    surprised.drain()
    surprised.clock.pass_by(seconds=120)
    surprised.reconcile()
    surprised.deliver()
    assert (surprised.documents, surprised.posts) == ([("invoice", A)], 1)
    surprised.later(minutes=10)
    assert (surprised.documents, surprised.posts) == ([("invoice", A)], 1)


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


def test_a_look_from_before_it_was_known_what_became_of_another_document_does_not_count(surprised, halted):
    """The estimate's order turns out to be an invoice while the invoice is looked for: none is sent beside it."""
    surprised.mirror()
    surprised.poll()
    surprised.plan()
    assert surprised.deliveries == [("received", "estimate", "unknown"), ("received", "invoice", "planned")]
    stalled, meanwhile = halted

    def find_out():
        surprised.clock.pass_by(seconds=120)
        surprised.reconcile()

    meanwhile.append(find_out)
    stalled.deliver()
    assert surprised.deliveries[0] == ("received", "estimate", "held")
    assert (surprised.documents, surprised.posts) == ([("invoice", A)], 1)
    surprised.settle_down()
    assert (surprised.documents, surprised.posts) == ([("invoice", A)], 1)
