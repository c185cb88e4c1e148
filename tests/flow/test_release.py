"""A release means: send it after all. What it can never mean is a second document beside one that stands."""

import pytest

from worker.domain.delivery import Event
from worker.flow.people import decide_all
from worker.sandbox import bookings
from worker.store import tables

A = 9_000_001
BANK = {"paid": False, "payment_type": "BANK_TRANSFER"}


@pytest.fixture
def mismatched(house):
    """An invoice was told, and because a flag was changed that minute Space Invoices issued an estimate: held."""
    [connection] = [house.sandbox.connect(issueInvoiceForBankPayment=True)]
    house.sandbox.book(bookings.own_sale(A, house.clock(), **BANK))
    house.mirror()
    house.sandbox.flags(connection["id"], issueInvoiceForBankPayment=False)
    house.poll()
    house.plan()
    house.deliver()
    house.clock.pass_by(minutes=1)
    house.reconcile()
    house.sandbox.flags(connection["id"], issueInvoiceForBankPayment=True)
    assert (house.documents, house.deliveries) == ([("estimate", A)], [("received", "invoice", "held")])
    return house


def release(house):
    [(delivery,)] = house.rows(tables.Delivery, "id")
    assert decide_all(house.services, [delivery], Event.RELEASED, because="the flag is right again") == [delivery]


def test_released_after_an_estimate_came_the_invoice_is_sent(mismatched):
    """A person who releases an invoice beside the estimate that came instead gets the invoice, once."""
    release(mismatched)
    mismatched.settle_down()
    assert mismatched.documents == [("estimate", A), ("invoice", A)]
    assert (mismatched.posts, mismatched.deliveries) == (2, [("received", "invoice", "confirmed")])


def test_without_release_nothing_is_sent(mismatched):
    """Bells alone never send it again."""
    mismatched.settle_down()
    assert (mismatched.posts, mismatched.deliveries) == (1, [("received", "invoice", "held")])


def test_sent_again_and_wrong_again_it_is_held_again(mismatched):
    """Where the second try brings an estimate too, that is a difference like the first, and not tried a third time."""
    [connection] = mismatched.sandbox.connections
    release(mismatched)
    mismatched.sandbox.flags(connection["id"], issueInvoiceForBankPayment=False)
    mismatched.deliver()
    mismatched.settle_down()
    assert (mismatched.posts, mismatched.documents) == (2, [("estimate", A)] * 2)
    assert mismatched.deliveries == [("received", "invoice", "held")]
    assert "an invoice was expected, but an estimate" in mismatched.reasons[0]


def test_beside_two_invoices_a_release_sends_nothing_and_says_what_helps(house):
    """Two invoices stand: no release makes a third; the sentence names the command that ends it, and it does."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.sandbox.knobs.order_lag = 3
    house.drain()
    world = house.sandbox.world
    [first] = world.orders.rows.values()
    paper = world.documents.create({**next(iter(world.documents.rows.values())), "number": "2025-900000"})
    world.orders.create({**first, "id": None, "invoiceId": paper["id"]})
    house.later(minutes=1)
    [(delivery, before)] = house.rows(tables.Delivery, "id", "reason")
    release(house)
    house.settle_down()
    [(_, after)] = house.rows(tables.Delivery, "id", "reason")
    assert (house.posts, house.deliveries) == (1, [("received", "invoice", "held")])
    assert before.startswith("2 invoices stand")
    assert after.startswith("2 invoices stand")
    assert after.endswith(f"bokun-sync deliveries settle {delivery}")
    decide_all(house.services, [delivery], Event.SETTLED, because="one of them is cancelled")
    house.settle_down()
    assert (house.posts, house.deliveries) == (1, [("received", "invoice", "settled")])
