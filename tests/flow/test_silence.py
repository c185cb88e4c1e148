"""Polls that find what no webhook announced say that webhooks look broken."""

import pytest
from structlog.testing import capture_logs

from tests.builders import NOW
from tests.flow.test_hear import announce
from worker.sandbox.bookings import own_sale
from worker.store import tables


@pytest.fixture
def expecting(house):
    """A house that expects webhooks, after its first poll of one old booking."""
    expecting = house.with_terms(webhook_token="token")
    expecting.sandbox.connect()
    expecting.sandbox.book(own_sale(1, NOW))
    expecting.drain()
    return expecting


def find(house, *bookings):
    """Polls find these new bookings, and another poll after a while."""
    for booking in bookings:
        house.sandbox.book(own_sale(booking, NOW), modified=house.clock())
    house.drain()
    house.later(minutes=5)


def silent(house):
    """The connections whose webhooks look broken, with the number of unannounced changes."""
    return [missed for (missed,) in house.rows(tables.Silence, "unannounced")]


def test_broken(expecting):
    """Three changes in a row that no webhook announced: webhooks look broken, said once."""
    with capture_logs() as lines:
        find(expecting, 2, 3, 4)
        find(expecting, 5)
    assert silent(expecting) == [4]
    assert [each["count"] for each in lines if each["event"] == "webhooks.silent"] == [3]


def test_one_is_lost(expecting):
    """One or two lost webhooks are Bokun's everyday."""
    find(expecting, 2, 3)
    assert silent(expecting) == []


def test_announced(expecting):
    """Changes that were announced are none that were missed."""
    announce(expecting, 2, 3, 4)
    find(expecting, 2, 3, 4)
    assert silent(expecting) == []


def test_comes_again(expecting):
    """A webhook that comes again ends it."""
    find(expecting, 2, 3, 4)
    announce(expecting, 5)
    with capture_logs() as lines:
        find(expecting, 5)
    assert silent(expecting) == []
    assert "webhooks.heard" in {each["event"] for each in lines}


def test_not_expected(house):
    """Where no webhook is configured and none ever came, nothing is missed."""
    house.sandbox.connect()
    house.drain()
    find(house, 2, 3, 4, 5)
    assert silent(house) == []


def test_stopped_coming(house):
    """Without any setting, webhooks that came once are expected from then on."""
    house.sandbox.connect()
    house.drain()
    announce(house, 1)
    house.clock.pass_by(hours=2)
    find(house, 2, 3, 4)
    assert silent(house) == [3]


def test_first_poll(house):
    """What the first poll finds was booked before anybody listened."""
    expecting = house.with_terms(webhook_token="token")
    expecting.sandbox.connect()
    find(expecting, 1, 2, 3, 4)
    assert silent(expecting) == []


def test_forgotten(expecting):
    """What is more than eight days old is forgotten."""
    announce(expecting, 2)
    find(expecting, 2)
    expecting.later(days=9)
    expecting.later(minutes=5)
    assert expecting.rows(tables.Hearing, "booking_id") == []
