"""What a person deleted in Space Invoices is not made again, until a person says so (ADR 10)."""

from datetime import timedelta

import pytest

from worker.domain.delivery import Event
from worker.flow.people import decide_all
from worker.sandbox import bookings
from worker.store import tables

A = 9_000_001
ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}


@pytest.fixture
def booked(house):
    """One sale that is due."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    return house


def delete_orders(house):
    for each in house.sandbox.orders:
        house.sandbox.world.orders.delete(each["id"])


def forget_deliveries(house):
    """The database is the one of a backup from before."""
    with house.services.database.transaction() as open_:
        for model in (tables.Delivery, tables.Attempt, tables.Look, tables.Booking, tables.Sighting):
            open_.execute(model.__table__.delete())
        open_.execute(tables.Connection.__table__.update().values(watermark=None))


def release(house):
    [(delivery,)] = house.rows(tables.Delivery, "id")
    assert decide_all(house.services, [delivery], Event.RELEASED, because="it is wanted") == [delivery]


def test_a_confirmed_document_that_is_deleted_stays_told(booked):
    """Two days of bells after its order was deleted no second document exists."""
    booked.drain(2)
    delete_orders(booked)
    for _ in range(8):
        booked.later(hours=6)
    assert (booked.posts, booked.deliveries) == (1, [("received", "invoice", "confirmed")])


def test_an_unanswered_one_that_was_deleted_is_held(booked):
    """A lost answer, and the order deleted before we looked: it is no absence."""
    booked.sandbox.faults.add(**ORDER, kind="reset", after_effect=True)
    booked.mirror()
    booked.poll()
    booked.plan()
    booked.deliver()
    delete_orders(booked)
    booked.settle_down()
    assert (booked.posts, booked.deliveries) == (1, [("received", "invoice", "held")])


def test_after_a_restored_backup_what_was_deleted_is_held(booked):
    """A deployment that knows nothing of the document finds its deleted order before it sends."""
    booked.drain(2)
    delete_orders(booked)
    forget_deliveries(booked)
    booked.settle_down()
    [order] = booked.sandbox.orders
    assert booked.posts == 1
    assert booked.reasons == [
        f"order {order['id']} was deleted in Space Invoices: it is not made again without release"
    ]


def test_with_release_it_is_made_again(booked):
    """A person who wants the document again gets one more, and only one."""
    booked.drain(2)
    delete_orders(booked)
    forget_deliveries(booked)
    booked.drain(2)
    release(booked)
    booked.settle_down()
    assert (booked.posts, booked.deliveries) == (2, [("received", "invoice", "confirmed")])


def test_an_order_whose_document_was_deleted_asks_and_goes_on_by_release(booked):
    """An order without its document is waited for, then a person decides, and the release is not held up for ever."""
    booked.drain(2)
    booked.sandbox.world.orders.patch(booked.sandbox.orders[0]["id"], {"invoiceId": None})
    forget_deliveries(booked)
    for _ in range(20):
        booked.later(minutes=16)
    before = booked.posts, booked.deliveries
    release(booked)
    for _ in range(20):
        booked.later(minutes=16)
    assert before == (1, [("received", "invoice", "held")])
    assert (booked.posts, booked.deliveries) == (2, [("received", "invoice", "confirmed")])


def test_a_change_of_a_deleted_document_is_not_told(house):
    """Where the invoice is gone a change would make a new one: it is held instead."""
    built = house.with_terms(on_change="tell")
    built.sandbox.connect()
    built.sandbox.book(bookings.own_sale(A, built.clock(), ends_in=timedelta(days=3)))
    built.drain(2)
    delete_orders(built)
    built.sandbox.change(A, reprice="80.00")
    for _ in range(4):
        built.later(minutes=10)
    assert (built.posts, built.deliveries[-1]) == (1, ("changed", "invoice", "held"))
