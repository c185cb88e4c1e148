"""Lanes: a seller with many due deliveries does not delay another's single one."""

from worker.sandbox import bookings
from worker.store import connections

MANY, ONE = 120, 9_500_000


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
    sent = [each["path"] for each in sandbox.requests if each["method"] == "POST" and each["path"].endswith("/order")]
    position = next(place for place, path in enumerate(sent) if small["id"] in path)
    assert (len(sent), position < 16) == (MANY + 1, True)
