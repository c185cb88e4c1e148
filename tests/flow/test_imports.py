"""Imports: started by a person, sent once, never repeated without one."""

import pytest

from worker.domain.delivery import Event
from worker.flow import imports
from worker.store import tables


def asked(house, type_="orders", options=None):
    connection = house.sandbox.connections[0]["id"] if house.sandbox.connections else house.sandbox.connect()["id"]
    house.mirror()
    return imports.ask(house.services, connection, type_, options)


def states(house):
    return [state for (state,) in house.rows(tables.Import, "state")]


def test_type_and_options_go_through_unchanged(house):
    """The import carries what the person typed, letter by letter."""
    state = imports.send(house.services, asked(house, "orders", '{"since": "2026-01-01"} &'))
    [sent] = house.sandbox.imports
    assert (state, sent["type"], sent["importOptions"]) == ("accepted", "orders", '{"since": "2026-01-01"} &')


def test_the_next_import_may_start_when_one_was_accepted(house):
    """An accepted import is over, so another one of the connection may follow."""
    imports.send(house.services, asked(house))
    assert imports.send(house.services, asked(house)) == "accepted"
    assert len(house.sandbox.imports) == 2


@pytest.mark.parametrize("after_effect", [False, True])
def test_an_unanswered_import_is_held_and_never_repeated(house, after_effect):
    """Whether it arrived cannot be seen, so it is held, blocks the next one, and no bell sends it again."""
    number = asked(house)
    house.sandbox.faults.add(remote="space-invoices", path="/import$", kind="reset", after_effect=after_effect)
    state = imports.send(house.services, number)
    imports.send_due(house.services)
    house.drain(3)
    assert (state, states(house), len(house.sandbox.imports)) == ("held", ["held"], int(after_effect))
    assert "settle it first" in str(asked(house))


def test_a_settled_import_makes_way(house):
    """A person settles the unanswered import, and the next one may start."""
    number = asked(house)
    house.sandbox.faults.add(remote="space-invoices", path="/import$", kind="close", after_effect=True)
    imports.send(house.services, number)
    imports.settle(house.services, number, Event.SETTLED, because="its orders are there")
    assert imports.send(house.services, asked(house)) == "accepted"


def test_a_refused_import_is_held_with_the_remote_s_words(house):
    """A 422 holds the import, with what Space Invoices said."""
    number = asked(house)
    body = {"error": {"statusCode": 422, "name": "ValidationError", "message": "type is not known"}}
    house.sandbox.faults.add(remote="space-invoices", path="/import$", kind="status", code=422, body=body)
    assert imports.send(house.services, number) == "held"
    assert "type is not known" in house.rows(tables.Import, "reason")[0][0]


def test_an_import_that_was_not_taken_is_sent_by_the_next_bell(house):
    """A 429 took nothing: what the person asked for is sent when the bell rings again."""
    number = asked(house)
    house.sandbox.faults.add(remote="space-invoices", path="/import$", kind="status", code=429)
    first = imports.send(house.services, number)
    house.clock.pass_by(minutes=1)
    imports.send_due(house.services)
    assert (first, states(house), len(house.sandbox.imports)) == ("planned", ["accepted"], 1)


def test_a_paused_connection_imports_nothing(house):
    """While its connection is paused an import waits."""
    number = asked(house)
    connection = house.sandbox.connections[0]["id"]
    from worker.store import connections

    change = {"paused_at": house.clock()}
    house.services.database.run(lambda open_: connections.change(open_, connection, **change))
    assert (imports.send(house.services, number), house.sandbox.imports) == ("planned", [])
