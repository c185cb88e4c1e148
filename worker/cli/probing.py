"""The checks of `doctor` that ask our own servers: the database, the broker, and whether beat and worker are at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import redis
from sqlalchemy.exc import DatabaseError

from config.broker import celery_settings
from config.settings import Settings
from worker.calls.limiter import connect
from worker.flow.checks import Finding, late_bells, rung_lately, well, wrong
from worker.flow.services import Services
from worker.store import connections
from worker.store.connections import Stored
from worker.store.database import server
from worker.store.migrate import is_current, is_known
from worker.store.runs import ask

MANY = 50
"""So many bells never wait while a worker takes them: each expires after its period."""
FULL = 0.9
START = "start worker and beat, or `bokun-sync up`"


@dataclass(frozen=True)
class Setup:
    """What is examined."""

    settings: Settings
    services: Services

    @cached_property
    def usable(self) -> bool:
        """Whether the store can be asked."""
        try:
            return is_current(self.services.database.engine)
        except DatabaseError:
            return False

    @cached_property
    def known(self) -> list[Stored]:
        """The connections that are mirrored and not gone."""
        if not self.usable:
            return []
        with self.services.database.reading() as open_:
            return [each for each in connections.load(open_) if each.gone_at is None]


def ask_database(setup: Setup) -> Iterator[Finding]:
    """Reachable, at the newest version, and writable."""
    database = setup.services.database
    try:
        current, known = is_current(database.engine), is_known(database.engine)
    except DatabaseError as failed:
        yield wrong(
            "database", f"cannot be used ({type(failed).__name__})", "check DATABASE_URL and that the server runs"
        )
        return
    if not current:
        yield wrong("database", "not at the newest version", "run `bokun-sync migrate`")
        return
    try:
        with database.engine.connect() as open_:
            ask(open_, "doctor", "doctor", setup.services.clock())
            open_.rollback()
            said = server(open_)
    except DatabaseError as failed:
        yield wrong("database", f"can be read but not written ({type(failed).__name__})",
                    "DATABASE_URL must name the primary server, with rights to write, and a disk that is not full")  # fmt: skip
        return
    if known:
        yield well("database", f"newest version, {said}")
    else:
        yield well("database", f"a later version than this program's, {said}", "run the same release everywhere soon")


def ask_broker(setup: Setup) -> Iterator[Finding]:
    """Reachable, writable, keeping what it is given; and whether beat and worker are at it."""
    if setup.settings.embedded:
        yield well("broker", "embedded; `up` starts it")
        yield from _bells(setup, None)
        return
    prefix = celery_settings("")["broker_transport_options"]["global_keyprefix"]
    queues = celery_settings("")["task_queues"]
    try:
        with connect(setup.settings.redis_url) as client:
            about: dict[str, Any] = client.info()
            waiting = sum(int(client.llen(f"{prefix}{queue}")) for queue in queues)
    except redis.AuthenticationError:
        yield wrong("broker", "refuses the password", "correct user and password in REDIS_URL")
    except redis.RedisError as failed:
        yield wrong(
            "broker", f"cannot be reached ({type(failed).__name__})", "check REDIS_URL and that the server runs"
        )
    else:
        yield _broker(about)
        yield from _bells(setup, waiting)


def _broker(about: dict[str, Any]) -> Finding:
    policy, most = str(about.get("maxmemory_policy")), int(about.get("maxmemory", 0))
    said = f"Redis {about.get('redis_version')} answers"
    if about.get("role") != "master":
        return wrong("broker", f"{said}, but is a replica: nothing can be put on it", "let REDIS_URL name the primary")
    if policy.startswith("allkeys"):
        return wrong("broker", f"{said}, but evicts bells when its memory is full ({policy})",
                     "set maxmemory-policy noeviction")  # fmt: skip
    if most and int(about.get("used_memory", 0)) > FULL * most:
        return wrong(
            "broker", f"{said}, but its memory is full: bells are refused", "raise maxmemory; is a worker running?"
        )
    if "err" in (about.get("aof_last_write_status"), about.get("aof_last_bgrewrite_status")):
        return wrong("broker", f"{said}, but cannot write to its disk", "make room on the broker's disk")
    if not about.get("aof_enabled"):
        return wrong("broker", f"{said}, but keeps nothing: a restart drops the bells, and all waits for the next ones",
                     "set appendonly yes")  # fmt: skip
    return well("broker", f"{said}, {policy}, append-only file on")


def _bells(setup: Setup, waiting: int | None) -> Iterator[Finding]:
    """Where bells are late, the queue says who is silent: a full one that nobody takes, an empty one that nobody rings."""
    if not setup.usable:
        return
    late, heard = late_bells(setup.services)
    lately, said = rung_lately(setup.services), ", ".join(late)
    if waiting is not None and waiting > MANY and not lately:
        yield wrong("worker", f"{waiting} bells wait on the broker and no worker takes them", "start the worker")
    elif not heard:
        yield well("bells", "none heard yet: no worker has run on this database", START)
    elif not late:
        yield well("bells", "all heard in time")
    elif lately:
        yield wrong(
            "bells", f"rung, but not to their end in time: {said}", "see `bell.` and `failed` in the worker's log"
        )
    elif waiting is None:
        yield wrong("bells", f"not heard in time: {said}", START)
    else:
        yield wrong(
            "beat", f"no bell is rung: {said}", "start beat (one is enough), with the same REDIS_URL as the worker"
        )
