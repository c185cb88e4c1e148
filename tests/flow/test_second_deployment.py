"""A second deployment, with a database of its own, is pointed at the same organization by mistake."""

import pytest

from tests.builders import database_in
from worker.sandbox import bookings
from worker.store import tables

FIRST, MANY = 9_600_001, 12


@pytest.fixture
def staging(house, tmp_path):
    """The deployment that should have been pointed at a stand-in."""
    database = database_in(tmp_path)
    yield house.with_services(database=database)
    database.close()


def test_a_staging_that_points_at_production_sends_nothing_of_what_was_told(house, staging):
    """It finds every invoice there, confirms it as found, and does not make one call that could make a document."""
    house.sandbox.connect()
    for number in range(FIRST, FIRST + MANY):
        house.sandbox.book(bookings.own_sale(number, house.clock()))
    house.drain(2)
    posts = house.posts
    staging.drain(2)
    staging.settle_down()
    assert (posts, house.posts) == (MANY, MANY)
    assert staging.rows(tables.Delivery, "state", "reason") == [("confirmed", "it was there already")] * MANY


def test_two_deployments_side_by_side_share_what_is_told(house, staging):
    """What comes while both run is told by whoever is first; the other one looks before it sends."""
    house.sandbox.connect()
    for number in range(FIRST, FIRST + MANY):
        house.sandbox.book(bookings.own_sale(number, house.clock()))
        for deployment in (house, staging) if number % 2 else (staging, house):
            deployment.later(seconds=10)
    house.settle_down()
    staging.settle_down()
    assert sorted(house.documents) == [("invoice", number) for number in range(FIRST, FIRST + MANY)]
