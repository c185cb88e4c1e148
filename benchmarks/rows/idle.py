"""One booking on an idle system: from the commit of its delivery to the commit of the outcome."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import bookings
from benchmarks.ground import Ground, furnish, publish, until
from benchmarks.rows.deliver import plant
from worker.flow.services import Services

_ON_ITS_WAY = "SELECT count(*) FROM delivery WHERE state IN ('planned', 'sending')"
_UNPROVEN = "SELECT count(*) FROM delivery WHERE state <> 'confirmed'"


def outcome(at: Ground, number: int) -> dict[str, float]:
    """p50 and p99 in milliseconds, 0 ms remote; the bell is rung after the commit, as planning does."""
    remote = at.remote(latency=0)
    environment = at.surroundings(remote, at.database())
    mine = furnish(environment)
    worker = at.worker(environment)
    took = []
    with _watching(mine) as count:
        for each in range(number + 20):
            plant(mine, [bookings.FIRST + each])
            begun = time.monotonic()
            publish(environment, [("tasks.deliver.due",)])
            ended = until(lambda: not count(_ON_ITS_WAY), "an outcome", every=0.0005)
            took.append((ended - begun) * 1000)
            until(lambda: not count(_UNPROVEN), "a proof")
            time.sleep(0.05)
    mine.close()
    at.stop(worker, remote.running)
    took = sorted(took[20:])  # the first ones warm both children
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)]}


@contextmanager
def _watching(mine: Services) -> Iterator[Callable[[str], int]]:
    """Counts by the bare driver: whoever asks two thousand times a second takes the processor from what it watches."""
    url = mine.database.engine.url
    if mine.database.is_sqlite:
        with sqlite3.connect(str(url.database)) as open_:
            yield lambda counted: int(open_.execute(counted).fetchone()[0])
        open_.close()
        return
    import psycopg

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as asked:
        yield lambda counted: int(asked.execute(counted).fetchone()[0])  # type: ignore[arg-type,index]
