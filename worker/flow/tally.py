"""Counts this process's calls and adds them to the database now and then: Prometheus sees no worker, only the sums."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import DBAPIError

from worker.calls.sending import Seen
from worker.store import tallies
from worker.store.database import Database
from worker.store.tallies import Counted, bound

log = structlog.get_logger()
Key = tuple[str, str, str, str]


class Tally:
    """What was counted and not yet added; safe for all threads of a process."""

    def __init__(self) -> None:
        self._counted: dict[Key, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def see(self, seen: Seen) -> None:
        """Counts one call."""
        self._count((seen.remote, seen.call, seen.outcome, bound(seen.seconds)), 1, seen.seconds)

    def flush(self, database: Database) -> None:
        """Adds what was counted to the sums; while the database is away it is kept for the next time."""
        with self._lock:
            counted, self._counted = self._counted, {}
        if not counted:
            return
        rows = [Counted(*key, *sums) for key, sums in sorted(counted.items())]
        try:
            database.run(lambda open_: tallies.add(open_, rows), durable=False)
        except DBAPIError as failed:
            log.warning("tally.kept", exc_type=type(failed).__name__)
            for key, sums in counted.items():
                self._count(key, *sums)

    def _count(self, key: Key, calls: int, seconds: float) -> None:
        with self._lock:
            before = self._counted.get(key, (0, 0.0))
            self._counted[key] = before[0] + calls, before[1] + seconds
