"""Every fault on a real socket: what the caller sees, and what took effect all the same."""

import httpx
import pytest

from worker.sandbox import bookings

from .conftest import NOW

POST = {"remote": "space-invoices", "method": "POST", "path": "/order$"}


@pytest.fixture
def told(remote, sandbox):
    """Tells of one booking; gives the answer, or the error the client ran into."""
    connection = sandbox.connect()

    def tell(booking_id=81_000_001):
        try:
            return remote.order(connection, bookings.deposit(booking_id, NOW))
        except httpx.HTTPError as error:
            return type(error)

    return tell


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(("kind", "error"), [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError)])
def test_a_connection_is_lost(told, sandbox, kind, error, after_effect):
    """A connection reset or closed without an answer comes before or after the effect, as it is wished."""
    sandbox.faults.add(**POST, kind=kind, after_effect=after_effect)
    assert (told(), len(sandbox.documents)) == (error, int(after_effect))
    assert sandbox.requests[0]["status"] is None


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_status_replaces_the_answer(told, sandbox, after_effect):
    """A status comes with its body and headers, before the effect or after it."""
    body = {"error": {"statusCode": 429}}
    sandbox.faults.add(
        **POST, kind="status", code=429, body=body, headers={"Retry-After": "1"}, after_effect=after_effect
    )
    answer = told()
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "1", body)
    assert len(sandbox.documents) == int(after_effect)


def test_an_answer_is_cut_off(told, sandbox):
    """Half an answer arrives, then the connection ends; the effect took place."""
    sandbox.faults.add(**POST, kind="truncate")
    assert (told(), len(sandbox.documents)) == (httpx.RemoteProtocolError, 1)


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [("html", 200, b"<!doctype html>"), ("garbage", 200, b'{"this is": not'), ("redirect", 302, b"")],
)
def test_an_answer_is_something_else(told, sandbox, kind, status, start):
    """HTML, garbage and a redirect stand where an answer is expected, and nothing took effect."""
    sandbox.faults.add(**POST, kind=kind)
    answer = told()
    assert (answer.status_code, answer.content.startswith(start)) == (status, True)
    assert sandbox.documents == []


def test_an_answer_is_huge(told, sandbox):
    """A huge answer has the size that is asked for."""
    sandbox.faults.add(**POST, kind="huge", size=100_000)
    assert len(told().content) > 100_000


def test_an_answer_drips(told, sandbox):
    """A dripping answer arrives whole in the end, one byte after the other."""
    sandbox.faults.add(**POST, kind="drip", every=0.001)
    assert told().json() == {}


@pytest.mark.parametrize("after_effect", [False, True])
def test_an_answer_is_late(told, sandbox, http, monkeypatch, after_effect):
    """A delay longer than the caller's patience hides the answer; with `after_effect` the effect is there at once."""
    monkeypatch.setattr(http, "timeout", httpx.Timeout(0.02))
    sandbox.faults.add(**POST, kind="delay", seconds=30, after_effect=after_effect)
    assert (told(), len(sandbox.documents)) == (httpx.ReadTimeout, int(after_effect))


def test_a_short_delay_is_only_a_delay(told, sandbox):
    """After a delay the true answer comes."""
    sandbox.faults.add(**POST, kind="delay", seconds=0.01)
    assert (told().json(), len(sandbox.documents)) == ({}, 1)


def test_a_fault_fires_so_many_times(told, sandbox):
    """A fault spoils as many calls as it says, then the next one goes through."""
    sandbox.faults.add(**POST, kind="status", times=2)
    assert [told().status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_for_ever_ends_when_cleared(told, sandbox):
    """A fault without a number of times fires until the switchboard is cleared."""
    sandbox.faults.add(**POST, kind="status", times=None, code=500)
    answers = [told().status_code for _ in range(3)]
    sandbox.faults.clear()
    assert ([*answers, told().status_code], len(sandbox.faults.fired)) == ([500, 500, 500, 200], 3)


def test_a_fault_waits_for_its_booking(told, sandbox):
    """A fault for one booking leaves the calls about others alone."""
    sandbox.faults.add(**POST, kind="status", booking=81_000_002)
    assert [told(number).status_code for number in (81_000_001, 81_000_002)] == [200, 503]


def test_a_fault_waits_for_its_remote(remote, told, sandbox):
    """A fault for Bokun, found by a part of the path, leaves Space Invoices alone."""
    sandbox.book(bookings.deposit(81_000_001, NOW))
    sandbox.faults.add(remote="bokun", path=r"booking/\d+\?currency=EUR", kind="status", code=502)
    assert told().status_code == 200
    assert remote.bokun("GET", "/booking.json/booking/81000001?currency=EUR").status_code == 502


def test_every_call_is_recorded(remote, told, sandbox):
    """The sandbox remembers each call with the fault that struck it."""
    sandbox.faults.add(**POST, kind="html")
    told()
    remote.invoices("GET", "/Organizations/org-1/orders", filter={"limit": 1})
    path = f"/v1/Bokun/{sandbox.connections[0]['id']}/order"
    find = '/v1/Organizations/org-1/orders?filter={"limit": 1}'
    seen = [(call["method"], call["path"], call["status"], call["fault"]) for call in sandbox.requests]
    assert seen == [("POST", path, 200, "html"), ("GET", find, 200, None)]


def test_an_unknown_kind_is_refused(sandbox):
    """The switchboard knows its ten kinds and no other."""
    with pytest.raises(ValueError, match="no fault of kind explosion"):
        sandbox.faults.add(kind="explosion")
