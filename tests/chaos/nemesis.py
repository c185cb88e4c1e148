"""What goes wrong, each by a seeded choice: processes, broker, database and both remotes."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from contextlib import ExitStack, closing, suppress
from typing import Any

import psycopg
import redis

from tests.chaos.house import House, children

ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}
LOST: tuple[dict[str, Any], ...] = (
    {"kind": "reset"}, {"kind": "close"}, {"kind": "html"}, {"kind": "garbage"}, {"kind": "truncate"},
    {"kind": "status", "code": 500}, {"kind": "status", "code": 502}, {"kind": "status", "code": 408},
    {"kind": "redirect"}, {"kind": "delay", "seconds": 6}, {"kind": "huge", "size": 1_500_000},
)  # fmt: skip
REFUSED: tuple[dict[str, Any], ...] = (
    {"kind": "status", "code": 429, "headers": {"Retry-After": "1"}},
    {"kind": "status", "code": 401},
)
LOCKED = "LOCK TABLE delivery IN EXCLUSIVE MODE"
TERMINATED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
)


class Nemesis:
    """One seed's mischief, counted."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.random = house, random.Random(seed)
        self.done: Counter[str] = Counter()
        self._later: list[threading.Timer] = []

    def strike(self) -> None:
        """One thing goes wrong."""
        act = self.random.choice(
            [self.kill_child] * 4 + [self.stop_child] * 4 + [self.kill_parent] * 2 + [self.terminate] * 2
            + [self.flush, self.crash_redis, self.freeze_redis] + [self.crash_database]
            + [self.end_backends] * 2 + [self.lock] * 2 + [self.second_beat] + [self.spoil_reading] * 2
            + [self.step_clock] + [self.fill_disk] * (self.house.disk is not None)
        )  # fmt: skip
        with suppress(ProcessLookupError, psycopg.Error, redis.RedisError):
            act()
            self.done[act.__name__.replace("_", " ")] += 1

    def spoil_order(self, booking: int) -> None:
        """The order of this booking goes wrong, before or after its effect, once or twice."""
        fault = self.random.choice(LOST * 3 + REFUSED)
        after = fault in LOST and self.random.random() < 0.6
        times = self.random.choice((1, 1, 2))
        self.house.sandbox.faults.add(**ORDER, **fault, booking=booking, after_effect=after, times=times)

    def spoil_reading(self) -> None:
        """A reading call of either remote goes wrong."""
        fault = self.random.choice(LOST[:-1])
        remote = self.random.choice(("bokun", "space-invoices"))
        path = "/orders" if remote == "space-invoices" else "/booking"
        self.house.sandbox.faults.add(remote=remote, path=path, **fault)

    def kill_child(self) -> None:
        os.kill(self._child(), signal.SIGKILL)

    def stop_child(self) -> None:
        """For longer than its lease, sometimes longer than absence takes to be proven."""
        child = self._child()
        os.kill(child, signal.SIGSTOP)
        self._after(self.random.choice((9, 10, 25)), lambda: os.kill(child, signal.SIGCONT))

    def kill_parent(self) -> None:
        os.kill(self._parent(), signal.SIGKILL)

    def terminate(self) -> None:
        """A deployment in the middle of a drain."""
        os.kill(self._parent(), signal.SIGTERM)

    def flush(self) -> None:
        redis.Redis.from_url(self.house.redis.url, socket_timeout=1).flushall()

    def crash_redis(self) -> None:
        self.house.redis.crash()

    def freeze_redis(self) -> None:
        frozen = self.house.redis.server.pid
        os.kill(frozen, signal.SIGSTOP)
        self._after(self.random.choice((1, 4)), lambda: os.kill(frozen, signal.SIGCONT))

    def crash_database(self) -> None:
        self.house.postgres.crash()

    def end_backends(self) -> None:
        with psycopg.connect(self.house.postgres.url, autocommit=True, connect_timeout=2) as open_:
            open_.execute(TERMINATED)

    def lock(self) -> None:
        """Somebody holds the table for seconds."""
        with ExitStack() as tried:
            open_ = tried.enter_context(closing(psycopg.connect(self.house.postgres.url, connect_timeout=2)))
            open_.execute("SET lock_timeout = '1s'")
            open_.execute(LOCKED)
            self._after(self.random.choice((1, 3)), tried.pop_all().close)

    def second_beat(self) -> None:
        if not any(each.name == "second beat" for each in self.house.supervisor.processes):
            self.house.beat("second beat")

    def step_clock(self) -> None:
        """Past a lease and an absence, forwards or back, and some time later right again."""
        self.house.step(self.random.choice((-40, 40)))
        self._after(self.random.choice((3, 10)), lambda: self.house.step(0))

    def fill_disk(self) -> None:
        """Not a byte is left to PostgreSQL for some seconds."""
        filler = self.house.disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65536))
        self._after(self.random.choice((2, 4)), lambda: filler.unlink(missing_ok=True))

    def rest(self) -> None:
        """Nothing goes wrong any more, and nobody is stopped."""
        for each in self._later:
            each.join()
        self.house.step(0)
        self.house.sandbox.faults.clear()

    def _parent(self) -> int:
        worker = self.random.choice(self.house.workers)
        if worker.running is None:
            raise ProcessLookupError
        return worker.running.pid

    def _child(self) -> int:
        found = sorted(each for worker in self.house.workers for each in children(worker))
        if not found:
            raise ProcessLookupError
        return self.random.choice(found)

    def _after(self, seconds: float, act: Any) -> None:
        def carefully() -> None:
            with suppress(ProcessLookupError, psycopg.Error):
                act()

        timer = threading.Timer(seconds, carefully)
        timer.start()
        self._later.append(timer)
