"""One booking on an idle system: from the commit of its delivery to the commit of the outcome.

A sample of which other guests of the machine took a hundredth of a second, of the processors or of the disk, is put
aside and counted, whatever it said: its milliseconds are theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import bookings, stolen
from benchmarks.ground import Failed, Ground, furnish, publish, until
from benchmarks.rows.deliver import bare_connection, plant, watching
from worker.flow.services import Services

WARM = 20
"""So many come before, so that both children have done it."""
MOST = 4
"""So many times as many samples are taken at most."""


def outcome(at: Ground, number: int) -> dict[str, float]:
    """p50 and p99 in milliseconds of the samples that were left to us, 0 ms remote; the same of all of them; the share
    of those. The bell is rung after the commit, as planning does."""
    remote = at.remote(latency=0)
    environment = at.surroundings(remote, at.database())
    mine = furnish(environment)
    worker = at.worker(environment)
    every: list[float] = []
    ours: list[float] = []
    with watching(mine) as count, _ending(mine, count) as ended:
        for each in range(WARM + MOST * number):
            plant(mine, [bookings.FIRST + each])
            before, begun = stolen.moment(), time.monotonic()
            publish(environment, [("tasks.deliver.due",)])
            took = (ended() - begun) * 1000
            theirs = before.disturbed(stolen.moment())
            until(lambda: not count("planned", "sending", "accepted"), "a proof", every=0.05)
            if each < WARM:
                continue
            every.append(took)
            if not theirs:
                ours.append(took)
            if len(ours) == number:
                break
    mine.close()
    at.stop(worker, remote.running)
    if not ours:
        raise Failed(f"other guests of the machine took a part of all {len(every)} samples")
    return {"p50": _quantile(ours, 0.5), "p99": _quantile(ours, 0.99), "share": len(ours) / len(every),
            "p50 of all": _quantile(every, 0.5), "p99 of all": _quantile(every, 0.99)}  # fmt: skip


@contextmanager
def _ending(at: Services, count: Callable[..., int]) -> Iterator[Callable[[], float]]:
    """Waits for the next outcome and says when it could be seen (monotonic).

    PostgreSQL calls whoever waits, once the commit is there: asking it all the time would take the processor from what
    is measured. SQLite is asked by a few system calls.
    """
    if at.database.is_sqlite:
        yield lambda: until(lambda: not count("planned", "sending"), "an outcome", every=0.001)
        return
    with bare_connection(at) as open_:
        open_.execute(_CALLS)
        yield lambda: _called(open_)


def _called(open_: Any) -> float:
    for _ in open_.notifies(timeout=60, stop_after=1):
        return time.monotonic()
    raise Failed("an outcome: not within 60 s")


_CALLS = """
CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NOTIFY ended; RETURN NULL; END';
CREATE TRIGGER ended AFTER UPDATE ON delivery
FOR EACH ROW WHEN (OLD.state = 'sending' AND NEW.state <> 'sending') EXECUTE FUNCTION ended();
LISTEN ended;
"""


def _quantile(values: list[float], part: float) -> float:
    return sorted(values)[int(len(values) * part)]
