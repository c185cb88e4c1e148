"""What Space Invoices makes of an order: by its own flags, its own reading and its own clock."""

from datetime import timedelta
from decimal import Decimal

import pytest

from worker.sandbox import bookings

from .conftest import NOW

BANK = {"payment_type": "BANK_TRANSFER", "paid": False}
AFTER = timedelta(days=-1)


@pytest.mark.parametrize(
    ("flags", "knobs", "documents"),
    [
        ({}, {}, [("invoice", "50.00")]),
        ({}, BANK, [("estimate", "50.00")]),
        ({}, {**BANK, "paid": True}, [("invoice", "50.00")]),
        ({}, {**BANK, "ends_in": AFTER}, [("invoice", "50.00")]),
        ({"issueInvoiceForBankPayment": True}, BANK, [("invoice", "50.00")]),
        ({"issueInvoiceOnComplete": True}, {}, []),
        ({"issueInvoiceOnComplete": True}, BANK, [("estimate", "50.00")]),
        ({"issueInvoiceOnComplete": True}, {"ends_in": AFTER}, [("invoice", "50.00")]),
        ({"issueInvoiceOnComplete": True}, {"status": "NO_SHOW"}, [("invoice", "50.00")]),
        ({"active": False}, {}, []),
        ({}, {"status": "RESERVED"}, []),
        ({}, {"status": "ON_HOLD"}, []),
        ({}, {"status": "REJECTED"}, []),
    ],
)
def test_the_flags_choose_the_document(remote, issued, flags, knobs, documents):
    """The stored flags and the booking in the body decide which document there is, if any; the order is kept."""
    remote.order(remote.sandbox.connect(**flags), bookings.deposit(81_000_001, NOW, total="50.00", **knobs))
    assert issued() == documents
    assert [order["number"] for order in remote.sandbox.orders] == ["VNDA-81000001"]


def test_the_body_does_not_choose_the_document(remote, sandbox, issued):
    """The sender's expectation and its copy of the flags change nothing."""
    connection = sandbox.connect(issueInvoiceOnComplete=True)
    stale = {**connection, "issueInvoiceOnComplete": False}
    remote.order(stale, bookings.deposit(81_000_001, NOW), document="invoice", rule="on-arrival")
    assert issued() == []


def test_two_orders_are_two_documents(remote, sandbox, issued):
    """The same order twice is two documents of one order, so that a duplicate shows."""
    connection, booking = sandbox.connect(), bookings.own_sale(81_000_001, NOW)
    answers = [remote.order(connection, booking, key="same").json() for _ in range(2)]
    assert (answers, issued()) == ([{}, {}], [("invoice", "153.26")] * 2)
    (order,) = sandbox.orders
    assert (order["invoiceId"], len(order["payloads"])) == (sandbox.documents[1]["id"], 2)
    assert [document["number"] for document in sandbox.documents] == ["2025-000001", "2025-000002"]


def test_a_remote_that_dedupes_updates(remote, sandbox, issued):
    """With dedupe on, a repeated order updates the document that stands."""
    sandbox.knobs.dedupe = True
    connection, booking = sandbox.connect(), bookings.own_sale(81_000_001, NOW)
    for _ in range(2):
        remote.order(connection, booking)
    assert (issued(), len(sandbox.documents[0]["corrections"])) == ([("invoice", "153.26")], 1)


def test_an_order_shows_in_the_list(remote, sandbox):
    """An order is found by its connection and the booking's id, and names its document."""
    connection = sandbox.connect()
    remote.order(connection, bookings.own_sale(81_000_001, NOW))
    where = {"bokunId": connection["id"], "orderId": {"inq": ["81000001"]}}
    (order,) = remote.invoices("GET", "/Organizations/org-1/orders", filter={"where": where}).json()
    assert (order["number"], order["invoiceId"]) == ("VNDA-81000001", sandbox.documents[0]["id"])
    assert (order["paid"], order["complete"], order["currencyId"]) == (True, False, "EUR")
    assert remote.invoices("GET", "/Organizations/org-1/orders/count", where=where).json() == {"count": 1}
    assert remote.invoices("GET", f"/Orders/{order['id']}").json() == order


def test_a_document_shows_in_the_list(remote, sandbox):
    """A document is found by its order."""
    remote.order(sandbox.connect(), bookings.own_sale(81_000_001, NOW))
    where = {"orderId": sandbox.orders[0]["id"]}
    (document,) = remote.invoices("GET", "/Organizations/org-1/documents", filter={"where": where}).json()
    assert (document["type"], document["total"], document["bookingId"]) == ("invoice", 153.26, 81_000_001)


