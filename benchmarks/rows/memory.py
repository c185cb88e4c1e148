"""Memory that grows with the work: of a worker after a hundred thousand bookings over an idle one."""

from __future__ import annotations

from benchmarks import bookings
from benchmarks.ground import Ground, furnish, idle, publish, resident, until
from benchmarks.rows.deliver import count, plant


def worker(at: Ground, number: int) -> dict[str, float]:
    """MiB (PSS) of the worker's processes before and after so many deliveries."""
    remote = at.remote(latency=0)
    environment = at.surroundings(remote, at.database(), LOG_LEVEL="warning")
    mine = furnish(environment)
    running = at.worker(environment)
    plant(mine, range(bookings.FIRST, bookings.FIRST + 400))
    publish(environment, [("tasks.deliver.due",)] * 2)
    until(lambda: not count(mine, "planned", "sending"), "the warm-up")
    idle(running)
    before = resident(running.pid)
    plant(mine, range(bookings.FIRST + 1000, bookings.FIRST + 1000 + number))
    publish(environment, [("tasks.deliver.due",)])
    until(lambda: not count(mine, "planned", "sending"), "the drain", seconds=600, every=0.5)
    idle(running)
    after = resident(running.pid)
    mine.close()
    at.stop(running, remote.running)
    return {"before": before, "after": after, "more": after - before}
