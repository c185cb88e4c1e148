"""People are told once when something begins and once when it is over; telling never fails anything else."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.builders import NOW, add_connection, add_delivery, settings
from worker import wiring
from worker.flow import alerts
from worker.sandbox import bookings
from worker.store.database import TransactionOpen


@pytest.fixture
def sink():
    """A little HTTP server that keeps what is posted to it, and answers as it is told."""

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            server.held.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(server.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Nothing on standard error."""

    server = HTTPServer(("127.0.0.1", 0), Sink)
    server.held, server.answer = [], 204
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hooked(house, sink, built):
    """The house with ALERT_URL set to the sink."""
    found = settings(alert_url=f"http://127.0.0.1:{sink.server_port}/")
    return house.with_services(tell=wiring._teller(found, built.space_invoices.wire))


def told(sink):
    return [(each["key"], each["state"]) for message in sink.held for each in message["alerts"]]


def test_first_failure_and_recovery_are_told_once(hooked, sink):
    """However often it repeats, a failure is one message, and its end another."""
    for _ in range(5):
        alerts.begin(hooked.services, "poll:c1", "it fails")
        alerts.tell(hooked.services)
    for _ in range(2):
        alerts.over(hooked.services, ["poll:c1"])
        alerts.tell(hooked.services)
    assert told(sink) == [("poll:c1", "wrong"), ("poll:c1", "over")]


def test_what_was_over_before_it_was_told_is_not_told(hooked, sink):
    """A failure that nobody heard of ends without a word."""
    alerts.begin(hooked.services, "poll:c1", "it fails")
    alerts.over(hooked.services, ["poll:c1"])
    alerts.tell(hooked.services)
    assert told(sink) == []


def test_what_could_not_be_told_is_told_later(hooked, sink):
    """A hook that answers 500 fails nothing; the alert is told some minutes later."""
    sink.answer = 500
    alerts.begin(hooked.services, "poll:c1", "it fails")
    assert alerts.tell(hooked.services) == 0
    sink.answer = 200
    hooked.clock.pass_by(minutes=6)
    assert (alerts.tell(hooked.services), len(sink.held)) == (1, 2)


def test_nothing_is_told_inside_a_transaction(hooked):
    """The way out refuses to be used while a transaction is open."""
    with hooked.services.database.reading(), pytest.raises(TransactionOpen):
        hooked.services.tell({"kind": "alerts", "text": "x"})


def test_new_held_deliveries_are_told_again(hooked, sink, database, clock):
    """Held deliveries are told once; another one that comes is news."""
    add_connection(database)
    add_delivery(database, state="held", ended_at=NOW)
    for _ in range(2):
        alerts.watch(hooked.services)
    clock.pass_by(minutes=1)
    add_delivery(database, booking_id=8, state="held", ended_at=clock())
    alerts.watch(hooked.services)
    assert told(sink) == [("held", "wrong")] * 2


def test_refused_credentials_cost_two_calls_and_one_alert(hooked, sink):
    """A connection whose Bokun refuses is blocked by one call; others go on; working keys end it with one word."""
    sandbox = hooked.sandbox
    sandbox.connect()
    sandbox.book(bookings.own_sale(9_000_001, hooked.clock()))
    hooked.mirror()
    sandbox.faults.add(remote="space-invoices", method="POST", path="/order$", kind="status", code=401, times=None)
    hooked.drain()
    before = hooked.posts
    hooked.deliver()
    alerts.watch(hooked.services)
    assert (before <= 2, hooked.posts) == (True, before)
    assert [state for _, state in told(sink)] == ["wrong"]
    sandbox.faults.clear()
    hooked.later(minutes=10)
    alerts.watch(hooked.services)
    assert ([state for _, state in told(sink)], hooked.documents) == (["wrong", "over"], [("invoice", 9_000_001)])


def test_the_digest_comes_once_a_day(house, database):
    """What needs a person is told in one message a day, and not on a day without."""
    held = []
    there = house.with_terms(digest_every=86400).with_services(tell=lambda message: held.append(message) or True)
    add_connection(database)
    add_delivery(database, state="held", ended_at=NOW)
    for _ in range(3):
        alerts.digest(there.services)
    assert [message["needs"] for message in held] == [
        ["1 deliveries are held: bokun-sync deliveries list --state held"]
    ]
