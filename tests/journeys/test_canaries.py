"""Planted secrets and persons: where they may be, and where they must not."""

import logging

import redis as client
from sqlalchemy import select

from config import logs
from tests import servers
from tests.builders import settings
from worker.app import celery_app, ring
from worker.sandbox.bookings import own_sale
from worker.store import connections, tables
from worker.wiring import vault

A = 9_000_001
TOKEN, SECRET, ACCESS = "canary-token-9e1", "canary-bokun-secret-9e2", "canary-bokun-access-9e3"
PERSON, MAIL, PHONE = "Canaria Vogelsang", "canary-9e4@example.com", "+3990000094"
FAULTS = ({"kind": "status", "code": 422, "body": {"error": {"message": "no"}}}, {"kind": "reset"}, {"kind": "html"})
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def planted(clock, id_):
    """A booking of a person who would be noticed."""
    made = own_sale(id_, clock())
    who = {"firstName": "Canaria", "lastName": "Vogelsang", "email": MAIL, "phoneNumber": PHONE}
    made["customer"].update(who)
    made["invoice"]["recipient"].update(who)
    made["invoice"]["recipientName"] = PERSON
    return made


def play(house):
    """Bookings of such persons through every kind of outcome, under such credentials."""
    house.sandbox.world.token = TOKEN
    house.sandbox.access_key, house.sandbox.secret_key = ACCESS, SECRET
    house.sandbox.add_account(ACCESS, SECRET)
    connection = house.sandbox.connect()["id"]
    for number, fault in enumerate((*FAULTS, None)):
        house.sandbox.book(planted(house.clock, A + number))
        if fault:
            house.sandbox.faults.add(remote="space-invoices", path="/order$", booking=A + number, **fault)
    house.sandbox.faults.add(remote="bokun", path="booking-search", kind="garbage")
    house.settle_down()
    closed = vault(settings(secret_key=KEY))
    keys = {"access_key": closed.close(ACCESS), "secret_key": closed.close(SECRET)}
    with house.services.database.transaction() as open_:
        connections.change(open_, connection, **keys)
    return connection


def dump(house):
    """The whole database as text."""
    with house.services.database.reading() as open_:
        rows = [tuple(row) for each in tables.metadata.sorted_tables for row in open_.execute(select(each))]
    return "\n".join(map(str, rows))


def on_the_broker(names):
    """Everything that Redis holds after these bells, as text."""
    with servers.redis() as url:
        celery_app(settings(redis_url=url))
        for name, *ids in names:
            ring(name, *ids)
        held = client.Redis.from_url(url)
        return "\n".join(str(held.lrange(key, 0, -1)) for key in held.keys("*") if held.type(key) == b"list")


def test_no_secret_and_no_person_leaves_the_house(house, capfd):
    """Tokens and keys are nowhere, persons only in the database's bookings: not in logs and not on the broker."""
    logs.configure("json", "debug")
    logging.getLogger().setLevel(logging.DEBUG)
    connection = play(house)
    kept, said = dump(house), "".join(capfd.readouterr())
    bells = on_the_broker([("tasks.deliver.due",), ("tasks.poll.connection", connection)])
    assert (len(house.documents), "attempt.failed" in said, connection in bells, "Vogelsang" in kept) == (
        3,
        True,
        True,
        True,
    )
    assert [word for word in (TOKEN, SECRET, ACCESS) if word in kept + said + bells] == []
    assert [word for word in (PERSON, "Vogelsang", MAIL, PHONE) if word in said + bells] == []
