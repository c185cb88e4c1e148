"""Yardstick: bare httpx posters, two processes, with the same calls in flight as the two children of a worker."""

from __future__ import annotations

import json
import sys
import time

from benchmarks import bookings
from benchmarks.ground import Ground, until


def posters(
    at: Ground, count: int, *, latency: float, in_flight: int = 32, size: int = bookings.SIZE
) -> dict[str, float]:
    """Posts a second and processor milliseconds a post."""
    remote = at.remote(latency=latency)
    both = [at.start(sys.executable, "-m", "benchmarks.yardsticks.posters", remote.url, str(count // 2), str(in_flight),
                     str(size), log="posters") for _ in range(2)]  # fmt: skip
    until(lambda: all(each.process.poll() is not None for each in both), "the posters")
    said = [json.loads(each.log.read_text()) for each in both]
    for each in (*both, remote.running):
        at.stop(each)
    time.sleep(0.1)
    seconds = max(each["seconds"] for each in said)
    return {"rate": count / seconds, "cpu": sum(each["cpu"] for each in said) / count * 1000}
