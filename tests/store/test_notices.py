"""The inbox: notices fold, are read once, and are not lost while they are read."""

from datetime import timedelta

import pytest

from tests.builders import NOW, add_connection
from worker.store import notices, tables
from worker.store.statements import every

LATER = NOW + timedelta(seconds=5)
PLACE = ("c1", 7)


@pytest.fixture
def stored(database):
    """A database with one connection."""
    add_connection(database)
    return database


def note(database, source="poll", places=(PLACE,), now=NOW):
    return database.run(lambda open_: notices.note(open_, source, places, now))


def claim(database, now=NOW, most=10):
    return database.run(lambda open_: notices.claim(open_, now, most=most))


def seen(database):
    with database.reading() as open_:
        return [(each.booking_id, each.version, each.due_at, each.tries) for each in every(open_, tables.Notice)]


def test_notices_of_one_booking_fold(stored):
    """Fifty of them are one row, whose version counts."""
    for _ in range(50):
        note(stored, "webhook")
    assert seen(stored) == [(7, 50, NOW, 0)]


def test_each_connection_has_its_own_notice(stored):
    """The same booking is noticed once for each connection, repeated places in one call count once."""
    assert note(stored, places=[("c1", 7), ("c2", 7), ("c1", 7)]) == 2
    assert len(seen(stored)) == 2


def test_a_claimed_notice_is_leased(stored):
    """Who reads it has it alone until the lease ends; who dies leaves it due."""
    note(stored)
    first = claim(stored)
    assert ([row.booking_id for row in first], claim(stored), seen(stored)) == (
        [7], [], [(7, 1, NOW + notices.LEASE, 1)])  # fmt: skip
    assert len(claim(stored, now=NOW + notices.LEASE)) == 1


def test_a_notice_that_was_read_is_gone(stored):
    """Its id and version take it out."""
    note(stored)
    [row] = claim(stored)
    stored.run(lambda open_: notices.done(open_, [(row.id, row.version)]))
    assert seen(stored) == []


def test_a_notice_that_comes_while_it_is_read_stays_and_is_due(stored):
    """The reading began before the change, so the booking is read once more, at once."""
    note(stored)
    [row] = claim(stored)
    note(stored, now=LATER)
    stored.run(lambda open_: notices.done(open_, [(row.id, row.version)]))
    assert seen(stored) == [(7, 2, LATER, 0)]


def test_a_reading_that_failed_does_not_put_off_a_fresh_notice(stored):
    """The backoff of the old reading does not touch what was noticed meanwhile."""
    note(stored)
    [row] = claim(stored)
    note(stored, now=LATER)
    late = (row.id, row.version, NOW + timedelta(hours=1), "why")
    stored.run(lambda open_: notices.put_off(open_, [late]))
    assert seen(stored) == [(7, 2, LATER, 0)]


def test_a_notice_is_put_off_with_its_reason(stored):
    """It is due later and says why."""
    note(stored)
    [row] = claim(stored)
    stored.run(lambda open_: notices.put_off(open_, [(row.id, row.version, LATER, "Bokun answered 500")]))
    with stored.reading() as open_:
        [kept] = every(open_, tables.Notice)
    assert (kept.due_at, kept.tries, kept.reason) == (LATER, 1, "Bokun answered 500")


def test_the_oldest_due_notices_are_claimed_first(stored):
    """By due time, no more than asked for, and none before it is due."""
    for number, minutes in ((1, 5), (2, 9), (3, -1)):
        note(stored, places=[("c1", number)], now=NOW - timedelta(minutes=minutes))
    assert [[row.booking_id for row in claim(stored, most=1)] for _ in range(3)] == [[2], [1], []]


def sight(stored, page, *, connection="c1", ordered=str):
    """The bookings of a page (fingerprint by id) that were noticed."""
    return stored.run(lambda open_: notices.sight(open_, connection, page, NOW, ordered=ordered))


def kept(stored):
    with stored.reading() as open_:
        return {each.booking_id: each.fingerprint for each in every(open_, tables.Sighting)}


def test_only_what_looks_different_is_noticed(stored):
    """A page seen before costs nothing; a changed item is noticed, and the same page twice is noticed once."""
    pages = [{1: "a", 2: "b"}, {1: "a", 2: "b"}, {1: "a", 2: "c", 3: "d"}, {}]
    assert ([sight(stored, page) for page in pages], len(seen(stored))) == ([[1, 2], [], [2, 3], []], 3)


def test_the_same_booking_is_sighted_by_each_connection(stored):
    """What one connection saw is new to the other."""
    assert [sight(stored, {1: "a"}, connection=id_) for id_ in ("c1", "c2")] == [[1], [1]]


def test_an_item_that_comes_as_ever_another_text_is_noticed_once_for_that(stored):
    """From its second text on it is kept with its members in order; then only another item is noticed."""
    asked = []
    found = [
        sight(stored, {1: text}, ordered=lambda booking, item=item: asked.append(booking) or item)
        for text, item in (("a", "A"), ("b", "A"), ("c", "A"), ("c", "A"), ("d", "B"), ("a", "B"), ("a", "B"))
    ]
    assert found == [[1], [1], [], [], [1], [], []]
    assert (len(asked), kept(stored)) == (4, {1: "a:B"})


def test_what_0_1_0_kept_is_replaced_without_a_notice(stored):
    """An item that is the same is kept in today's form and is no change; another one is noticed."""
    with stored.transaction() as open_:
        old = [{"connection_id": "c1", "booking_id": id_, "fingerprint": f"old {id_}"} for id_ in (1, 2)]
        open_.execute(tables.Sighting.__table__.insert(), old)
    fresh = sight(stored, {1: "a", 2: "b", 3: "c"}, ordered={1: "old 1", 2: "other"}.__getitem__)
    assert (fresh, [row[0] for row in seen(stored)]) == ([2, 3], [2, 3])
    assert kept(stored) == {1: "a:old 1", 2: "b:other", 3: "c:"}
