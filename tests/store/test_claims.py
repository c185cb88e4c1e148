"""Claims: who may send what, when, and what a worker that lost its claim can still change."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import insert, select

from tests.builders import NOW, add, add_connection, add_delivery
from worker.domain.delivery import Event
from worker.store import claims, deliveries, looks, notices, outbox, tables
from worker.store.claims import Ended
from worker.store.database import Database

LEASE = timedelta(seconds=120)


def claim(database, lane="c1", most=10, now=NOW, name="t"):
    return database.run(lambda open_: claims.claim(open_, lane, now, most=most, lease=LEASE, token=name))


def ids(claimed):
    return [each.id for each in claimed]


def row(database, delivery):
    with database.reading() as open_:
        return open_.execute(select(tables.Delivery.__table__).where(tables.Delivery.id == delivery)).one()


def ended(claimed, event=Event.ACCEPTED, **said):
    usual = {
        "id": claimed.id, "token": claimed.token, "event": event, "outcome": event.value, "status": 200, "reason": None,
        "due_at": NOW, "look_at": NOW, "counted": False, "cost": True, "effect": event is not Event.NOT_SENT,
    }  # fmt: skip
    return Ended(**(usual | said))


def record(database, *all_ended, now=NOW):
    database.run(lambda open_: claims.record(open_, all_ended, now))


@pytest.fixture
def stored(database):
    """A database with one connection."""
    add_connection(database)
    return database


def plant(database, numbers):
    """Deliveries of so many bookings, planned and looked for."""
    first = dict(row(database, add_delivery(database, booking_id=numbers[0], key=f"k{numbers[0]}"))._mapping)
    del first["id"]
    with database.transaction() as open_:
        more = [first | {"booking_id": number, "key": f"k{number}"} for number in numbers[1:]]
        open_.execute(insert(tables.Delivery.__table__), more)


def steps(database, name):
    """The steps, in hundreds, that SQLite takes for a claim of ten."""
    taken = []
    with database.transaction() as open_:
        plain = open_.connection.driver_connection
        plain.set_progress_handler(lambda: taken.append(1), 100)
        claimed = claims.claim(open_, "c1", NOW, most=10, lease=LEASE, token=name)
        plain.set_progress_handler(None, 0)
    assert len(claimed) == 10
    return len(taken)


def test_a_claim_walks_what_it_takes_and_not_the_backlog(stored):
    """Ten of three thousand that wait cost SQLite no more than ten of a hundred."""
    plant(stored, range(100, 200))
    few = steps(stored, "a")
    plant(stored, range(1_000, 4_000))
    assert steps(stored, "b") <= few + 2


def test_a_claim_is_written_down_before_anything_is_sent(stored):
    """The delivery is sending under a token and a lease, and its attempt is open in the ledger."""
    delivery = add_delivery(stored)
    [claimed] = claim(stored)
    seen = row(stored, delivery)
    assert (seen.state, seen.token, seen.attempts, seen.taken) == ("sending", f"t-{delivery}", 1, 1)
    assert (seen.called_at, seen.lease_until) == (NOW, NOW + LEASE)
    with stored.reading() as open_:
        [attempt] = deliveries.attempts(open_, [delivery])
    assert (attempt.token, attempt.begun_at, attempt.ended_at) == (claimed.token, NOW, None)


@pytest.mark.parametrize(
    "said",
    [
        {"due_at": NOW + timedelta(seconds=1)},
        {"looked_at": None},
        {"looked_at": NOW - timedelta(seconds=300)},
        {"state": "held"},
        {"state": "unknown"},
        {"connection_id": "c2"},
    ],
    ids=["not due", "never looked for", "looked for long ago", "held", "unknown", "another's"],
)
def test_what_is_not_due_or_not_looked_for_is_not_claimed(stored, said):
    """Only a planned delivery of the lane that is due and freshly looked for is claimed."""
    add_delivery(stored, **said)
    assert claim(stored) == []


def test_an_unread_notice_blocks_the_claim(stored):
    """While the booking is to be read again it is not told; its neighbour is; afterwards it is."""
    delivery, neighbour = add_delivery(stored), add_delivery(stored, booking_id=8)
    stored.run(lambda open_: notices.note(open_, "poll", [("c1", 7)], NOW))
    first = ids(claim(stored))
    stored.run(lambda open_: notices.done(open_, [(1, 1)]))
    assert (first, ids(claim(stored, name="u"))) == ([neighbour], [delivery])


def test_a_notice_of_another_connection_blocks_nothing(stored):
    """Each connection decides for itself."""
    delivery = add_delivery(stored)
    stored.run(lambda open_: notices.note(open_, "poll", [("c2", 7)], NOW))
    assert ids(claim(stored)) == [delivery]


@pytest.mark.parametrize(("state", "claimed"), [("sending", 0), ("unknown", 0), ("accepted", 0), ("held", 1)])
def test_a_sibling_on_the_wire_blocks_the_claim(stored, state, claimed):
    """Another delivery of the sale that is sending or unanswered, through any connection, is waited for."""
    add_delivery(stored, state=state, connection_id="c2", document="estimate", expects_invoice=False)
    add_delivery(stored)
    assert len(claim(stored)) == claimed


def test_deliveries_of_a_sale_go_out_in_the_order_of_planning(stored):
    """A later one waits while an earlier one is planned, even if that is not due yet."""
    add_delivery(stored, document="estimate", expects_invoice=False, due_at=NOW + timedelta(hours=1))
    add_delivery(stored)
    assert claim(stored) == []


def test_no_more_are_claimed_than_asked_for_and_the_oldest_first(stored):
    """By due time, then by planning."""
    late = add_delivery(stored, booking_id=1)
    early = [add_delivery(stored, booking_id=n, due_at=NOW - timedelta(minutes=n)) for n in (2, 3)]
    assert ids(sorted(claim(stored, most=2), key=lambda each: each.id)) == early
    assert ids(claim(stored, name="u")) == [late]
    assert claim(stored, most=0) == []


@pytest.mark.parametrize("stop", ["paused_at", "blocked_at", "gone_at"])
def test_lanes_are_the_working_connections_with_something_due(stored, stop):
    """Neither paused nor blocked nor gone ones, nor those with nothing due."""
    add_connection(stored, "c2", **{stop: NOW})
    add_connection(stored, "c3")
    for number, lane in enumerate(("c1", "c2")):
        add_delivery(stored, connection_id=lane, booking_id=number)
    with stored.reading() as open_:
        assert claims.lanes(open_, NOW) == ["c1"]


def test_a_claim_carries_what_is_sent(stored):
    """Key, mark and the booking's content as last read."""
    facts = {"flags": "{}", "facts": "{}", "status": "confirmed", "revision": "r1", "confirmation_code": "T-7"}
    made = {"decision": "tell", "rule": "on-arrival", "because": "x", "decided_at": NOW, "read_at": NOW}
    place = {"connection_id": "c1", "booking_id": 7, "organization": "org-1", "content": '{"bookingId":7}'}
    add(stored, tables.Booking, **facts, **made, **place)
    add_delivery(stored, key="k7", mark='{"key":"k7"}')
    [claimed] = claim(stored)
    assert (claimed.key, claimed.mark, claimed.content) == ("k7", '{"key":"k7"}', '{"bookingId":7}')


