"""What is read from both remotes: polls, connections, and bookings that cannot be read."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from tests.builders import NOW, add_connection, settings
from tests.simulation.play import Inline
from worker import wiring
from worker.calls.sending import CallFailed, Failure
from worker.sandbox import bookings
from worker.sandbox.exact import dumps
from worker.store import connections, notices, tables
from worker.store.secrets import Vault
from worker.store.statements import table

A, B = 9_000_001, 9_000_002
SEARCH = {"remote": "bokun", "path": "booking-search"}
DETAIL = {"remote": "bokun", "method": "GET"}


def book(house, *ids, **knobs):
    for id_ in ids:
        house.sandbox.book(bookings.own_sale(id_, house.clock(), **knobs))


def asked(house, part):
    return [each for each in house.sandbox.requests if part in each["path"]]


def watermarks(house):
    return house.rows(tables.Connection, "watermark")


def test_every_page_is_read(house):
    """More bookings than a page holds are all noticed, each once, and the watermark moves."""
    house.sandbox.connect()
    book(house, *range(A, A + 120))
    house.mirror()
    assert house.poll() == []
    assert sorted(house.rows(tables.Notice, "booking_id")) == [(id_,) for id_ in range(A, A + 120)]
    assert watermarks(house) == [(NOW,)]


def test_a_poll_that_fails_keeps_its_notices_and_its_watermark(house):
    """What was seen before the failure is stored; the watermark waits for a poll that comes to its end."""
    house.sandbox.connect()
    book(house, *range(A, A + 60))
    house.mirror()
    house.poll()
    house.clock.pass_by(minutes=5)
    book(house, *range(A + 60, A + 130))
    house.sandbox.faults.add(**SEARCH, kind="status", code=500)
    failed = house.poll()
    assert (failed, watermarks(house)) == (["Bokun answered 500"], [(NOW,)])
    assert house.poll() == []
    assert (watermarks(house), len(house.rows(tables.Notice, "id"))) == ([(house.clock(),)], 130)


def test_the_next_bookings_are_asked_for_before_the_first_are_decided(house):
    """Bokun answers while the database works; every booking is read once and decided."""
    house.sandbox.connect()
    book(house, *range(A, A + 9))
    house.mirror()
    house.poll()
    stored = []

    class Watched:
        def send_all(self, requests, *, at_once):
            return wire.send_all(map(self._watch, requests), at_once=at_once)

        def _watch(self, request):
            stored.append(len(house.rows(tables.Booking, "booking_id")))
            return request

    [connection] = house.sandbox.connections
    wire = house.services.bokun(house.connection(connection["id"])).wire

    def watched(connection):
        return replace(house.services.bokun(connection), wire=Watched())

    house.with_services(bokun=watched, aside=Inline()).plan()
    assert stored == [0] * 9
    assert len(house.rows(tables.Booking, "booking_id")) == 9


def test_a_poll_that_breaks_off_is_gone_on_with_at_once(house):
    """Whatever ended it: its connection is not left alone for as long as that of somebody who was killed."""
    house.sandbox.connect()
    book(house, A)
    house.mirror()

    def broken(connection):
        return replace(house.services.bokun(connection), wire=None)

    with pytest.raises(AttributeError):
        house.with_services(bokun=broken).poll()
    assert house.poll() == []
    assert (house.rows(tables.Notice, "booking_id"), watermarks(house)) == ([(A,)], [(NOW,)])


def test_a_search_that_shuffles_its_items_costs_one_reading(house):
    """Where each answer has the members in another order the booking is read once more, and then not before it changes."""
    house.sandbox.connect()
    book(house, A)
    house.drain()
    [stored] = house.sandbox.world.bookings.values()
    read = []
    for turn in range(5):
        shown = stored.entries[-1]
        members = list(shown.item.items())
        stored.entries[-1] = replace(shown, text=dumps(dict(members[turn + 1 :] + members[: turn + 1])))
        house.later(minutes=1)
        read.append(len(asked(house, "/booking.json/booking/")))
    assert read == [2, 2, 2, 2, 2]
    house.sandbox.change(A, reprice="80.00")
    house.later(minutes=1)
    assert len(asked(house, "/booking.json/booking/")) == 3


def test_a_booking_that_the_index_shows_late_is_found(house):
    """The window reaches back behind the watermark, so a late index loses nothing."""
    house.sandbox.connect()
    house.sandbox.knobs.search_lag = 1500
    book(house, A)
    house.drain()
    house.later(minutes=20)
    before = house.documents
    house.later(minutes=6)
    assert (before, house.documents) == ([], [("invoice", A)])


def test_an_item_that_cannot_be_read_does_not_block_its_page(house):
    """The readable neighbour of a broken item is noticed and told."""
    house.sandbox.connect()
    book(house, A)
    page = {"items": [{"id": None}, "x", {"id": A}], "totalHits": 3}
    house.sandbox.faults.add(**SEARCH, kind="status", code=200, body=page)
    house.drain()
    assert house.documents == [("invoice", A)]


@pytest.mark.parametrize(
    "fault",
    [{"kind": "html"}, {"kind": "garbage"}, {"kind": "reset"}, {"kind": "status", "code": 429}, {"kind": "truncate"}],
    ids=lambda fault: fault["kind"],
)
def test_a_search_that_is_no_answer_loses_nothing(house, fault):
    """The next poll sees what this one did not."""
    house.sandbox.connect()
    book(house, A)
    house.sandbox.faults.add(**SEARCH, **fault)
    house.drain()
    house.later(minutes=5)
    assert house.documents == [("invoice", A)]


def test_a_redirect_from_bokun_blocks_until_the_keys_work_again(house):
    """A 303 blocks the connection, nothing else of it is tried, and a poll that works lifts the block by itself."""
    house.sandbox.connect()
    book(house, A)
    accounts = house.sandbox.world.accounts
    account = accounts.pop(house.sandbox.access_key)
    house.drain(2)
    blocked = house.rows(tables.Connection, "blocked_by"), asked(house, "/booking/")
    accounts[house.sandbox.access_key] = account
    house.later(minutes=5)
    assert blocked == ([("bokun",)], [])
    assert (house.rows(tables.Connection, "blocked_by"), house.documents) == ([(None,)], [("invoice", A)])


def test_a_wrong_secret_stops_its_own_connection_only(house):
    """Of two connections with one access key that are read in one go, only the one with the wrong secret is refused."""
    wrong, right = (house.sandbox.connect()["id"] for _ in range(2))
    book(house, A, B)
    house.mirror()
    with house.services.database.transaction() as open_:
        theirs = table(tables.Connection).update().where(table(tables.Connection).c.id == wrong)
        open_.execute(theirs.values(access_key=house.sandbox.access_key, secret_key="mistyped"))
        notices.note(open_, "person", [(wrong, A), (right, B)], house.clock())
    house.plan()
    blocked = house.rows(tables.Connection, "id", "blocked_by")
    assert dict(blocked) == {wrong: "bokun", right: None}
    assert house.rows(tables.Booking, "connection_id", "booking_id") == [(right, B)]


def test_a_booking_that_does_not_answer_is_read_later(house):
    """Its notice stays, with backoff; its neighbour is told at once."""
    house.sandbox.connect()
    book(house, A, B)
    house.sandbox.faults.add(**DETAIL, kind="status", code=503, booking=A)
    house.drain()
    before = house.documents
    house.later(minutes=1)
    assert (before, house.documents) == ([("invoice", B)], [("invoice", B), ("invoice", A)])


@pytest.mark.parametrize(
    "body",
    [[], {"bookingId": B}, {"parentBookingId": A}, {"bookingId": A, "activityBookings": {}}],
    ids=["list", "another", "a product", "no products"],
)
def test_an_answer_that_is_no_such_booking_asks_a_person(house, body):
    """What is not the booking that was asked for is a question, and nothing is sent."""
    house.sandbox.connect()
    book(house, A)
    house.sandbox.faults.add(**DETAIL, kind="status", code=200, body=body)
    house.drain()
    assert ([decision for decision, _ in house.decisions], house.posts) == (["ask"], 0)


def test_a_booking_nested_without_end_hurts_nobody_else(house):
    """A depth that no body carries is a question; the neighbour is told."""
    house.sandbox.connect()
    deep = []
    for _ in range(95):
        deep = [deep]
    book(house, A, B)
    house.sandbox.change(A, fields={"extra": deep})
    house.drain()
    assert (house.decisions, house.documents) == ([("ask", "unreadable"), ("tell", "on-arrival")], [("invoice", B)])


def test_a_booking_that_is_gone_asks_a_person_in_the_end(house):
    """Bokun's own index may be late, so a 404 is asked again; after that it is a question."""
    house.sandbox.connect()
    book(house, A)
    house.mirror()
    house.poll()
    del house.sandbox.world.bookings[house.sandbox.access_key, A]
    house.plan()
    before = house.decisions
    for _ in range(8):
        house.later(minutes=16)
    assert (before, house.decisions, house.posts) == ([], [("ask", "unreadable")], 0)


