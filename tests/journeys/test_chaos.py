"""A short storm over real processes; `make chaos` is the long one."""

import pytest

from tests.chaos.run import FEWEST, run


@pytest.mark.timeout(420)
def test_a_short_storm_doubles_and_loses_nothing():
    """Killed and stopped workers, lost Redis and PostgreSQL, lost answers: in the end each booking has its document."""
    # A poll of somebody dead is left alone for 120 s, 40 more where the clock was ahead; then comes the rest of the road.
    report = run(7, minutes=0.5, count=100, healing=240, children=2)
    figures = report.figures
    assert (report.wrong, figures["bookings"]) == ([], 100), report.stories
    assert min(figures["faults of processes, broker, database"], figures["faults of calls"]) >= FEWEST
