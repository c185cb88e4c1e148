"""What a bell writes down about itself: that it was heard, that it is at work, how it ended."""

import time

import pytest

from tests.builders import NOW
from worker import app
from worker.store import runs

BELL, RUN = "tasks.deliver.due", "7b1c2f0e-0000-4000-8000-000000000001"


@pytest.fixture
def asked(house):
    """A house in which a person asked for one bell."""
    house.services.database.run(lambda open_: runs.ask(open_, RUN, BELL, NOW))
    return house


def known(house):
    """What is known of the bell and of its run: (rung, done), (started, ended)."""
    with house.services.database.reading() as open_:
        run = runs.get(open_, RUN)
        rung = [(row.rung_at, row.done_at) for row in runs.heartbeats(open_) if row.bell == BELL]
    return (rung[0] if rung else None), (run.started_at, run.ended_at)


def test_a_bell_that_is_over_in_a_moment_is_written_down_once(asked, monkeypatch):
    """Nothing is known of it while it goes on, and afterwards when it was heard, begun and done."""
    monkeypatch.setattr(app, "A_MOMENT", 3600)
    during = []
    app._hear(asked.services, BELL, RUN, lambda: during.append(known(asked)))
    assert during == [(None, (None, None))]
    rung, run = known(asked)
    assert None not in (*rung, *run)


def test_a_bell_at_work_is_seen(asked, monkeypatch):
    """After a moment its time and the beginning of its run are there, before it is done."""
    monkeypatch.setattr(app, "A_MOMENT", 0.01)

    def step():
        until = time.monotonic() + 20
        while known(asked)[1][0] is None and time.monotonic() < until:
            time.sleep(0.01)
        (rung, done), (started, ended) = known(asked)
        assert (rung is None, done, started is None, ended) == (False, None, False, None)

    app._hear(asked.services, BELL, RUN, step)
    (_, done), (_, ended) = known(asked)
    assert None not in (done, ended)


def test_a_bell_that_fails_is_done_too(asked):
    """Its run ends with the kind of failure, and Flower gets no more than that."""

    def step():
        raise ValueError("somebody's name")

    with pytest.raises(app.BellFailed, match=r"^ValueError$"):
        app._hear(asked.services, BELL, RUN, step)
    assert None not in known(asked)[1]
