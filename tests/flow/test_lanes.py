"""Lanes: a seller with ten thousand due deliveries does not delay another's single one (figures in docs/scaling.md).

One thread sends, so that the order in which orders arrive is the order in which they were claimed: which of many threads
runs first is the machine's affair.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from tests.builders import NOW, add_delivery
from worker.flow import stop
from worker.flow.deliver import deliver
from worker.flow.look import MOST
from worker.flow.services import Until
from worker.sandbox import bookings
from worker.store import connections, notices, tables

MANY, ONE = 120, 9_500_000
TEN_THOUSAND = 10_000


@pytest.fixture
def house(house):
    """The house with a single sender."""
    with ThreadPoolExecutor(1) as one:
        yield house.with_services(pool=one)


def sent(house):
    """The paths of the orders that Space Invoices was sent, in order."""
    paths = (each["path"] for each in house.sandbox.requests if each["method"] == "POST")
    return [path for path in paths if path.endswith("/order")]


def test_one_delivery_is_not_delayed_by_many(house):
    """With 120 due on one connection, another's single delivery is among the first 16 orders sent."""
    sandbox, now = house.sandbox, house.clock()
    sandbox.add_account("second", "secret")
    sandbox.connect("Large")
    small = sandbox.connect("Small", account="second")
    house.mirror()
    with house.services.database.transaction() as open_:
        connections.change(open_, small["id"], access_key="second", secret_key="secret")
    for index in range(MANY):
        sandbox.book(bookings.own_sale(9_000_001 + index, now))
    sandbox.book(bookings.own_sale(ONE, now), account="second")
    house.drain()
    position = next(place for place, path in enumerate(sent(house)) if small["id"] in path)
    assert (len(sent(house)), position < 16) == (MANY + 1, True)


@pytest.fixture
def ten_thousand(house, database):
    """Ten thousand deliveries of one seller, all due and looked for."""
    large, _ = house.sandbox.connect("Large")["id"], house.sandbox.connect("Small")["id"]
    house.mirror()
    first = add_delivery(
        database, connection_id=large, due_at=NOW - timedelta(hours=1), look_at=NOW + timedelta(days=1)
    )
    with database.transaction() as open_:
        delivery = tables.Delivery.__table__
        [row] = open_.execute(delivery.select().where(delivery.c.id == first)).mappings()
        rest = [{**row, "id": None, "booking_id": 10_000 + n, "key": str(n)} for n in range(TEN_THOUSAND - 1)]
        open_.execute(insert(delivery), [{k: v for k, v in each.items() if k != "id"} for each in rest])
    return house


@pytest.fixture
def not_looked_for(ten_thousand, database):
    """The same before anybody looked for them."""
    with database.transaction() as open_:
        open_.execute(update(tables.Delivery).values(looked_at=None, look_at=NOW))
    return ten_thousand


def position(house, database, *, after, chance):
    """How many orders of the large seller go out between the small one's delivery being due and its own order."""

    def small_is_sent():
        if len(sent(house)) >= after and not planned:
            planned.append(len(sent(house)))
            add_delivery(database, connection_id=small, booking_id=ONE, look_at=NOW + timedelta(days=1), key="one")
        return math.inf if any(small in path for path in sent(house)) else 0.0

    planned: list[int] = []
    small = house.sandbox.connections[1]["id"]
    services = house.with_services(chance=lambda: chance).services
    deliver(services, Until(small_is_sent, 1.0))
    return next(place for place, path in enumerate(sent(house)) if small in path) - planned[0]


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize(("after", "waits"), [(0, False), (300, True)])
def test_one_delivery_among_ten_thousand(ten_thousand, database, after, waits, chance):
    """Due at the start it is among the first two; due while the wire is full it waits for what is on the wire."""
    on_the_wire = 4 * ten_thousand.services.terms.in_flight if waits else 0
    assert position(ten_thousand, database, after=after, chance=chance) <= on_the_wire + 1


def test_nobody_waits_for_what_is_in_the_way_of_another(house, database):
    """What was just looked for has an unread notice; what a lost worker had looked for elsewhere is sent all the same."""
    held, free = house.sandbox.connect("Held")["id"], house.sandbox.connect("Free")["id"]
    house.mirror()
    add_delivery(database, connection_id=held, booking_id=ONE - 1, looked_at=None)
    database.run(lambda open_: notices.note(open_, "event", [(held, ONE - 1)], NOW))
    add_delivery(database, connection_id=free, booking_id=ONE, look_at=NOW + timedelta(days=1), key="one")
    deliver(house.services, house.until)
    assert [free in path for path in sent(house)] == [True]


def test_what_may_not_be_sent_is_not_looked_for_to_the_end(not_looked_for, database):
    """While everything is stopped a drain looks for one round of ten thousand, as the next one does, and sends nothing."""
    stop.stop(not_looked_for.services, because="a wrong rate")
    deliver(not_looked_for.services, not_looked_for.until)
    with database.reading() as open_:
        looked = open_.execute(select(func.count()).where(tables.Delivery.looked_at.is_not(None))).scalar_one()
    assert (looked, sent(not_looked_for)) == (MOST, [])
