"""What doctor reads from the store: each fault has its own sentence and remedy."""

from datetime import timedelta

import pytest

from tests.builders import NOW, add, add_connection
from worker.domain.connection import Flags
from worker.flow.checks import check_store
from worker.store import facts, tables

FAULTS = {
    "blocked": ({"blocked_at": NOW, "blocked_by": "bokun"}, "blocked: bokun refuses the credentials", "link"),
    "paused": ({"paused_at": NOW}, "paused, nothing is sent", "connections resume c1"),
    "inactive": ({"flags": facts.dump_flags(Flags(active=False))}, "not active in Space Invoices", "--active"),
}


@pytest.mark.parametrize(("fault", "sentence", "remedy"), FAULTS.values(), ids=FAULTS)
def test_each_fault_of_a_connection_is_named(house, database, fault, sentence, remedy):
    """A connection that sends nothing is named with the reason and the way out."""
    add_connection(database, **fault)
    [found] = [each for each in check_store(house.services) if each.name == "connection c1" and not each.ok]
    assert (found.finding.startswith(sentence), remedy in found.do) == (True, True)


def test_a_bell_that_is_not_heard_is_named(house, database):
    """A bell whose last end is too long ago is late; one heard in time is not."""
    there = house.with_terms().services
    for bell in there.terms.bells:
        add(database, tables.Heartbeat, bell=bell, rung_at=NOW, done_at=NOW)
    assert next(check_store(there)).ok
    house.clock.pass_by(seconds=timedelta(minutes=20).total_seconds())
    assert "tasks.deliver.due" in next(check_store(there)).finding
