"""How many orders a drain sends before it knows that the remote takes them."""

import time

import pytest

from worker.flow.services import PACE_LASTS
from worker.sandbox import bookings

A = 9_600_001
MANY = 60


def sell(house, first):
    for id_ in range(first, first + MANY):
        house.sandbox.book(bookings.own_sale(id_, house.clock()))
    house.poll()
    house.plan()


@pytest.fixture
def busy(house):
    """As many are due as a drain sends at its full pace and more."""
    house.sandbox.connect()
    house.mirror()
    sell(house, A)
    return house


def felt(house, first):
    """So many orders left in the drain after which everything fails."""
    sell(house, first)
    house.sandbox.faults.add(remote="space-invoices", method="POST", path="/order$", kind="reset", times=None)
    before = house.posts
    house.deliver()
    return house.posts - before


def test_a_drain_begins_with_a_few(busy):
    """A remote of which nothing is known is sent four orders, and few more once they are lost."""
    assert 4 <= felt(busy, A + MANY) <= 6


def test_a_drain_goes_on_at_the_pace_of_the_last_one(busy):
    """What took orders a moment ago is sent as many as it was sent then."""
    busy.deliver()
    assert felt(busy, A + MANY) >= 16


def test_a_pace_is_forgotten(busy):
    """What took orders longer ago is felt for again."""
    busy.deliver()
    later = busy.with_services(monotonic=lambda: time.monotonic() + PACE_LASTS)
    assert 4 <= felt(later, A + MANY) <= 6


def test_a_pace_is_of_orders_that_were_taken(busy):
    """A drain that sent nothing, or that was not taken from any more, says nothing of the remote."""
    busy.deliver()
    felt(busy, A + MANY)
    busy.clock.pass_by(hours=1)
    assert 4 <= felt(busy, A + 2 * MANY) <= 6