def seen(remote):
    orders, documents = (remote.invoices("GET", f"/Organizations/org-1/{kind}").json() for kind in KINDS)
    return [order["invoiceId"] is not None for order in orders], len(documents)


KINDS = ("orders", "documents")


def test_orders_and_documents_may_show_late(remote, sandbox, clock):
    """With lags an order is invisible first, then shows without its document, then with it."""
    sandbox.knobs.order_lag, sandbox.knobs.document_lag = 5, 10
    remote.order(sandbox.connect(), bookings.own_sale(81_000_001, NOW))
    looks = []
    for _ in range(3):
        looks.append(seen(remote))
        clock.pass_by(seconds=5)
    assert looks == [([], 0), ([False], 0), ([True], 1)]


def test_the_amounts_told_are_the_amounts_issued(remote, sandbox, issued):
    """The sender's own order in the free field decides the amount, digit by digit."""
    told = {"total": "12.30", "currency": "USD", "lines": []}
    remote.order(sandbox.connect(), bookings.own_sale(81_000_001, NOW), order=told)
    assert (issued(), sandbox.documents[0]["currency"]) == ([("invoice", "12.30")], "USD")


@pytest.mark.parametrize(
    ("build", "total", "currency"),
    [
        (bookings.own_sale, "153.26", "EUR"),
        (bookings.deposit, "520", "EUR"),
        (bookings.agent_sale, "520.8", "EUR"),
        (bookings.resold, "131.2", "EUR"),
        (bookings.other_suppliers_tour, "75", "EUR"),
        (bookings.ota, "131.20", "EUR"),
    ],
)
def test_the_role_chooses_the_amount(remote, sandbox, build, total, currency):
    """Without a told amount the invoice of the role in which we sell gives it."""
    remote.order(sandbox.connect(), build(81_000_001, NOW))
    (document,) = sandbox.documents
    assert (document["total"], document["currency"]) == (Decimal(total), currency)


def test_a_change_corrects_the_document(remote, sandbox, issued):
    """The moment `changed` corrects the standing document and issues none."""
    connection = sandbox.connect()
    remote.order(connection, bookings.deposit(81_000_001, NOW))
    told = {"total": "99.00", "currency": "EUR"}
    remote.order(connection, bookings.deposit(81_000_001, NOW), moment="changed", revision="r2", order=told)
    correction = {"at": "2025-07-01T12:00:00.000Z", "total": Decimal("99.00"), "currency": "EUR", "revision": "r2"}
    assert (issued(), sandbox.documents[0]["corrections"]) == ([("invoice", "520")], [correction])


@pytest.mark.parametrize(("status", "moment"), [("CANCELLED", "received"), ("CONFIRMED", "cancelled")])
def test_a_cancellation_cancels_the_document(remote, sandbox, status, moment):
    """The moment `cancelled`, or a booking whose products are all cancelled, cancels the standing document."""
    connection = sandbox.connect()
    remote.order(connection, bookings.deposit(81_000_001, NOW))
    remote.order(connection, bookings.deposit(81_000_001, NOW, status=status), moment=moment)
    assert [document["cancelled"] for document in sandbox.documents] == [True]
    assert sandbox.orders[0]["cancelled"]


def test_mail_follows_the_flag_in_the_body(remote, sandbox):
    """A document is mailed when the body's flag for its type says so."""
    connection = sandbox.connect(sendInvoiceAutomatically=False)
    remote.order(connection, bookings.deposit(81_000_001, NOW))
    remote.order(connection, bookings.deposit(81_000_002, NOW, **BANK))
    assert [document["mailed"] for document in sandbox.documents] == [False, True]


def test_an_order_needs_the_four_members(remote, sandbox):
    """An order without the members that the seed requires is a 422 and leaves nothing behind."""
    answer = remote.invoices("POST", f"/Bokun/{sandbox.connect()['id']}/order", {"name": "Store"})
    names = ["active", "sendInvoiceAutomatically", "sendEstimateAutomatically"]
    assert (answer.status_code, list(answer.json()["error"]["details"]["codes"])) == (422, names)
    assert sandbox.orders == []


def test_an_import_is_kept(remote, sandbox):
    """An import needs a type, passes its options through unread and is answered with an empty object."""
    connection = sandbox.connect()["id"]
    answers = [
        remote.invoices("POST", f"/Bokun/{connection}/import", body)
        for body in ({}, {"type": "orders", "importOptions": '{"a": 1}'})
    ]
    assert [answer.status_code for answer in answers] == [422, 200]
    assert (answers[1].json(), [call["importOptions"] for call in sandbox.imports]) == ({}, ['{"a": 1}'])
