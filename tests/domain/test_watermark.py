"""The window of a poll."""

from datetime import timedelta

from tests.builders import NOW
from worker.domain.watermark import Place, Window, window

OVERLAP = timedelta(seconds=1800)
START = NOW - timedelta(days=30)


def test_a_window_reaches_back_behind_the_watermark():
    """It begins an overlap before the mark and ends now."""
    found = window(NOW - timedelta(hours=1), overlap=OVERLAP, start_from=START, now=NOW)
    assert found == Window(NOW - timedelta(hours=1) - OVERLAP, NOW)


def test_the_first_window_begins_at_the_start():
    """Without a mark it begins at START_FROM, or at the beginning of time."""
    found = [window(None, overlap=OVERLAP, start_from=start, now=NOW) for start in (START, None)]
    assert found == [Window(START, NOW), Window(None, NOW)]


def test_a_watermark_in_the_future_hides_nothing():
    """One that a fast clock set counts as now."""
    assert window(NOW + timedelta(hours=1), overlap=OVERLAP, start_from=START, now=NOW) == Window(NOW - OVERLAP, NOW)


def test_a_poll_begins_before_its_first_page():
    """Nothing was read of a fresh window: no role, no page, no item."""
    assert Place(Window(None, NOW)) == Place(Window(None, NOW), role=0, page=0, seen=0)