def test_two_claimers_on_one_file_share_the_work(stored):
    """Two processes that claim at once get different deliveries, together all of them."""
    wanted = {add_delivery(stored, booking_id=n) for n in range(40)}
    both = [Database(str(stored.engine.url)) for _ in range(2)]
    start = Barrier(2)

    def work(number):
        start.wait(5)
        return [id_ for turn in range(10) for id_ in ids(claim(both[number], most=3, name=f"{number}-{turn}-"))]

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(work, range(2))
    for each in both:
        each.close()
    assert (set(one) & set(two), set(one) | set(two), len(one) + len(two)) == (set(), wanted, 40)


def test_the_holder_of_a_claim_records_its_outcome(stored):
    """Accepted: the delivery and its attempt end, and it may have taken effect."""
    delivery = add_delivery(stored)
    [claimed] = claim(stored)
    record(stored, ended(claimed))
    seen = row(stored, delivery)
    assert (seen.state, seen.taken, seen.lease_until) == ("accepted", 1, None)


def test_what_never_left_can_have_taken_no_effect(stored):
    """Not sent and not counted: everything is as before, and due later."""
    delivery = add_delivery(stored)
    [claimed] = claim(stored)
    record(stored, ended(claimed, Event.NOT_SENT, cost=False, due_at=NOW + timedelta(minutes=1)))
    seen = row(stored, delivery)
    assert (seen.state, seen.taken, seen.attempts, seen.failures) == ("planned", 0, 0, 0)
    assert seen.due_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("event", [Event.ACCEPTED, Event.REFUSED, Event.NOT_SENT, Event.UNANSWERED, Event.GAVE_UP])
