"""Looks and claims beside a large backlog: everybody gets a share, and nobody reads all of it."""

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event

from tests.builders import NOW, add_connection, add_delivery
from worker.domain.delivery import Event
from worker.store import bookings, claims, hearings, looks, outbox

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def crowded(database):
    """One connection with a backlog and three with one delivery each, due after all of it."""
    for name in ("c1", "c2", "c3", "c4"):
        add_connection(database, name)
    booking = count(1)
    for _ in range(20):
        add_delivery(database, booking_id=next(booking), looked_at=None, look_at=NOW)
    for name in ("c2", "c3", "c4"):
        add_delivery(database, booking_id=next(booking), connection_id=name, due_at=LATER, look_at=LATER,
                     looked_at=None)  # fmt: skip
    return database


def test_a_round_of_looks_has_room_for_everybody(crowded):
    """The three small ones are looked for in the first round, whoever came before them."""
    lanes = ["c1", "c2", "c3", "c4"]
    found = crowded.run(lambda open_: looks.to_look_for_first(open_, LATER, lanes, most=8))
    assert sorted(row.connection_id for row in found) == ["c1", "c1", "c2", "c3", "c4"]


def test_the_room_that_is_left_goes_to_whoever_comes_after(crowded):
    """What the small ones did not take is looked for of the large one: no request goes half empty for nothing."""
    lanes = ["c2", "c3", "c4", "c1"]
    found = crowded.run(lambda open_: looks.to_look_for_first(open_, LATER, lanes, most=8))
    assert len(found) == 8


def test_what_is_being_looked_for_is_not_taken_by_the_next_round(crowded):
    """A look has a lease: two workers do not ask the same."""
    first = crowded.run(lambda open_: looks.to_look_for_first(open_, LATER, ["c1"], most=8))
    second = crowded.run(lambda open_: looks.to_look_for_first(open_, LATER, ["c1"], most=20))
    assert (len(first), len(second)) == (8, 12)
    assert not {row.id for row in first} & {row.id for row in second}


def plans(database, step):
    """How SQLite finds the rows of each statement of the step."""
    said = []

    def explain(connection, cursor, statement, parameters, _context, many):
        if not many and not statement.startswith("PRAGMA"):
            explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            said.extend(row[-1] for row in explained)

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        database.run(step)
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)
    return said


def look(row):
    """An empty look before the first send."""
    return looks.Looked(row, "absent", None, None, LATER, LATER, False)


def accepted(claimed):
    """The attempt was answered by 200."""
    return claims.Ended(
        claimed.id, claimed.token, Event.ACCEPTED, "accepted", 200, None, LATER, LATER, False, True, True
    )


def test_nobody_reads_every_planned_delivery(crowded):
    """What is due, looks, claims and their records find their rows by their ids, or by indexes that hold only those."""

    def step(open_):
        claims.lanes(open_, LATER)
        rows = looks.to_look_for_first(open_, LATER, ["c1"], most=8)
        outbox.sales(open_, [row.id for row in rows])
        looks.record_looks(open_, [look(row) for row in rows], LATER)
        claimed = claims.claim(open_, "c1", LATER, most=8, lease=timedelta(seconds=120), token="t")
        claims.record(open_, [accepted(each) for each in claimed], LATER)
        assert claimed

    said = plans(crowded, step)
    assert any("ix_delivery_due" in plan for plan in said)
    assert [
        plan
        for plan in said
        if "ix_delivery_state (state=?)" in plan
        or plan.startswith(("SCAN delivery", "SCAN of_sale", "SCAN attempt", "SCAN booking"))
    ] == []


def test_a_batch_of_readings_finds_its_rows_by_their_places(crowded):
    """What is stored of bookings, their sales' deliveries and what webhooks announced of them: nothing else is read."""
    places = [("c1", 1), ("c2", 21)]

    def step(open_):
        bookings.at(open_, places)
        outbox.live(open_, [("org-1", 1), ("org-1", 21)])
        hearings.waited_for(open_, places)

    said = plans(crowded, step)
    assert [plan for plan in said if plan.startswith("SCAN") and "json_each" not in plan] == []
    assert len([plan for plan in said if plan.startswith("SEARCH")]) == 3


def test_pairs_are_found_whatever_stands_in_their_words(crowded):
    """A place is data: quotes, brackets and other letters stay what they are."""
    strange = "c'\"[]\\é\N{ROCKET}"
    add_connection(crowded, strange)
    delivery = add_delivery(crowded, organization=strange, connection_id=strange, booking_id=2**53 + 1)
    wanted = [(strange, 2**53 + 1), ("org-1", 2**53 + 1)]
    with crowded.reading() as open_:
        found = outbox.live(open_, wanted)
    assert {sale: [row.id for row in rows] for sale, rows in found.items()} == {wanted[0]: [delivery], wanted[1]: []}
