"""Fair lanes: one connection with a backlog, fifty with one delivery each."""

from __future__ import annotations

from benchmarks import bookings
from benchmarks.ground import Ground, furnish, idle, publish, until
from benchmarks.rows.deliver import checkpoint, count, plant
from benchmarks.standin import CONNECTION

SMALL = 50


def lanes(at: Ground, backlog: int) -> dict[str, float]:
    """Seconds until the last of the fifty was sent: alone, and behind the backlog; and what lies between."""
    alone, behind = _last(at, 0), _last(at, backlog)
    return {"alone": alone, "behind": behind, "more": behind - alone}


def _last(at: Ground, backlog: int) -> float:
    import time

    remote = at.remote(latency=20, connections=SMALL + 1)
    environment = at.surroundings(remote, at.database())
    mine = furnish(environment)
    worker = at.worker(environment)
    plant(mine, range(bookings.FIRST, bookings.FIRST + 100))
    publish(environment, [("tasks.deliver.due",)])
    until(lambda: not count(mine, "planned", "sending"), "the warm-up")
    idle(worker)
    remote.forget()
    if backlog:
        plant(mine, range(bookings.FIRST + 1000, bookings.FIRST + 1000 + backlog))
    for each in range(SMALL):
        plant(mine, [bookings.FIRST + 500_000 + each], connection=f"{each + 1:024d}")
    checkpoint(mine)
    begun = time.time()
    publish(environment, [("tasks.deliver.due",)])

    def sent() -> bool:
        return len(set(remote.facts()["lanes"]) - {CONNECTION}) == SMALL

    until(sent, "the fifty", every=0.1)
    last = max(ends for name, (_, ends) in remote.facts()["lanes"].items() if name != CONNECTION)
    mine.close()
    at.stop(worker, remote.running)
    return float(last) - begun
