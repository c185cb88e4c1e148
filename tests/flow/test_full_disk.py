"""A database that has no room left: nothing is promised, nothing is sent without its claim, and then all goes on."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import DBAPIError

from tests.builders import database_in
from tests.disks import Full
from worker.sandbox import bookings
from worker.store import tables

FIRST, MANY = 9_000_001, 60


@pytest.fixture
def disk(tmp_path):
    """A database in a file of its own that can be full."""
    database = database_in(tmp_path)
    yield Full(database)
    database.close()


@pytest.fixture
def small(house, disk):
    """The house on it, with sixty bookings whose invoices are planned."""
    house = house.with_services(database=disk.database)
    house.sandbox.connect()
    for id_ in range(FIRST, FIRST + MANY):
        house.sandbox.book(bookings.own_sale(id_, house.clock()))
    house.mirror()
    house.poll()
    house.plan()
    return house


def refused(house):
    """Whether the database refused to go on delivering; returns when what was on its way has ended."""
    with ThreadPoolExecutor(8) as pool:
        try:
            house.with_services(pool=pool).deliver()
        except DBAPIError:
            return True
    return False


def test_no_order_leaves_without_room_for_its_claim(small, disk):
    """On a full disk nothing is sent that is not written down; with room again each booking gets its one invoice."""
    disk.fill()
    assert refused(small)
    assert small.posts == len(small.rows(tables.Attempt, "id")) < MANY
    disk.clear()
    small.settle_down()
    assert sorted(small.documents) == [("invoice", id_) for id_ in range(FIRST, FIRST + MANY)]


def test_an_answer_that_cannot_be_written_down_is_found(small, disk, monkeypatch):
    """The disk fills while orders are on their way: their outcomes are lost, they are looked up and not sent again."""
    send = small.services.space_invoices.wire.send

    def sent(wire, request):
        answer = send(request)
        if request.method == "POST":
            disk.fill()
        return answer

    monkeypatch.setattr(type(small.services.space_invoices.wire), "send", sent)
    assert refused(small)
    monkeypatch.undo()
    assert 0 < small.posts == len(small.rows(tables.Attempt, "id"))
    disk.clear()
    small.settle_down()
    assert sorted(small.documents) == [("invoice", id_) for id_ in range(FIRST, FIRST + MANY)]
    assert small.posts == MANY