def test_flags_that_cannot_be_read_leave_the_connection_as_it_was(house):
    """A connection that is shown with a strange flag is neither changed nor taken for gone."""
    connection = house.sandbox.connect()["id"]
    house.mirror()
    house.sandbox.flags(connection, active="true")
    house.mirror()
    house.mirror()
    assert house.rows(tables.Connection, "gone_at") == [(None,)]
    assert house.connection(connection).flags.active is True


def test_one_organization_that_fails_does_not_hold_up_the_other(house):
    """Each is mirrored by itself."""
    house.sandbox.connect("two", house.sandbox.add_organization("org-2"))
    terms = replace(house.services.terms, organizations=("unknown", "org-2"))
    house.with_services(terms=terms).mirror()
    assert house.rows(tables.Connection, "organization") == [("org-2",)]


def test_a_start_date_bounds_the_first_poll(house):
    """The first window begins at START_FROM; what was changed before it is not even asked for."""
    house = house.with_terms(start_from=NOW - timedelta(days=1))
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, NOW), modified=NOW - timedelta(days=2))
    book(house, B)
    house.drain()
    assert house.rows(tables.Booking, "booking_id") == [(B,)]


def test_keys_that_cannot_be_opened_stop_their_own_connection_only(database, built):
    """A connection stored under another SECRET_KEY is refused by itself; it has an account of its own."""
    closed = Vault([Fernet.generate_key().decode()])
    add_connection(database, "c1", access_key=closed.close("a"), secret_key=closed.close("s"))
    add_connection(database, "c2")
    services = wiring.build(settings(secret_key=Fernet.generate_key().decode()), database=database)
    with database.reading() as open_:
        broken, sound = connections.load(open_)
    with pytest.raises(CallFailed, match="another SECRET_KEY") as refused:
        services.bokun(broken)
    assert (refused.value.failure, services.bokun(sound).name) == (Failure.CREDENTIALS, "Bokun")
    assert services.account(broken) != services.account(sound)
    services.pool.shutdown()
