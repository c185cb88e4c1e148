"""An allowed rate: how much of it is used while a backlog lasts, and whether it is ever passed."""

from __future__ import annotations

import time

from benchmarks import bookings
from benchmarks.ground import Ground, furnish, publish
from benchmarks.standin import CONNECTION
from worker.store import notices


def rate(at: Ground, seconds: float) -> dict[str, float]:
    """The share of 400 calls a minute that is used, and how many were answered 429; two children share the limit.

    The stand-in refuses whatever passes the limit in any window of its own.
    """
    per_minute = 400
    remote = at.remote(latency=20, limit=per_minute, seconds=60.0)
    environment = at.surroundings(remote, at.database(), BOKUN_CALLS_PER_MINUTE=str(per_minute))
    mine = furnish(environment)
    backlog = [(CONNECTION, bookings.FIRST + each) for each in range(int(per_minute * (seconds / 60 + 2)))]
    mine.database.run(lambda open_: notices.note(open_, "poll", backlog, mine.clock()))
    worker = at.worker_unrested(environment)
    publish(environment, [("tasks.plan.notices",)] * 2)
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        time.sleep(5)
        publish(environment, [("tasks.plan.notices",)])
    facts = remote.facts()
    mine.close()
    at.stop(worker, remote.running)
    times = facts["times"]
    last = times[-1]
    span = min(60.0, last - times[0] - 5)
    used = sum(1 for each in times if each > last - span)
    return {"use": used / (per_minute * span / 60), "refused": facts["refused"], "calls": len(times)}
