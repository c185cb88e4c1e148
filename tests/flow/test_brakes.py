"""Brakes catch what would be too much; a person's release, with its reason, goes past them."""

from dataclasses import replace
from datetime import timedelta

from tests.builders import NOW
from worker.domain.delivery import Event
from worker.flow.explain import explain
from worker.flow.people import Wanted, choose, decide_all, sums
from worker.sandbox import bookings
from worker.store import tables

A = 9_000_001


def fill(house, count, first=A, **knobs):
    for id_ in range(first, first + count):
        house.sandbox.book(bookings.own_sale(id_, house.clock(), **knobs))


def held(house, **said):
    return choose(house.services, Wanted(state="held", **said))


def release(house, rows):
    return decide_all(house.services, [row.id for row in rows], Event.RELEASED, because="checked")


def test_never_more_documents_an_hour_than_the_brake_says(house):
    """Two hundred forged bookings within an hour become ten documents; all others are held."""
    braked = house.with_terms(brake_per_hour=10)
    braked.sandbox.connect()
    for batch in range(2):
        fill(braked, 100, first=A + 100 * batch)
        braked.later(minutes=10)
    assert (braked.posts, len(held(braked))) == (10, 190)
    assert set(braked.reasons) - {None} == {"the brake of 10 documents an hour was reached"}


def test_repeated_events_do_not_use_up_the_brake(house):
    """A booking noticed a hundred times is one document, and the brake is not reached by it."""
    braked = house.with_terms(brake_per_hour=2)
    braked.sandbox.connect()
    fill(braked, 1)
    for _ in range(20):
        braked.sandbox.change(A, fields={"externalBookingReference": "again"})
        braked.later(seconds=30)
    fill(braked, 1, first=A + 1)
    braked.drain()
    assert (len(braked.documents), held(braked)) == (2, [])


def test_a_release_goes_past_the_brake(house):
    """What a person releases is sent although the hour is full, and does not fill it for others."""
    braked = house.with_terms(brake_per_hour=2)
    braked.sandbox.connect()
    fill(braked, 6)
    braked.drain()
    release(braked, held(braked))
    braked.drain(3)
    assert (len(braked.documents), braked.most_documents()) == (6, 1)


def test_an_amount_above_the_brake_is_held(house):
    """A document of more than the amount brake waits for a person; smaller ones go."""
    braked = house.with_terms(brake_amount="100")
    braked.sandbox.connect()
    fill(braked, 1, total="99.00")
    fill(braked, 1, first=A + 1, total="101.00")
    braked.drain()
    assert (braked.documents, [row.amount for row in held(braked)]) == ([("invoice", A)], ["101.00"])


def test_a_booking_older_than_the_brake_is_held(house):
    """A booking of last year is not invoiced by surprise."""
    braked = house.with_terms(brake_age_days=30)
    braked.sandbox.connect()
    fill(braked, 1, created=NOW - timedelta(days=31))
    fill(braked, 1, first=A + 1, created=NOW - timedelta(days=29))
    braked.drain()
    assert braked.documents == [("invoice", A + 1)]


def test_one_connections_brake_does_not_hold_another(house):
    """A brake of a connection's own leaves other organizations' documents alone."""
    other = house.sandbox.add_organization("org-7")
    first = house.sandbox.connect()["id"]
    organizations = (house.sandbox.organization, other)
    house = house.with_services(terms=replace(house.services.terms, organizations=organizations))
    house.sandbox.connect("Other", organization=other)
    house.mirror()
    with house.services.database.transaction() as open_:
        open_.execute(
            tables.Connection.__table__.update().where(tables.Connection.id == first).values(brake_per_hour=1)
        )
    fill(house, 3)
    house.drain(2)
    assert (len(house.documents), len(held(house, connection=first))) == (4, 2)


def test_explain_shows_the_brakes_and_how_to_go_past_them(house):
    """A braked booking's story names the brakes in force, the reason and the command."""
    braked = house.with_terms(brake_amount="10")
    braked.sandbox.connect()
    fill(braked, 1)
    braked.drain()
    [story] = explain(braked.services, str(A))
    assert story.record["brakes"] == {"per_hour": None, "amount": "10", "age_days": None}
    assert "the amount brake of 10 was reached" in story.next[0]
    assert "bokun-sync deliveries release 1 --because" in story.next[0]


def test_many_are_chosen_by_reason_connection_and_time(house):
    """Filters choose exactly the held deliveries that fit, and the sums are theirs."""
    braked = house.with_terms(brake_amount="10")
    connection = braked.sandbox.connect()["id"]
    fill(braked, 2, total="20.00")
    braked.drain()
    assert len(held(braked, reason="Amount brake", connection=connection, since=NOW)) == 2
    assert [held(braked, **none) for none in ({"reason": "refused"}, {"connection": "c9"})] == [[], []]
    assert held(braked, since=NOW + timedelta(days=1)) == []
    assert sums(held(braked)) == [
        {"connection": connection, "document": "invoice", "currency": "EUR", "count": 2, "amount": "40.00"}
    ]


def test_many_are_settled_with_one_reason(house):
    """Settled deliveries are never sent, their bookings count as told, and the ledger keeps why."""
    braked = house.with_terms(brake_amount="10")
    braked.sandbox.connect()
    fill(braked, 3)
    braked.drain()
    decide_all(braked.services, [row.id for row in held(braked)], Event.SETTLED, because="by hand")
    braked.later(hours=2)
    assert (braked.posts, {rule for _, rule in braked.decisions}) == (0, {"already-invoiced"})
    assert braked.rows(tables.Verdict, "event", "because") == [("settled", "by hand")] * 3
