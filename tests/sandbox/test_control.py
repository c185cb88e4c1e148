"""The same hands over HTTP, under /_sandbox/ on both ports."""

import pytest

from worker.sandbox import bookings
from worker.sandbox.exact import loads

from .conftest import NOW


@pytest.fixture
def hand(sandbox, http):
    """Calls a page of the sandbox on Bokun's port and gives its JSON."""

    def call(method, path, body=None):
        return loads(http.request(method, f"{sandbox.bokun_url}/_sandbox{path}", json=body).text)

    return call


def test_the_pages_are_listed_on_both_ports(sandbox, http):
    """Each remote's port has the list of the sandbox's pages, and reading it is no recorded call."""
    roots = (sandbox.bokun_url, sandbox.space_invoices_url.removesuffix("/v1"))
    pages = [http.get(f"{root}/_sandbox/").json() for root in roots]
    assert pages[0] == pages[1]
    assert {"POST /_sandbox/faults", "GET /_sandbox/state", "PATCH /_sandbox/bookings/{id:int}"} <= set(pages[0])
    assert sandbox.requests == []


def test_faults_are_armed_and_disarmed(hand, remote):
    """A fault armed over HTTP strikes and shows among those that fired; clearing disarms the rest."""
    hand("POST", "/faults", {"kind": "status", "code": 418, "times": None})
    assert remote.invoices("GET", "/Organizations/org-1/bokun").status_code == 418
    hand("DELETE", "/faults")
    after = hand("GET", "/faults")
    assert (after["armed"], [fault["kind"] for fault in after["fired"]]) == ([], ["status"])


def test_bookings_are_added_and_changed(hand, sandbox):
    """A booking is added by kind or as it is, and changed by a wish."""
    hand("POST", "/bookings", {"kind": "deposit", "booking_id": 81_000_001, "total": "50.00"})
    hand("POST", "/bookings", {"bookingId": 81_000_002, "confirmationCode": "X-81000002", **BARE})
    changed = hand("PATCH", "/bookings/81000001", {"reprice": "60.00"})
    assert changed == sandbox.booking(81_000_001)
    assert sandbox.booking(81_000_002)["confirmationCode"] == "X-81000002"


BARE = {"creationDate": 0, "currency": "EUR", "activityBookings": []}


def test_a_booking_is_found_in_its_account(hand, sandbox):
    """A change needs no account where only one holds the booking."""
    sandbox.add_account("other", "secret")
    sandbox.book(bookings.deposit(81_000_001, NOW), account="other")
    assert hand("PATCH", "/bookings/81000001", {"cancel": True})["status"] == "CANCELLED"
    assert sandbox.booking(81_000_001, "other")["status"] == "CANCELLED"


def test_connections_are_created_and_changed(hand, sandbox):
    """A connection is created and its flags are changed as by a person in the remote's pages."""
    made = hand("POST", "/connections", {"name": "Mine"})
    hand("PATCH", f"/connections/{made['id']}", {"active": False})
    assert [(row["name"], row["active"]) for row in sandbox.connections] == [("Mine", False)]


def test_the_state_shows_what_was_issued(hand, remote, sandbox):
    """The state has addresses, orders, documents and the number of calls."""
    remote.order(sandbox.connect(), bookings.deposit(81_000_001, NOW))
    state = hand("GET", "/state")
    assert state["documents"] == sandbox.documents
    assert (state["bokun_url"], len(state["orders"]), state["requests"]) == (sandbox.bokun_url, 1, 1)


def test_webhooks_and_knobs_are_set(hand, sandbox):
    """A target for webhooks and a knob are taken."""
    assert hand("POST", "/webhooks", {"url": "http://127.0.0.1:1/", "secret": "s"}) == {"configured": True}
    hand("PATCH", "/knobs", {"order_lag": 5})
    assert sandbox.knobs.order_lag == 5


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"kind": "explosion"}),
        ("/faults", {"kind": "html", "path": "("}),
        ("/bookings", {"kind": "cruise", "booking_id": 1}),
        ("/webhooks", {}),
    ],
)
def test_a_wrong_wish_is_refused(hand, path, body):
    """A page that cannot do what it is asked says why."""
    assert set(hand("POST", path, body)) == {"message"}
