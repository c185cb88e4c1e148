"""Yardsticks on Celery: an empty task, and the usual pipeline. The queue is filled aside and given at once."""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import redis
from celery import Celery

from benchmarks import bookings
from benchmarks.ground import Failed, Ground, Running, idle, until
from benchmarks.standin import CONNECTION
from benchmarks.yardsticks import noop, usual


def empty(at: Ground, count: int) -> dict[str, float]:
    """Tasks a second and the worker's processor milliseconds a task."""
    worker = _worker(at, "noop")
    _give(at, "noop", noop.nothing.name, range(300))
    idle(worker)
    before = worker.cpu
    begun = _give(at, "noop", noop.nothing.name, range(count))
    broker = _broker(at)
    ended = until(lambda: not broker.llen("noop") and not broker.hlen("unacked"), "empty tasks", every=0.01)
    idle(worker)
    used = worker.cpu - before
    at.stop(worker)
    return {"rate": count / (ended - begun), "cpu": used / count * 1000}


def naive(at: Ground, client: str, count: int, *, latency: float, size: int = bookings.SIZE) -> dict[str, float]:
    """Bookings a second of the usual pipeline with this client, 32 threads.

    It counts what arrived: on SQLite the pipeline now and then loses a booking to a database that is locked, for good.
    """
    remote, database = at.remote(latency=latency), at.database()
    template = bookings.Template(size)
    ids = range(bookings.FIRST, bookings.FIRST + count)
    usual.fill(_driver(database), CONNECTION, {each: template.detail(str(each).encode()).decode() for each in ids})
    worker = _worker(at, "usual", CLIENT=client, DATABASE_URL=_driver(database), SPACE_INVOICES_URL=remote.url)
    before = worker.cpu
    begun = _give(at, "usual", usual.send.name, ids)
    arrived, ended = _last(lambda: remote.facts()["orders"], count, begun)
    idle(worker)
    used = worker.cpu - before
    at.stop(worker, remote.running)
    if arrived < count * 0.98:
        raise Failed(f"the usual pipeline sent {arrived} of {count}")
    return {"rate": arrived / (ended - begun), "cpu": used / arrived * 1000}


def _last(arrived: Callable[[], int], count: int, begun: float) -> tuple[int, float]:
    """How many arrived, and when the last one was seen: all of them, or after it none for long."""
    seen, at = 0, begun
    while seen < count and time.monotonic() - at < 20:
        if (now := arrived()) > seen:
            seen, at = now, time.monotonic()
        time.sleep(0.05)
    return seen, at


def _driver(database: str) -> str:
    return database.replace("postgresql://", "postgresql+psycopg://")


def _worker(at: Ground, name: str, **environment: str) -> Running:
    at.flush()
    worker = at.start(sys.executable, "-m", "celery", "-A", f"benchmarks.yardsticks.{name}", "worker", "-P", "threads",
                      "-c", "32", "--loglevel", "WARNING", log=name, REDIS_URL=at.redis.url, **environment)  # fmt: skip
    idle(worker)
    return worker


def _broker(at: Ground) -> Any:
    return redis.Redis.from_url(at.redis.url)


def _give(at: Ground, queue: str, task: str, ids: range) -> float:
    """Gives a message for each id at once; returns when."""
    broker = _broker(at)
    message = _messages(at, queue, task)
    pipe = broker.pipeline(transaction=False)
    for each in ids:
        pipe.lpush("aside", message(each))
    pipe.execute()
    broker.rename("aside", queue)
    return time.monotonic()


def _messages(at: Ground, queue: str, task: str) -> Callable[[int], str]:
    """Messages as Celery itself would write them, made from one that it wrote."""
    app = Celery("pattern", broker=at.redis.url)
    app.send_task(task, args=[0], queue="pattern")
    broker = _broker(at)
    (text,) = broker.lrange("pattern", 0, -1)
    broker.delete("pattern")
    app.close()
    pattern = json.loads(text)
    options = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

    def made(id_: int) -> str:
        task_id = str(uuid.uuid4())
        body = base64.b64encode(json.dumps([[id_], {}, options]).encode()).decode()
        properties = pattern["properties"] | {"correlation_id": task_id, "delivery_tag": str(uuid.uuid4()),
                                              "delivery_info": {"exchange": "", "routing_key": queue}}  # fmt: skip
        headers = pattern["headers"] | {"id": task_id, "root_id": task_id, "argsrepr": f"[{id_}]"}
        return json.dumps(pattern | {"body": body, "properties": properties, "headers": headers})

    return made