def test_a_stale_token_changes_nothing(stored, event):
    """Whose claim was replaced closes its attempt in the ledger and leaves the delivery alone."""
    delivery = add_delivery(stored)
    [stale] = claim(stored)
    stored.run(lambda open_: claims.expire(open_, NOW + LEASE))
    absent(stored, delivery)
    [fresh] = claim(stored, name="u", now=NOW + LEASE)
    before = row(stored, delivery)
    record(stored, ended(stale, event))
    assert (row(stored, delivery), before.token) == (before, fresh.token)
    with stored.reading() as open_:
        assert [each.outcome for each in deliveries.attempts(open_, [delivery])] == [event.value, None]


def absent(stored, delivery):
    """The delivery is proven absent and looked for again."""
    looked = looks.Looked(row(stored, delivery), "absent", Event.ABSENT, None, NOW, None, True)
    stored.run(lambda open_: looks.record_looks(open_, [looked], NOW))
    with stored.transaction() as open_:
        open_.execute(tables.Delivery.__table__.update().values(looked_at=NOW + LEASE, due_at=NOW))


def test_a_lease_that_ends_makes_the_delivery_unknown(stored):
    """Its worker may have sent, so nothing but a look decides; a lease that still holds is left alone."""
    delivery = add_delivery(stored)
    claim(stored)
    early = stored.run(lambda open_: claims.expire(open_, NOW + LEASE - timedelta(seconds=1)))
    expired = stored.run(lambda open_: claims.expire(open_, NOW + LEASE))
    seen = row(stored, delivery)
    assert (early, expired) == (0, 1)
    assert (seen.state, seen.taken, seen.risks, seen.reason) == ("unknown", 1, 1, "the worker that sent it was lost")


def test_an_answer_after_the_lease_is_kept_as_evidence(stored):
    """A late 2xx does not advance the delivery, but its absence is not believed any more."""
    delivery = add_delivery(stored)
    [late] = claim(stored)
    stored.run(lambda open_: claims.expire(open_, NOW + LEASE))
    record(stored, ended(late))
    with stored.reading() as open_:
        assert looks.answered_late(open_, [delivery]) == {delivery}
    assert row(stored, delivery).state == "unknown"


def test_a_2xx_after_the_proof_of_absence_holds_the_delivery(stored):
    """The proof was wrong: nothing is sent before a person looked, and it counts as told."""
    delivery = add_delivery(stored)
    [late] = claim(stored)
    stored.run(lambda open_: claims.expire(open_, NOW + LEASE))
    absent(stored, delivery)
    record(stored, ended(late))
    seen = row(stored, delivery)
    assert (seen.state, seen.taken, outbox.counts_as_told(seen)) == ("held", 1, True)


def test_what_waits_behind_a_2xx_after_the_proof_of_absence_is_looked_for_anew(stored):
    """Its order took effect, maybe as another document, after the one behind it was looked for."""
    first = add_delivery(stored, document="estimate", expects_invoice=False)
    [late] = claim(stored)
    behind = add_delivery(stored, key="behind")
    stored.run(lambda open_: claims.expire(open_, NOW + LEASE))
    absent(stored, first)
    assert row(stored, behind).looked_at is not None
    record(stored, ended(late))
    seen = row(stored, behind)
    assert (seen.state, seen.looked_at, seen.look_at, claim(stored)) == ("planned", None, NOW, [])


@pytest.mark.parametrize("state", ["planned", "sending", "accepted", "unknown", "confirmed", "settled", "superseded"])
@pytest.mark.parametrize("event", [Event.RELEASED, Event.SETTLED])
def test_a_person_acts_on_what_is_held_only(stored, state, event):
    """In any other state nothing is changed."""
    delivery = add_delivery(stored, state=state)
    before = row(stored, delivery)
    done = stored.run(lambda open_: deliveries.by_person(open_, delivery, event, because="x", now=NOW))
    assert (done, row(stored, delivery)) == (False, before)


def test_a_delivery_that_may_have_taken_effect_never_gives_way(stored):
    """Superseding asks for the state and for no effect in the same statement."""
    delivery = add_delivery(stored)
    seen = row(stored, delivery)
    claim(stored)
    given_way = stored.run(lambda open_: outbox.supersede(open_, seen, because="x", now=NOW))
    assert (given_way, row(stored, delivery).state) == (False, "sending")


def test_a_delivery_that_was_claimed_is_not_renewed(stored):
    """What is told is frozen once it is on the wire."""
    delivery = add_delivery(stored)
    claim(stored)
    fresh = {"rule": "x", "revision": "r2", "mark": "{}", "amount": "1.00", "currency": "EUR"}
    assert stored.run(lambda open_: outbox.renew(open_, delivery, **fresh)) is False
    assert row(stored, delivery).revision == "r1"
