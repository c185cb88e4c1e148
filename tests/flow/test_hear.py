"""A webhook is a hint: the booking is read again until it shows the change, and in no account that does not know it."""

import pytest

from tests.builders import NOW
from worker.sandbox.bookings import own_sale
from worker.store import tables
from worker.web.inbox import Announced, store


@pytest.fixture
def known(house):
    """One connection and one booking whose invoice is out."""
    house.sandbox.connect()
    house.sandbox.book(own_sale(7, NOW))
    house.drain(2)
    return house


def announce(house, *bookings):
    """Webhooks came."""
    group = [Announced(booking, None) for booking in bookings or (7,)]
    house.services.database.run(lambda open_: store(open_, group, house.clock()))


def reads(house):
    """How often booking 7 was read from Bokun."""
    return sum(1 for each in house.sandbox.requests if each["path"].startswith("/booking.json/booking/7"))


def test_looked_at_again(known):
    """A booking that shows no change is read again with growing waits for two minutes, then left to the poll."""
    announce(known)
    waits, before = [], reads(known)
    for second in range(200):
        known.plan()
        if reads(known) > before:
            waits.append(second)
            before = reads(known)
        known.clock.pass_by(seconds=1)
    assert waits == [0, 8, 24, 56, 120]


def test_until_it_shows(known):
    """It is read again until the change shows, and no longer."""
    announce(known)
    known.plan()
    known.sandbox.change(7, reprice="250.00")
    known.clock.pass_by(seconds=8)
    known.plan()
    assert known.decisions == [("ask", "changed-after-document")]
    assert known.rows(tables.Hearing, "looks", "look_at") == [(None, None)]


def test_holds_nothing_up(house):
    """A repeated webhook, which never shows a change, delays no delivery."""
    house.sandbox.connect()
    house.mirror()
    house.sandbox.book(own_sale(7, NOW))
    announce(house)
    house.plan()
    announce(house)
    house.plan()
    house.deliver()
    assert house.posts == 1
    assert house.rows(tables.Notice, "id") == []


def test_first_reading_is_a_change(house):
    """A booking that was never read shows its change by being there."""
    house.sandbox.connect()
    house.mirror()
    house.sandbox.book(own_sale(7, NOW))
    announce(house)
    house.plan()
    assert house.rows(tables.Hearing, "looks", "look_at") == [(None, None)]


@pytest.fixture
def two_accounts(house):
    """Two connections with an account each; booking 7 is in the second one only."""
    house.sandbox.add_account("other", "other-secret")
    house.sandbox.connect("First")
    second = house.sandbox.connect("Second", account="other")
    house.mirror()
    change = {"access_key": "other", "secret_key": "other-secret"}
    with house.services.database.transaction() as open_:
        mine = tables.Connection.__table__
        open_.execute(mine.update().where(mine.c.id == second["id"]).values(**change))
    house.sandbox.book(own_sale(7, NOW), "other")
    return house


def test_other_account(two_accounts):
    """An account that does not know the booking neither asks a person nor keeps a notice; the right one is told."""
    announce(two_accounts)
    for _ in range(3):
        two_accounts.plan()
        two_accounts.clock.pass_by(seconds=60)
    assert two_accounts.decisions == [("tell", "on-arrival")]
    assert two_accounts.rows(tables.Notice, "id") == []


@pytest.mark.parametrize("fault", [{"kind": "redirect"}, {"kind": "status", "status": 403}])
def test_other_account_may_not(two_accounts, fault):
    """An account that may not see the booking is not blocked for it, and the right one is told."""
    two_accounts.sandbox.faults.add(path="/booking.json/booking/7", **fault)
    announce(two_accounts)
    for _ in range(3):
        two_accounts.plan()
        two_accounts.clock.pass_by(seconds=60)
    assert two_accounts.rows(tables.Connection, "blocked_by") == [(None,), (None,)]
    assert two_accounts.decisions == [("tell", "on-arrival")]


def test_nobody_knows_it(two_accounts):
    """A booking that no account knows is dropped after some tries and asks nobody."""
    announce(two_accounts, 8)
    for _ in range(10):
        two_accounts.plan()
        two_accounts.clock.pass_by(minutes=15)
    assert (two_accounts.decisions, two_accounts.rows(tables.Notice, "id")) == ([], [])
