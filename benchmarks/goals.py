"""The rows of the table: what is measured, what it must reach, what it aims at, and the file to open when it falls."""

from __future__ import annotations

from dataclasses import dataclass

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure; `must` and `aim` by kind of database where they differ."""

    key: str
    group: str
    what: str
    must: float | dict[str, float]
    aim: float | dict[str, float]
    unit: str
    file: str
    most: bool = False
    """The figure is a cost: at most so much."""
    once: bool = False
    """The database says nothing about it: measured on one kind only."""

    def bar(self, kind: str) -> tuple[float, float]:
        must = self.must[kind] if isinstance(self.must, dict) else self.must
        aim = self.aim[kind] if isinstance(self.aim, dict) else self.aim
        return must, aim

    def reached(self, value: float, bar: float) -> bool:
        return value <= bar if self.most else value >= bar


def _by(postgresql: float, sqlite: float) -> dict[str, float]:
    return {POSTGRESQL: postgresql, SQLITE: sqlite}


GOALS = (
    Goal("deliver-over-empty-tasks", "deliver", "deliver at 20 ms: bookings a second over empty Celery tasks a second",
         1.1, 1.7, "×", "worker/flow/deliver.py"),
    Goal("deliver-over-usual-requests", "deliver", "… over the usual pipeline with requests, 32 threads",
         12, 20, "×", "worker/flow/deliver.py"),
    Goal("deliver-over-usual-httpx", "deliver", "… over the usual pipeline with httpx as first written",
         30, 45, "×", "worker/calls/wire.py"),
    Goal("deliver-over-posters", "deliver", "… over bare httpx posters with the same calls in flight",
         0.7, 0.95, "×", "worker/flow/deliver.py"),
    Goal("deliver-cpu", "deliver", "deliver: processor time a booking over one empty Celery task",
         1.0, 0.8, "×", "worker/calls/wire.py", most=True),
    Goal("deliver-little", "little", "deliver at 100 ms, 64 in flight, over what latency alone allows",
         0.85, 0.95, "×", "worker/flow/deliver.py"),
    Goal("road-cpu", "road", "whole road: processor time a booking over one empty Celery task",
         2.5, 1.5, "×", "worker/flow/plan.py", most=True),
    Goal("road-calls", "road", "remote calls per new booking on the whole road",
         2.1, 2.03, "", "worker/flow/look.py", most=True),
    Goal("road-unchanged", "road", "remote calls per unchanged booking seen by a poll",
         0.03, 0.02, "", "worker/flow/poll.py", most=True),
    Goal("rate-use", "rate", "use of 400 calls a minute while a backlog lasts",
         90, 97, "%", "worker/calls/limiter.py", once=True),
    Goal("rate-refused", "rate", "… answered 429", 0, 0, "", "worker/calls/limiter.py", most=True, once=True),
    Goal("poll-over-first", "poll", "poller: rows a second over a poller as first written",
         10, 18, "×", "worker/flow/poll.py"),
    Goal("poll-cpu", "poll", "poller: processor time a row over fetch and parse alone",
         1.6, 1.2, "×", "worker/calls/json.py", most=True),
    Goal("poll-memory", "poll-memory", "poller: memory at 100,000 bookings over 10,000",
         10, 0, "MB", "worker/flow/poll.py", most=True),
    Goal("webhook-rate", "webhook", "webhook receiver, durable, over a bare Starlette route: requests a second",
         _by(0.2, 0.5), _by(0.5, 0.8), "×", "worker/web/inbox.py"),
    Goal("webhook-p99", "webhook", "… p99 over the bare route's, 32 connections",
         _by(6, 3), _by(3, 1.5), "×", "worker/web/inbox.py", most=True),
    Goal("webhook-to-order", "webhook-to-order", "webhook stored to order sent, idle, 20 ms remotes, p50",
         300, 100, "ms", "worker/flow/plan.py", most=True),
    Goal("row-to-outcome", "idle", "row committed to outcome committed, idle, 0 ms remote, p99",
         25, 8, "ms", "worker/flow/deliver.py", most=True),
    Goal("large-due", "large", "what is due at 1,000,000 bookings", 1, 0.1, "ms", "worker/store/claims.py", most=True),
    Goal("large-claim", "large", "a claim of 50 at 1,000,000 bookings over 10,000",
         1.5, 1.1, "×", "worker/store/claims.py", most=True),
    Goal("large-page", "large", "a page upsert at 1,000,000 bookings over 10,000",
         1.5, 1.1, "×", "worker/store/notices.py", most=True),
    Goal("worker-memory", "worker-memory", "memory of a worker after 100,000 bookings over an idle one",
         40, 10, "MB", "worker/flow/deliver.py", most=True),
    Goal("start-help", "starts", "bokun-sync --help", 0.5, 0.25, "s", "worker/cli/main.py", most=True, once=True),
    Goal("start-status", "starts", "bokun-sync status on an empty database",
         1.0, 0.5, "s", "worker/cli/looking.py", most=True),
    Goal("fair-lanes", "lanes", "50 small sellers behind 10,000 due deliveries of one: later than alone by",
         1.0, 0.3, "s", "worker/store/looks.py", most=True),
)  # fmt: skip
