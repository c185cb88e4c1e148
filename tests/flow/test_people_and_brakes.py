"""Brakes hold until a person releases; a person's word is kept, and sends or ends a delivery."""

from datetime import timedelta

import pytest

from worker.domain.delivery import Event
from worker.flow.people import decide_all
from worker.sandbox import bookings
from worker.store import tables

A, B, C = 9_000_001, 9_000_002, 9_000_003


def book(house, *ids, **knobs):
    for id_ in ids:
        house.sandbox.book(bookings.own_sale(id_, house.clock(), **knobs))


def by_hand(house, event, delivery=1):
    return decide_all(house.services, [delivery], event, because="I looked") == [delivery]


def states(house):
    return [state for _, _, state in house.deliveries]


def test_the_brake_per_hour_holds_what_is_past_it(house):
    """So many go out in an hour, the rest is held and stays held in the next hour."""
    house = house.with_terms(brake_per_hour=2)
    house.sandbox.connect()
    book(house, A, B, C)
    house.drain()
    house.later(hours=2)
    assert (len(house.documents), sorted(states(house))) == (2, ["confirmed", "confirmed", "held"])
    assert "the brake of 2 documents an hour was reached" in house.reasons


def test_the_amount_brake_holds_what_is_more(house):
    """More than the amount is held, the amount itself goes out."""
    house = house.with_terms(brake_amount="100.00")
    house.sandbox.connect()
    book(house, A, total="100.00")
    book(house, B, total="100.01")
    house.drain()
    assert (house.documents, states(house)) == ([("invoice", A)], ["confirmed", "held"])


def test_the_age_brake_holds_what_was_booked_long_ago(house):
    """A booking made before so many days is held."""
    house = house.with_terms(brake_age_days=3)
    house.sandbox.connect()
    book(house, A, created=house.clock() - timedelta(days=4))
    book(house, B, created=house.clock() - timedelta(days=2))
    house.drain()
    assert (house.documents, states(house)) == ([("invoice", B)], ["held", "confirmed"])


def test_a_released_delivery_is_past_the_brake(house):
    """What a person released is sent, whatever the brake says, and the reason is in the ledger."""
    house = house.with_terms(brake_amount="1.00")
    house.sandbox.connect()
    book(house, A)
    house.drain()
    assert by_hand(house, Event.RELEASED)
    house.drain()
    assert (house.documents, states(house)) == ([("invoice", A)], ["confirmed"])
    assert house.rows(tables.Verdict, "event", "because") == [("released", "I looked")]


@pytest.fixture
def unproven(house):
    """A house with one delivery that was accepted and never showed."""
    house.sandbox.connect()
    book(house, A)
    order = {"remote": "space-invoices", "method": "POST", "path": "/order$"}
    house.sandbox.faults.add(**order, kind="status", code=200, body={})
    house.settle_down()
    assert states(house) == ["held"]
    return house


def test_what_may_have_arrived_is_sent_again_only_by_a_person(unproven):
    """Released it goes out once more, and is confirmed."""
    by_hand(unproven, Event.RELEASED)
    unproven.drain(2)
    assert (unproven.documents, unproven.posts, states(unproven)) == ([("invoice", A)], 2, ["confirmed"])


def test_what_arrived_after_all_is_found_by_a_released_delivery(unproven):
    """A release looks once more before it sends: the invoice that stands is not issued a second time."""
    world, [connection] = unproven.sandbox.world, unproven.sandbox.connections
    owner = {"organizationId": connection["organizationId"]}
    invoice = world.documents.create(
        {"type": "invoice", "bookingId": A, "issuedAt": "2025-01-01T00:00:00.000Z", **owner}
    )
    late = {"bokunId": connection["id"], "orderId": str(A), "invoiceId": invoice["id"], "estimateId": None, **owner}
    world.orders.create(late)
    by_hand(unproven, Event.RELEASED)
    unproven.drain(2)
    assert (unproven.posts, states(unproven)) == (1, ["confirmed"])


def test_a_settled_delivery_counts_as_told(unproven):
    """Marked as dealt with, nothing is ever sent for it, and a change asks again."""
    by_hand(unproven, Event.SETTLED)
    unproven.later(hours=1)
    before = unproven.decisions
    unproven.sandbox.change(A, reprice="5.00")
    unproven.later(minutes=5)
    assert (before, unproven.decisions) == ([("skip", "already-invoiced")], [("ask", "changed-after-document")])
    assert (unproven.posts, states(unproven)) == (1, ["settled"])


def test_a_word_comes_too_late_for_what_is_not_held(house):
    """Nothing is written down where nothing was done."""
    house.sandbox.connect()
    book(house, A)
    house.drain()
    assert [by_hand(house, event) for event in (Event.RELEASED, Event.SETTLED)] == [False, False]
    assert house.rows(tables.Verdict, "event") == []


def test_two_processes_at_once_send_each_order_once(house):
    """Two workers that deliver the same backlog share it; no booking is told twice."""
    from tests.flow.test_storm import twice

    house.sandbox.connect()
    book(house, *range(A, A + 12))
    house.mirror()
    house.poll()
    house.plan()
    twice(house)
    house.later(minutes=1)
    assert (house.posts, house.most_documents(), states(house)) == (12, 1, ["confirmed"] * 12)
