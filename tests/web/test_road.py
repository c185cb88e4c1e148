"""The road of a webhook, from the sender's socket to the documents in Space Invoices."""

import pytest

from tests.web.senders import APP_STORE, CLASSIC, SECRET
from worker.sandbox.bookings import own_sale
from worker.store import tables


@pytest.fixture
def sender(house, serving):
    """Says which kind of webhooks the stand-in sends, and how."""
    house.sandbox.connect()
    house.mirror()

    def sending(kind, mode="normal", **how):
        path = APP_STORE if kind == "app-store" else CLASSIC
        house.sandbox.webhooks.configure(serving.url + path, SECRET, kind=kind, mode=mode, **how)

    return sending


def book(house):
    """A booking in Bokun, announced."""
    return house.sandbox.book(own_sale(7, house.clock()))


def arrive(house):
    """All webhooks are answered, then the corridor without a poll; the statuses of the answers."""
    house.sandbox.webhooks.flush()
    for _ in range(2):
        house.plan()
        house.deliver()
        house.reconcile()
        house.clock.pass_by(seconds=30)
    return {each["status"] for each in house.sandbox.webhooks.sent}


KINDS = ["app-store", "classic", "classic-product", "classic-array"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["normal", "repeated"])
def test_arrives(house, sender, kind, mode):
    """A booking that is announced, once or twice, in whichever shape, gets its one invoice without any poll."""
    sender(kind, mode)
    booking = book(house)
    assert arrive(house) == {200}
    assert house.documents == [("invoice", booking)]


@pytest.mark.parametrize(
    ("flags", "documents"),
    [
        ({}, [("invoice", 7)]),
        ({"issueInvoiceOnComplete": True}, []),
        ({"active": False}, []),
        ({"issueInvoiceForBankPayment": True}, [("invoice", 7)]),
    ],
)
def test_flags(house, sender, flags, documents):
    """What is issued is what the flags call for, repeated webhooks or not."""
    connection = house.sandbox.connections[0]["id"]
    house.sandbox.flags(connection, **flags)
    house.mirror()
    sender("app-store", "repeated")
    book(house)
    arrive(house)
    assert house.documents == documents


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_reordered(house, sender, encoding):
    """Cancelled before it is told of its creation: what Bokun shows now decides, so there is no document."""
    sender("app-store", "reordered", encoding=encoding)
    booking = book(house)
    house.sandbox.change(booking, cancel=True)
    assert arrive(house) == {200}
    assert (house.documents, house.decisions) == ([], [("skip", "cancelled-before-document")])


@pytest.mark.parametrize(("kind", "status"), [("app-store", 401), ("classic", 404)])
def test_forged(house, sender, kind, status):
    """Forged webhooks cause nothing, and the poll still finds the booking."""
    sender(kind, "forged")
    booking = book(house)
    assert arrive(house) == {status}
    assert (house.documents, house.rows(tables.Notice, "id")) == ([], [])
    house.drain()
    assert house.documents == [("invoice", booking)]


@pytest.mark.parametrize("kind", KINDS)
def test_oversized(house, sender, kind):
    """Oversized webhooks are refused and cause nothing."""
    sender(kind, "oversized")
    book(house)
    assert arrive(house) == {413}
    assert house.documents == []
