"""A short storm over real processes; `make chaos` is the long one."""

import os

import pytest

from tests.chaos.run import run


@pytest.mark.skipif("CHAOS" not in os.environ, reason="a minute of ten processes: CHAOS=1 plays it")
@pytest.mark.timeout(180)
def test_a_short_storm_doubles_and_loses_nothing():
    """Killed and stopped workers, lost Redis and PostgreSQL, lost answers: in the end each booking has its document."""
    report = run(7, minutes=0.25, count=40, healing=90, children=2)
    assert (report.wrong, report.figures["bookings"]) == ([], 40)
