"""The global stop holds everything at once and loses nothing; a resumed connection folds what has piled up."""

import pytest

from worker.flow import imports, stop
from worker.flow.backlog import backlog
from worker.flow.explain import explain
from worker.flow.overview import status
from worker.flow.plan import plan
from worker.sandbox import bookings
from worker.store import connections, notices, tables

A = 9_000_001


def fill(house, count, first=A):
    for id_ in range(first, first + count):
        house.sandbox.book(bookings.own_sale(id_, house.clock()))


def pause(house, connection, at):
    with house.services.database.transaction() as open_:
        connections.change(open_, connection, paused_at=at)


@pytest.fixture
def stopped(house):
    """A seller whose bookings come in while everything is stopped."""
    house.sandbox.connect()
    house.mirror()
    assert stop.stop(house.services, because="a wrong rate")
    return house


def test_while_everything_is_stopped_nothing_is_sent(stopped):
    """Bookings are read and decided, deliveries are planned, and not one order leaves."""
    fill(stopped, 5)
    for hours in (0, 1, 5):
        stopped.later(hours=hours)
    assert (stopped.posts, stopped.deliveries) == (0, [("received", "invoice", "planned")] * 5)


def test_after_go_everything_is_sent_once(stopped):
    """What was held is sent when the stop is lifted, each once."""
    fill(stopped, 5)
    stopped.drain(2)
    assert stop.go(stopped.services)
    stopped.later(minutes=1)
    assert (len(stopped.documents), stopped.most_documents()) == (5, 1)


def test_an_import_is_not_sent_while_stopped(stopped):
    """An import stays planned, and leaves once everything goes on."""
    [connection] = stopped.sandbox.connections
    asked = imports.ask(stopped.services, connection["id"], "orders", None)
    held = imports.send(stopped.services, asked), stopped.sandbox.imports
    stop.go(stopped.services)
    imports.send_due(stopped.services)
    assert (held, len(stopped.sandbox.imports)) == (("planned", []), 1)


def standing(house):
    return status(house.services.database, house.services.clock())["stopped"]


def test_status_and_explain_say_that_everything_is_stopped(stopped):
    """Whoever asks why nothing is issued hears of the stop, its reason and the command that ends it."""
    fill(stopped, 1)
    stopped.drain()
    [story] = explain(stopped.services, str(A))
    assert standing(stopped)["because"] == "a wrong rate"
    assert story.next[0] == "everything is stopped (a wrong rate), nothing is sent: bokun-sync go"


def test_a_second_stop_keeps_the_first_reason(stopped):
    """Stopped twice is stopped once, for the first reason; going on twice is harmless."""
    again = stop.stop(stopped.services, because="another")
    assert (again, standing(stopped)["because"]) == (False, "a wrong rate")
    assert (stop.go(stopped.services), stop.go(stopped.services)) == (True, False)
    assert standing(stopped) is None


def test_many_changes_during_a_pause_are_one_reading_each(house):
    """500 changes of 100 bookings in a paused connection become 100 readings and 100 documents of what holds now."""
    connection = house.sandbox.connect()["id"]
    fill(house, 100)
    house.mirror()
    house.poll()
    pause(house, connection, house.clock())
    for round_ in range(5):
        for id_ in range(A, A + 100):
            house.sandbox.change(id_, reprice=f"{50 + round_}.00")
        with house.services.database.transaction() as open_:
            notices.note(open_, "webhook", [(connection, id_) for id_ in range(A, A + 100)], house.clock())
    piled = backlog(house.services, connection)["notices"]
    pause(house, connection, None)
    read = plan(house.services, house.until).read
    house.drain(2)
    totals = {str(each["total"]) for each in house.sandbox.documents}
    assert (piled, read, len(house.documents), totals) == (100, 100, 100, {"54.00"})


def test_the_backlog_shows_age_and_sums(house):
    """What piled up is shown by age and currency before the connection goes on."""
    connection = house.sandbox.connect()["id"]
    fill(house, 3)
    house.mirror()
    house.poll()
    house.plan()
    pause(house, connection, house.clock())
    house.clock.pass_by(hours=30)
    found = backlog(house.services, connection)
    amount = sum(float(total) for (total,) in house.rows(tables.Delivery, "amount"))
    assert (found["notices"], found["planned"], found["planned_by_age"]["under a week"]) == (0, 3, 3)
    assert [(each["document"], each["count"], float(each["amount"])) for each in found["sums"]] == [
        ("invoice", 3, amount)
    ]
