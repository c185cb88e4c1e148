"""Calls are counted by every process and added up in the database."""

from tests.builders import database_in
from worker.calls.sending import Seen
from worker.flow.tally import Tally
from worker.store import tallies
from worker.store.database import Database


def sums(database):
    """Calls and seconds of each bucket."""
    with database.reading() as open_:
        return {(row.outcome, row.within): (row.calls, row.seconds) for row in tallies.sums(open_)}


def test_two_processes(database):
    """What two processes counted is one sum."""
    for _ in range(2):
        tally = Tally()
        for outcome, seconds in (("200", 0.5), ("200", 0.5), ("unanswered", 31.0)):
            tally.see(Seen("Bokun", "get booking", outcome, seconds))
        tally.flush(database)
    assert sums(database) == {("200", "0.5"): (4, 2.0), ("unanswered", "+Inf"): (2, 62.0)}


def test_database_away(tmp_path):
    """While the database is away nothing is lost: it is added the next time."""
    away, tally = Database(f"sqlite:///{tmp_path}/test.db"), Tally()
    tally.see(Seen("Bokun", "get booking", "200", 0.25))
    tally.flush(away)
    database_in(tmp_path).close()
    tally.flush(away)
    assert sums(away) == {("200", "0.25"): (1, 0.25)}
    away.close()


def test_once(database):
    """What was added is not added again."""
    tally = Tally()
    tally.see(Seen("Bokun", "get booking", "200", 0.25))
    for _ in range(3):
        tally.flush(database)
    assert sums(database) == {("200", "0.25"): (1, 0.25)}
