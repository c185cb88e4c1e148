"""A drain or a poll in this process, for a profiler: `python -m benchmarks.one deliver|poll COUNT`."""

from __future__ import annotations

import sys

from benchmarks import bookings
from benchmarks.ground import furnish, ground, services
from benchmarks.rows.deliver import checkpoint, plant
from benchmarks.standin import CONNECTION
from config import logs
from worker.flow.deliver import deliver
from worker.flow.poll import poll_one
from worker.flow.services import Until


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    logs.configure("json", "info")
    with ground("sqlite", quick=True) as at:
        remote = at.remote(latency=20 if kind == "deliver" else 0, count=count if kind == "poll" else 0)
        environment = at.surroundings(remote, at.database())
        furnish(environment).close()
        mine = services(environment)
        if kind == "deliver":
            plant(mine, range(bookings.FIRST, bookings.FIRST + count))
            checkpoint(mine)
            deliver(mine, Until.seconds(mine, 300))
        else:
            poll_one(mine, CONNECTION, Until.seconds(mine, 300))
        mine.close()


if __name__ == "__main__":
    main()
