"""Clocks that are set under a running process, and hosts whose clocks differ: nothing is doubled, nothing is lost."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import NOW, Clock, House
from worker.calls.wire import Silence
from worker.flow.steps import Steps
from worker.sandbox import bookings
from worker.store import tables

A, B = 9_000_001, 9_000_002
HOUR = timedelta(hours=1)


@dataclass
class Slow:
    """A wire on which an order stays without answer, and arrives only later."""

    real: Any
    on_its_way: list[Any] = field(default_factory=list)

    def send(self, request):
        if request.method == "POST" and request.url.endswith("/order"):
            self.on_its_way.append(request)
            return Silence(began=True, why="ReadTimeout")
        return self.real.send(request)

    def arrive(self):
        for request in self.on_its_way:
            self.real.send(request)


class Host:
    """A process on a host with a clock of its own; what really passes also shows on its monotonic clock."""

    def __init__(self, house, *, ahead=timedelta(0)):
        self.clock, self.passed = Clock(NOW + ahead), 0.0
        steps = Steps(self.clock, lambda: self.passed)
        services = house.with_services(clock=self.clock, steady=steps.steady).services
        self.house = House(services, house.sandbox, self.clock)

    def later(self, seconds, bells=12):
        """So much time passes, with so many bells in it."""
        for _ in range(bells):
            self.passed += seconds / bells
            self.clock.pass_by(seconds=seconds / bells)
            self.house.drain()

    def set_clock(self, by):
        """Somebody sets the wall clock."""
        self.clock.pass_by(seconds=by.total_seconds())


@pytest.fixture
def arrived(house):
    """A connection that was polled once, and the host that did it."""
    house.sandbox.connect()
    host = Host(house)
    host.house.drain()
    return house, host


def slow(host):
    """The order of this host's next delivery is on its way for long."""
    wire = Slow(host.house.services.space_invoices.wire)
    host.house = host.house.with_services(space_invoices=replace(host.house.services.space_invoices, wire=wire))
    return wire


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["an hour on", "an hour back"])
def test_an_order_that_arrives_late_is_not_sent_twice_over_a_step(arrived, by):
    """The clock is set while an order is unanswered that takes effect minutes later: it is found, not proven absent."""
    house, host = arrived
    house.sandbox.book(bookings.own_sale(A, NOW))
    wire = slow(host)
    host.later(10, 1)
    host.set_clock(by)
    host.later(480, 24)
    assert len(wire.on_its_way) == 1
    wire.arrive()
    host.later(2 * 3600)
    assert house.documents == [("invoice", A)]
    assert house.deliveries == [("received", "invoice", "confirmed")]


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["an hour on", "an hour back"])
def test_an_order_that_never_arrived_is_sent_again_after_a_step(arrived, by):
    """A step delays the proof of absence, it does not prevent it."""
    house, host = arrived
    house.sandbox.book(bookings.own_sale(A, NOW))
    house.sandbox.faults.add(remote="space-invoices", method="POST", path="/order$", kind="reset")
    host.later(10, 1)
    host.set_clock(by)
    host.later(3 * 3600)
    assert (house.documents, house.posts) == ([("invoice", A)], 2)


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["an hour on", "an hour back"])
@pytest.mark.parametrize("step", ["mirror", "poll", "plan", "deliver", "reconcile"])
def test_a_step_between_any_two_bells_loses_nothing(arrived, by, step):
    """Whichever bell the clock is set before, each booking gets its one invoice."""
    house, host = arrived
    for id_ in (A, B):
        house.sandbox.book(bookings.own_sale(id_, NOW))
    for bell in ("mirror", "poll", "plan", "deliver", "reconcile"):
        if bell == step:
            host.set_clock(by)
        getattr(host.house, bell)()
    host.later(2 * 3600, 4)
    assert sorted(house.documents) == [("invoice", A), ("invoice", B)]


def test_what_is_booked_after_a_fast_clock_was_set_right_is_seen_at_once(arrived):
    """A poll by a clock that was fast by an hour does not hide what is booked within the next hour."""
    house, host = arrived
    host.set_clock(HOUR)
    host.house.drain()
    host.set_clock(-HOUR)
    house.sandbox.book(bookings.own_sale(A, host.clock()))
    host.later(20, 1)
    assert house.documents == [("invoice", A)]


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(minutes=-5)], ids=["ahead", "behind"])
def test_hosts_five_minutes_apart_double_nothing(arrived, ahead):
    """The other host ends the lease early or late by its own clock; the late order is found by whoever looks."""
    house, host = arrived
    other = Host(house, ahead=ahead)
    house.sandbox.book(bookings.own_sale(A, NOW))
    wire = slow(host)
    host.later(10, 1)
    for _ in range(8):
        host.later(60, 1)
        other.later(60, 1)
    assert len(wire.on_its_way) == 1
    wire.arrive()
    for _ in range(10):
        host.later(180, 1)
        other.later(180, 1)
    assert house.documents == [("invoice", A)]
    assert house.rows(tables.Delivery, "state") == [("confirmed",)]
