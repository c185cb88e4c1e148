"""The empty Celery task: what a message costs, whatever it says."""

from __future__ import annotations

import json
import sys
import uuid

import redis

from benchmarks.ground import Ground, Running, idle, until
from benchmarks.yardsticks import noop


def empty_tasks(at: Ground, count: int) -> dict[str, float]:
    """Tasks a second and worker's processor milliseconds a task: the queue is filled aside and given at once."""
    at.flush()
    broker = redis.Redis.from_url(at.redis.url)
    noop.app.conf.broker_url = at.redis.url
    worker = at.start(sys.executable, "-m", "celery", "-A", "benchmarks.yardsticks.noop", "worker", "-P", "threads",
                      "-c", "32", "--loglevel", "WARNING", log="noop", REDIS_URL=at.redis.url)  # fmt: skip
    idle(worker)
    give(at, broker, "noop", noop.nothing.name, [[each] for each in range(200)], worker)  # warmed
    cpu, seconds = give(at, broker, "noop", noop.nothing.name, [[each] for each in range(count)], worker)
    at.stop(worker)
    return {"rate": count / seconds, "cpu": cpu / count * 1000}


def give(_at: Ground, broker: redis.Redis, queue: str, task: str, args: list[list[int]], worker: Running) -> tuple[float, float]:
    """Gives the messages at once; returns the worker's processor seconds and the seconds until the last was taken."""
    pattern = _pattern(broker, queue, task)
    pipe = broker.pipeline(transaction=False)
    for each in args:
        pipe.lpush("aside", _message(pattern, each))
    pipe.execute()
    before = worker.cpu
    import time

    begun = time.monotonic()
    broker.rename("aside", queue)
    ended = until(lambda: not broker.llen(queue) and not broker.hlen("unacked"), task, every=0.01)
    idle(worker)
    return worker.cpu - before, ended - begun


def _pattern(broker: redis.Redis, queue: str, task: str) -> dict[str, object]:
    from celery import Celery

    app = Celery("pattern", broker=noop.app.conf.broker_url)
    app.send_task(task, args=[0], queue="pattern")
    (text,) = broker.lrange("pattern", 0, -1)
    broker.delete("pattern")
    message: dict[str, object] = json.loads(text)
    message["properties"]["delivery_info"]["routing_key"] = queue  # type: ignore[index]
    return message


def _message(pattern: dict[str, object], args: list[int]) -> str:
    import base64

    id_ = str(uuid.uuid4())
    body = base64.b64encode(json.dumps([args, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode())
    properties = {**pattern["properties"], "correlation_id": id_, "delivery_tag": str(uuid.uuid4())}  # type: ignore[dict-item]
    headers = {**pattern["headers"], "id": id_, "root_id": id_, "argsrepr": repr(tuple(args))}  # type: ignore[dict-item]
    return json.dumps({**pattern, "body": body.decode(), "properties": properties, "headers": headers})
