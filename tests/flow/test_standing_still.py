"""Long polls, pauses and connections that go away: what stands still loses nothing."""

from dataclasses import dataclass

import pytest

from worker.domain.delivery import State
from worker.flow import judge
from worker.flow.poll import poll
from worker.sandbox.bookings import own_sale
from worker.store import connections, notices
from worker.store.tables import Booking, Connection, Delivery


@dataclass(frozen=True)
class AfterCalls:
    """Time that is over after so many looks at the clock."""

    left: list[int]

    @property
    def over(self) -> bool:
        self.left[0] -= 1
        return self.left[0] < 0


def fill(house, count: int) -> None:
    for number in range(count):
        house.sandbox.book(own_sale(5000 + number, house.clock()))


def test_a_long_poll_goes_on_at_its_page(house):
    """A poll that runs out of time keeps its page, and the next one sees the rest before the watermark moves."""
    connection = house.sandbox.connect()["id"]
    fill(house, 120)
    house.mirror()
    first = poll(house.services, house.connection(connection), AfterCalls([2]))
    before = house.connection(connection).watermark
    second = poll(house.services, house.connection(connection), AfterCalls([99]))
    with house.services.database.reading() as open_:
        unread = notices.unread(open_)
    assert (first.more, first.notices, before) == (True, 100, None)
    assert (second.more, first.notices + second.notices, unread) == (False, 120, 120)
    assert house.connection(connection).watermark is not None


def test_two_polls_at_once_are_one(house):
    """While a poll of a connection is under way, a second one leaves it alone."""
    connection = house.sandbox.connect()["id"]
    fill(house, 1)
    house.mirror()
    stored, now = house.connection(connection), house.clock()
    house.services.database.run(
        lambda open_: connections.change(open_, stored.id, poll_lease_until=now.replace(year=now.year + 1))
    )
    asked = len(house.sandbox.requests)
    poll(house.services, stored, AfterCalls([99]))
    assert len(house.sandbox.requests) == asked


def test_a_paused_connection_piles_up_and_folds(house):
    """What is noticed during a pause is read once per booking when the pause ends."""
    connection = house.sandbox.connect()["id"]
    fill(house, 1)
    house.mirror()
    house.poll()
    change = {"paused_at": house.clock()}
    house.services.database.run(lambda open_: connections.change(open_, connection, **change))
    for _ in range(3):
        house.services.database.run(lambda open_: notices.note(open_, "webhook", [(connection, 5000)], house.clock()))
        house.plan()
    reads = [each for each in house.sandbox.requests if "/booking.json/booking/" in each["path"]]
    house.services.database.run(lambda open_: connections.change(open_, connection, paused_at=None))
    house.drain()
    again = [each for each in house.sandbox.requests if "/booking.json/booking/" in each["path"]]
    assert (len(reads), len(again), len(house.sandbox.documents)) == (0, 1, 1)


def test_what_is_planned_for_a_gone_connection_is_held(house):
    """One list without a connection stops its sends, a second one holds what was planned, and nothing is sent."""
    connection = house.sandbox.connect()["id"]
    fill(house, 1)
    house.mirror()
    house.poll()
    house.plan()
    house.sandbox.world.connections.delete(connection)
    house.mirror()
    still = house.deliveries
    house.mirror()
    house.deliver()
    assert (still[0][2], house.deliveries[0][2], house.sandbox.documents) == (State.PLANNED, State.HELD, [])
    assert house.reasons == ["the connection is gone from Space Invoices"]


def test_a_connection_that_comes_back_goes_on(house):
    """A connection that one list left out by mistake goes on with the next list."""
    connection = house.sandbox.connect()["id"]
    fill(house, 1)
    house.mirror()
    house.poll()
    house.plan()
    house.services.database.run(lambda open_: connections.change(open_, connection, gone_at=house.clock()))
    assert house.rows(Connection, "gone_at") != [(None,)]
    house.drain(2)
    assert len(house.sandbox.documents) == 1


def test_what_a_brake_held_stays_held_when_its_booking_changes(house):
    """A changed booking does not slip past the brake: the held delivery learns the change and waits for a person."""
    braked = house.with_terms(brake_amount="10")
    house.sandbox.connect()
    fill(house, 1)
    braked.drain()
    house.sandbox.change(5000, reprice="99.00")
    braked.later(minutes=10)
    [(state, amount)] = house.rows(Delivery, "state", "amount")
    assert (state, amount, house.sandbox.documents) == ("held", "99.00", [])


def test_a_booking_that_breaks_the_reader_is_asked_about(house, monkeypatch):
    """A booking that raises while it is read is stored with the question, and its neighbours go on."""
    house.sandbox.connect()
    fill(house, 2)
    read = judge.to_booking

    def broken(payload, **more):
        if payload["bookingId"] == 5000:
            raise ZeroDivisionError
        return read(payload, **more)

    monkeypatch.setattr(judge, "to_booking", broken)
    house.drain()
    assert house.rows(Booking, "booking_id", "rule") == [(5000, "unreadable"), (5001, "on-arrival")]
    assert len(house.sandbox.documents) == 1


@pytest.mark.parametrize("code", [404, 501])
def test_without_a_list_of_orders_nothing_is_sent_and_a_person_is_asked(house, code):
    """Where the remote shows no orders, nothing can be looked for: the delivery is held with that reason."""
    house.sandbox.connect()
    fill(house, 1)
    house.sandbox.faults.add(remote="space-invoices", path="/orders", kind="status", code=code, times=None)
    for _ in range(16):
        house.later(minutes=20)
    assert (house.deliveries[0][2], house.sandbox.documents) == ("held", [])
    assert house.reasons[0].startswith("the orders of the organization cannot be looked at")
