"""One booking on an idle system: from the commit of its delivery to the commit of the outcome."""

from __future__ import annotations

import time

from benchmarks import bookings
from benchmarks.ground import Ground, furnish, publish, until
from benchmarks.rows.deliver import plant, watching


def outcome(at: Ground, number: int) -> dict[str, float]:
    """p50 and p99 in milliseconds, 0 ms remote; the bell is rung after the commit, as planning does."""
    remote = at.remote(latency=0)
    environment = at.surroundings(remote, at.database())
    mine = furnish(environment)
    worker = at.worker(environment)
    took = []
    with watching(mine) as count:
        for each in range(number + 20):
            plant(mine, [bookings.FIRST + each])
            begun = time.monotonic()
            publish(environment, [("tasks.deliver.due",)])
            ended = until(lambda: not count("planned", "sending"), "an outcome", every=0.0005)
            took.append((ended - begun) * 1000)
            until(lambda: not count("planned", "sending", "accepted"), "a proof")
            time.sleep(0.05)
    mine.close()
    at.stop(worker, remote.running)
    took = sorted(took[20:])  # the first ones warm both children
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)]}
