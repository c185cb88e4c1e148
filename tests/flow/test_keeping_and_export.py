"""Personal data goes when nothing needs it any more; what an accountant took away shows every later change."""

import json
from datetime import timedelta

import pytest

from tests.builders import NOW
from worker.flow import export
from worker.flow.explain import explain
from worker.flow.keeping import Kept, keep
from worker.sandbox import bookings
from worker.store import tables

A = 9_000_001


@pytest.fixture
def booked(house):
    """Three sales with their documents, in a house that keeps payloads for thirty days."""
    kept = house.with_terms(keep_content_days=30)
    kept.sandbox.connect()
    for id_ in (A, A + 1, A + 2):
        kept.sandbox.book(bookings.own_sale(id_, kept.clock()))
    kept.drain(2)
    return kept


def contents(house):
    return [content for (content,) in house.rows(tables.Booking, "content")]


def lines(house, format_):
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
    return export.sealed(export.records(house.services, since, until), since, until, format_=format_)


def test_nothing_is_dropped_before_its_time_or_without_the_setting(booked):
    """Young payloads stay, and so does everything where KEEP_CONTENT_DAYS is off."""
    booked.clock.pass_by(days=29)
    young = keep(booked.services)
    booked.clock.pass_by(days=900)
    assert (young, keep(booked.with_terms().services), None in contents(booked)) == (Kept(), Kept(), False)


def test_payloads_and_marks_go_and_the_ledger_stays(booked):
    """After thirty days no name is left in payload or mark; decisions and attempts are all there."""
    before = booked.rows(tables.Decision, "rule"), booked.outcomes
    booked.clock.pass_by(days=31)
    assert keep(booked.services) == Kept(3, 3, 6)
    assert (contents(booked), {mark for (mark,) in booked.rows(tables.Delivery, "mark")}) == ([None] * 3, {"{}"})
    assert (booked.rows(tables.Decision, "rule"), booked.outcomes) == before


def test_no_name_is_left_anywhere(booked):
    """After thirty days no row of any table names a traveller; each decision still repeats, and its rule is shown."""
    names = {json.loads(text)["sale"]["recipient"] for (text,) in booked.rows(tables.Booking, "facts")}
    before = named(booked, names)
    booked.clock.pass_by(days=31)
    keep(booked.services)
    assert (before, named(booked, names)) == ({"booking", "decision", "delivery"}, set())
    [story] = explain(booked.services, str(A))
    assert [each["repeated"] for each in story.record["history"]] == [True]
    assert (story.record["rule"], story.record["since_document"]) == ("on-arrival", [])


def named(house, names):
    """The tables in which one of these names stands."""
    found = set()
    with house.services.database.reading() as open_:
        for each in tables.metadata.sorted_tables:
            texts = [str(value) for row in open_.execute(each.select()) for value in row]
            found |= {each.name} if any(json.dumps(name)[1:-1] in text for name in names for text in texts) else set()
    return found


@pytest.fixture
def held(house):
    """A sale that a brake held a year ago."""
    kept = house.with_terms(keep_content_days=30, brake_amount="1")
    kept.sandbox.connect()
    kept.sandbox.book(bookings.own_sale(A, kept.clock()))
    kept.drain()
    kept.clock.pass_by(days=365)
    return kept


def test_a_name_that_is_needed_stays(held):
    """A held delivery keeps the name of its booking, however old, until it ends."""
    keep(held.services)
    [(text,)] = held.rows(tables.Booking, "facts")
    assert json.loads(text)["sale"]["recipient"]


def test_what_is_held_keeps_what_its_order_needs(held):
    """A held delivery may be released a year later: its booking is kept whole until it ends."""
    assert (keep(held.services), None in contents(held)) == (Kept(names=1), False)  # the name in its decision


def test_a_dropped_booking_is_read_again_when_it_changes(booked):
    """Nothing is missed: a change after the drop is decided from a fresh reading, without a second document."""
    booked.clock.pass_by(days=31)
    keep(booked.services)
    booked.sandbox.change(A, reprice="11.00")
    booked.later(minutes=5)
    assert ("ask", "changed-after-document") in booked.decisions
    assert (booked.posts, sum(content is not None for content in contents(booked))) == (3, 1)


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_an_export_holds_every_document_and_decision(booked, format_):
    """Each document and each decision of the period is one line, and the last one seals them."""
    texts = lines(booked, format_)
    heading = 1 if format_ == "csv" else 0
    assert len(texts) == heading + 3 + len(booked.rows(tables.Decision, "id")) + 1
    assert sum(each["documentId"] in "\n".join(texts) for each in _ids(booked)) == 3
    assert export.verify(texts) == []


def _ids(house):
    return [{"documentId": each["id"]} for each in house.sandbox.documents]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_a_changed_line_is_named(booked, format_):
    """Whoever changes an amount is found out at that line and at the next."""
    texts = lines(booked, format_)
    at = next(number for number, text in enumerate(texts) if "document" in text and "EUR" in text)
    texts[at] = texts[at].replace("EUR", "USD")
    assert [each.line for each in export.verify(texts)] == [at + 1, at + 2]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_a_missing_an_added_and_a_cut_line_are_named(booked, format_):
    """A line that was taken out, put in twice or cut off at the end shows."""
    texts = lines(booked, format_)
    for forged in ([*texts[:2], *texts[3:]], [*texts[:3], *texts[2:]], texts[:-1]):
        assert export.verify(forged) != []


def test_an_export_names_no_person(booked):
    """The accountant's file holds codes and amounts, no traveller."""
    text = "\n".join(lines(booked, "jsonl"))
    people = [booked.sandbox.booking(id_)["customer"] for id_ in (A, A + 1, A + 2)]
    assert not any(each[name] in text for each in people for name in ("lastName", "email"))
