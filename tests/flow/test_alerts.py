"""People are told once when something begins and once when it is over; telling never fails anything else."""

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.builders import NOW, add, add_connection, add_delivery, settings
from worker import wiring
from worker.flow import alerts
from worker.sandbox import bookings
from worker.store import connections, tables
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


def refuse_orders(house, times=None):
    house.sandbox.faults.add(
        remote="space-invoices", method="POST", path="/order$", kind="status", code=401, times=times
    )


def test_refused_orders_are_tried_less_and_less_with_one_alert(hooked, sink):
    """Lists are shown, orders are refused: in two days a handful of tries an hour apart, one alert, nothing lifted."""
    hooked.sandbox.connect()
    hooked.sandbox.book(bookings.own_sale(9_000_001, hooked.clock()))
    refuse_orders(hooked)
    hooked.drain()
    tries = [hooked.clock()]
    for _ in range(12 * 12):
        before = hooked.posts
        hooked.later(minutes=5)
        alerts.watch(hooked.services)
        tries += [hooked.clock()] * (hooked.posts - before)
    waits = [round((b - a).total_seconds() / 60) for a, b in itertools.pairwise(tries)]
    assert waits[:5] == [5, 10, 20, 40, 60]
    assert set(waits[5:]) == {60}
    assert told(sink) == [(f"blocked:{hooked.sandbox.connections[0]['id']}", "wrong")]


def test_an_accepted_order_lifts_the_block_and_all_goes_on(hooked, sink):
    """Once an order is accepted the rest follows at once, and people hear that it is over."""
    hooked.sandbox.connect()
    for id_ in range(9_000_001, 9_000_006):
        hooked.sandbox.book(bookings.own_sale(id_, hooked.clock()))
    refuse_orders(hooked)
    hooked.drain()
    alerts.watch(hooked.services)
    hooked.sandbox.faults.clear()
    hooked.later(minutes=5)
    hooked.drain()
    alerts.watch(hooked.services)
    assert (len(hooked.documents), [state for _, state in told(sink)]) == (5, ["wrong", "over"])


@pytest.mark.parametrize("code", [303, 401])
def test_one_seller_that_bokun_refuses_holds_up_nobody_else(hooked, sink, code):
    """Keys refused for one connection: one alert, probes go on, the other connection's sale is issued, then recovery."""
    sandbox, clock = hooked.sandbox, hooked.clock
    sandbox.add_account("other", "other-secret")
    mine, other = sandbox.connect(), sandbox.connect(account="other")
    hooked.mirror()
    with hooked.services.database.transaction() as open_:
        connections.change(open_, other["id"], access_key="other", secret_key="other-secret")
    sandbox.book(bookings.own_sale(9_000_001, clock()))
    sandbox.book(bookings.own_sale(9_000_002, clock()), account="other")
    right = hooked.services.bokun
    refused = replace(right(hooked.connection(mine["id"])), base=f"{sandbox.bokun_url}/refused")
    sandbox.faults.add(remote="bokun", path="^/refused", kind="status", code=code, times=None)
    theirs = hooked.with_services(bokun=lambda each: refused if each.id == mine["id"] else right(each))
    for _ in range(12):
        theirs.later(minutes=5)
        alerts.watch(theirs.services)
    probes = sum(each["path"].startswith("/refused") for each in sandbox.requests)
    assert (hooked.documents, told(sink)) == ([("invoice", 9_000_002)], [(f"blocked:{mine['id']}", "wrong")])
    assert 2 <= probes <= 13
    hooked.later(minutes=5)
    hooked.drain()
    alerts.watch(hooked.services)
    assert (len(hooked.documents), [state for _, state in told(sink)]) == (2, ["wrong", "over"])


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


def test_a_bell_of_an_older_program_is_forgotten(house, database):
    """A bell that nobody rings any more is gone after a day: no page and no rule waits for it; a late one stays."""
    old = NOW - timedelta(days=2)
    for bell in ("tasks.alerts.watch", "tasks.poll.connections"):
        add(database, tables.Heartbeat, bell=bell, rung_at=old, done_at=old)
    alerts.watch(house.with_terms().services)
    assert house.rows(tables.Heartbeat, "bell") == [("tasks.poll.connections",)]
