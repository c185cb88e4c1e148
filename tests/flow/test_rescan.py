"""The net below the poll: once a day a whole day is looked at again, and what ends soon is read again."""

from datetime import timedelta

from worker.flow.poll import Rescanned, rescan
from worker.sandbox.bookings import own_sale
from worker.store import tables

A = 9_000_001


def test_what_the_index_showed_too_late_is_found_by_the_rescan(house):
    """A booking that Bokun's search shows hours after its change, behind the overlap, becomes a document after all."""
    connection = house.sandbox.connect()["id"]
    house.drain()
    house.clock.pass_by(hours=5)
    house.drain()
    house.sandbox.book(own_sale(A, house.clock()), modified=house.clock() - timedelta(hours=4))
    house.later(minutes=5)
    assert house.documents == []
    assert rescan(house.services) == Rescanned(1, 0)
    house.drain()
    assert (house.documents, house.connection(connection).watermark) == ([("invoice", A)], house.clock())


def test_a_tour_that_ends_within_a_day_is_read_again(house):
    """A waiting booking is read once more before its end; what was moved meanwhile has a new end."""
    house.sandbox.connect(issueInvoiceOnComplete=True)
    house.sandbox.book(own_sale(A, house.clock(), ends_in=timedelta(hours=12)))
    house.drain()
    assert rescan(house.services).bookings == 1
    assert house.rows(tables.Notice, "booking_id", "source") == [(A, "rescan")]


def test_a_poll_under_way_keeps_its_window(house):
    """The rescan leaves a connection alone whose poll is in the middle of its window."""
    house.sandbox.connect()
    house.drain()
    house.services.database.run(
        lambda open_: open_.execute(tables.Connection.__table__.update().values(poll_until=house.clock()))
    )
    assert rescan(house.services) == Rescanned(0, 0)
