"""The Celery app, and what every bell does around its one call of the flow."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache, partial, wraps
from typing import Any

import structlog
from celery import Celery, shared_task
from celery.app import app_or_default
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import setup_logging, worker_ready
from kombu.exceptions import KombuError
from kombu.pools import producers
from sqlalchemy import Connection as Open
from sqlalchemy.exc import DBAPIError

from config import logs
from config.broker import BELL_EXPIRES, RINGING, celery_settings
from config.schedule import beat_schedule
from config.settings import Settings, read
from worker import watchdog
from worker.events import EventsAfterwards
from worker.flow.services import Services, Until
from worker.store import runs
from worker.store.database import is_away
from worker.store.migrate import is_current
from worker.wiring import build

log = structlog.get_logger()
_SOON = ThreadPoolExecutor(1, thread_name_prefix="soon")
"""Kept: a new thread for each bell costs it a quarter of a millisecond."""
A_MOMENT = 0.5
"""Seconds after which it is written down that a bell is at work; one that is over before is written down once."""
DRAIN_SECONDS = 10.0
"""A drain takes nothing new after this and rings again, behind the bells that waited meanwhile: while all children have
a backlog, nothing is proven or read later than by so much. A call begun then ends before the soft time limit."""
TASKS = (
    "tasks.refresh",
    "tasks.poll",
    "tasks.plan",
    "tasks.deliver",
    "tasks.reconcile",
    "tasks.imports",
    "tasks.prices",
    "tasks.audit",
)

_built: dict[int, Services] = {}


def celery_app(settings: Settings) -> Celery:
    """The app with its broker, schedule and tasks."""
    app = Celery("bokun-sync", include=list(TASKS))
    app.conf.update(celery_settings(settings.redis_url))
    app.conf.beat_schedule = beat_schedule(settings)
    setup_logging.connect(_set_up_logging, weak=False)
    worker_ready.connect(_ring_all, weak=False)
    worker_ready.connect(_watch_over, weak=False)
    app.steps["consumer"].add(EventsAfterwards)
    app.set_default()
    return app


def _set_up_logging(**_: object) -> None:
    settings = read()
    logs.configure(settings.log_format, settings.log_level)


def _ring_all(sender: Any, **_: object) -> None:
    """A worker that starts looks at everything once: beat would let a whole period pass first."""
    for entry in sender.app.conf.beat_schedule.values():
        ring(entry["task"])


def _watch_over(**_: object) -> None:
    watchdog.start(lambda: _is_taken(watchdog.BELL))


def services() -> Services:
    """The services of this process; a forked child builds its own."""
    pid = os.getpid()
    if pid not in _built:
        _built.clear()
        _built[pid] = build(read(), ring=ring)
        gc.freeze()  # what is there now stays: no collection walks through it again
    return _built[pid]


def ring(name: str, *ids: str | int) -> None:
    """Rings a bell; one that cannot be rung is dropped, because beat rings again (reliability.md C18)."""
    _is_taken(name, *ids)


def _is_taken(name: str, *ids: str | int) -> bool:
    try:
        _publish(name, ids)
    except (KombuError, OSError) as failed:
        log.warning("bell.dropped", bell=name, exc_type=type(failed).__name__)
        return False
    return True


def enqueue(app: Celery, name: str, *ids: str | int, run: str) -> None:
    """Puts a task on the broker under the id of its run; raises where the broker is away."""
    app.send_task(name, args=ids, task_id=run)


def _publish(name: str, ids: tuple[str | int, ...]) -> None:
    app = app_or_default()
    with _ringers(app).acquire(block=True, timeout=1) as producer:
        app.send_task(name, args=ids, expires=BELL_EXPIRES, producer=producer)


@lru_cache(maxsize=1)
def _ringers(app: Celery) -> Any:
    """Producers with a connection of their own: whoever rings gives up after a second, whoever listens has the patience
    of five."""
    return producers[app.connection_for_write(transport_options=RINGING)]


def bell(name: str, *, limit: int = 60) -> Callable[[Callable[..., object]], Any]:
    """A task that calls one function of the flow with the services; of a failure Flower sees the kind, no more.

    Bells are not retried: what is due is in the database, and the next bell finds it there. `limit` is the soft time
    limit in seconds; a drain stays far below it.
    """

    def made(step: Callable[..., object]) -> Any:
        @shared_task(name=name, bind=True, ignore_result=True, soft_time_limit=limit, time_limit=limit + 30)
        @wraps(step)
        def task(self: Any, *ids: str | int) -> None:
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(bell=name, run=str(self.request.id or ""))
            _hear(services(), name, str(self.request.id or ""), partial(step, services(), *ids))

        return task

    return made


class BellFailed(Exception):
    """What Flower shows of a bell that failed: a kind, never a text that may hold somebody's data."""


def _hear(at: Services, name: str, run: str, step: Callable[[], object]) -> None:
    heard = at.clock()

    def ended(open_: Open) -> None:
        runs.ended(open_, run, bell=name, heard=heard, result=result, summary=said, now=at.clock())

    try:
        with _soon(partial(_started, at, name, run, heard)):
            result, said = _do(step)
        at.flush()
        at.database.run(ended, durable=False)
    except DBAPIError as failed:
        kind = _why(at, failed)
        log.error(kind, exc_type=type(failed).__name__)  # noqa: TRY400 - one line is enough
        raise BellFailed(kind) from None
    if result == "failed":
        raise BellFailed(said)


@contextmanager
def _soon(step: Callable[[], None]) -> Iterator[None]:
    """Takes the step if what goes on inside takes longer than a moment: most bells are over before."""
    over = threading.Event()
    taken = _SOON.submit(lambda: None if over.wait(A_MOMENT) else step())
    try:
        yield
    finally:
        over.set()
        taken.result()


def _started(at: Services, name: str, run: str, heard: datetime) -> None:
    with suppress(DBAPIError):  # the bell's own end says that the database is away
        at.database.run(lambda open_: runs.started(open_, run, bell=name, heard=heard), durable=False)


def _why(at: Services, failed: DBAPIError) -> str:
    """Away, or there but not migrated (run `bokun-sync migrate`), or a statement that it refused."""
    try:
        if not is_current(at.database.engine):
            return "database.not-migrated"
    except DBAPIError:
        return "database.away"
    return "database.away" if is_away(failed) else "database.refused"


def _do(step: Callable[[], object]) -> tuple[str, str]:
    """`done` with counts, or `failed` with the kind of failure: nothing is raised to be retried."""
    try:
        return "done", summary(step())
    except SoftTimeLimitExceeded:
        log.warning("bell.cut")
        return "failed", "it took too long and was cut; what is due is done by the next bell"
    except DBAPIError:
        raise
    except Exception as failed:
        log.exception("bell.failed", exc_type=type(failed).__name__)
        return "failed", type(failed).__name__


def summary(result: object) -> str:
    """Counts only: `Polled(pages=1, ...)` reads as `pages 1, ...`."""
    fields = getattr(result, "__dataclass_fields__", {})
    return ", ".join(f"{name} {getattr(result, name)}" for name in fields) if fields else str(result)


def drain_time(at: Services) -> Until:
    """How long a draining bell takes new work."""
    return Until.seconds(at, DRAIN_SECONDS)
