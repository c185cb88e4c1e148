"""A worker that hears no bell any more ends itself, so that its supervisor starts a fresh one.

Celery on Redis can be alive and consume nothing for ever (reliability.md C6, C8). So progress is watched, not the
process: the heartbeat of the bell that rings most often, in the database. While it is old, we ring ourselves; where
the broker takes that bell and still nobody hears it, this worker is deaf.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from celery.worker import state
from sqlalchemy.exc import DBAPIError

from config.settings import read
from worker.store import runs
from worker.store.database import Database
from worker.wiring import now

log = structlog.get_logger()
BELL = "tasks.deliver.due"
PERIODS = 6
LEAST = timedelta(seconds=60)
"""Never more impatient than this: a drain takes 10 s, a call 30 s, a restart a few."""
GRACE = 60.0


@dataclass
class Watchdog:
    """What was noticed so far; `look` is asked again and again."""

    heard: Callable[[], datetime | None]
    """When anybody heard the bell last."""
    ring: Callable[[], bool]
    """Rings it; whether the broker took it."""
    busy: Callable[[], bool]
    """Whether this worker is at work: then it hears, it only has no hand free."""
    clock: Callable[[], datetime]
    patience: timedelta
    rang: datetime | None = None

    def is_deaf(self) -> bool:
        """Whether a bell that the broker took was not heard by anybody for longer than our patience."""
        try:
            last = self.heard()
        except DBAPIError:
            self.rang = None  # without the database nobody can write down what was heard
            return False
        at = self.clock()
        if self.busy() or (last is not None and at - last < self.patience):
            self.rang = None
            return False
        if self.rang is None:
            self.rang = at if self.ring() else None
            return False
        return at - self.rang >= self.patience


def start(ring: Callable[[], bool]) -> None:
    """Watches on a thread of the worker's main process."""
    settings = read()
    patience = max(LEAST, timedelta(seconds=settings.deliver_every * PERIODS))
    dog = Watchdog(
        heard=lambda: _heard(settings.database_url),
        ring=ring,
        busy=lambda: bool(state.active_requests),
        clock=now,
        patience=patience,
    )
    threading.Thread(target=_watch, args=(dog,), name="watchdog", daemon=True).start()


def _watch(dog: Watchdog) -> None:
    while not dog.is_deaf():
        time.sleep(dog.patience.total_seconds() / 4)
    log.error("worker.deaf", bell=BELL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)  # it does not even hear that; the children end with their pipe, and what they sent is looked up


def _heard(url: str) -> datetime | None:
    """With a connection of its own, closed at once: the children are forked from this process."""
    database = Database(url)
    try:
        with database.reading() as open_:
            return max((row.rung_at for row in runs.heartbeats(open_) if row.bell == BELL), default=None)
    finally:
        database.close()
