"""The whole road: poll, read, decide, look, deliver, prove; and a poll that finds nothing new."""

from __future__ import annotations

import statistics
import sys
import time
import urllib.request
from functools import partial

from benchmarks import bookings
from benchmarks.ground import Failed, Ground, Remote, free_port, furnish, idle, publish, until
from benchmarks.rows.deliver import count as counted
from benchmarks.standin import CONNECTION


def whole(at: Ground, number: int, *, latency: float = 20, size: int = bookings.SIZE) -> dict[str, float]:
    """Processor milliseconds and calls a new booking; calls an unchanged booking that a second poll sees."""
    remote = at.remote(latency=latency, count=0, size=size)
    environment = at.surroundings(remote, at.database())
    mine = furnish(environment)
    worker = at.worker(environment)
    remote.set(bookings=100)
    _walk(environment, mine, 100)
    idle(worker)
    remote.set(bookings=number + 100)
    remote.forget()
    before, begun = worker.cpu, time.monotonic()
    ended = _walk(environment, mine, number + 100)
    idle(worker)
    used, facts = worker.cpu - before, remote.facts()
    if facts["orders"] != number or facts["twice"]:
        raise Failed(f"{facts['orders']} of {number} bookings arrived, {facts['twice']} more than once")
    remote.forget()
    publish(environment, [("tasks.poll.connection", CONNECTION)])
    idle(worker)
    again = remote.facts()["calls"]
    mine.close()
    at.stop(worker, remote.running)
    return {"cpu": used / number * 1000, "rate": number / (ended - begun), "calls": sum(facts["calls"].values()) / number,
            "unchanged": sum(again.values()) / (number + 100)}  # fmt: skip


def _walk(environment: dict[str, str], mine: object, number: int) -> float:
    """Rings the poll, as beat would; everything after it rings itself."""
    publish(environment, [("tasks.poll.connection", CONNECTION)])
    rung = time.monotonic()

    def proven() -> bool:
        nonlocal rung
        if time.monotonic() - rung > 10:  # as beat does
            publish(environment, [("tasks.deliver.due",), ("tasks.reconcile.due",)])
            rung = time.monotonic()
        return counted(mine, "confirmed") >= number  # type: ignore[arg-type]

    return until(proven, "the whole road", every=0.05)


def from_webhook(at: Ground, number: int) -> dict[str, float]:
    """Milliseconds from the answer to a webhook to the order at Space Invoices, idle system, 20 ms remotes."""
    remote = at.remote(latency=20)
    environment = at.surroundings(remote, at.database(), WEBHOOK_TOKEN="t", PORT=str(free_port()), LOG_LEVEL="warning")
    mine = furnish(environment)
    worker = at.worker(environment)
    web = at.start(sys.executable, "-c", "from worker.cli import main; main()", "web", log="web", **environment)
    url = f"http://127.0.0.1:{environment['PORT']}/webhooks/bokun/t"
    idle(web)
    took = []
    for each in range(number):
        id_ = bookings.FIRST + each
        body = b'{"id":%d}' % id_
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        begun = time.time()
        until(partial(_came, remote, str(id_)), "an order", seconds=30, every=0.01)
        took.append((remote.last()[1] - begun) * 1000)
        time.sleep(0.15)
    mine.close()
    at.stop(worker, web, remote.running)
    took.sort()
    return {"p50": statistics.median(took), "p99": took[int(len(took) * 0.99)]}


def _came(remote: Remote, booking: str) -> bool:
    return remote.last()[0] == booking
