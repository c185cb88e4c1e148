"""What the worker asks of the database all the time, at ten thousand bookings and at a million."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from benchmarks import bookings
from benchmarks.ground import Ground, furnish
from benchmarks.rows.deliver import checkpoint, plant
from benchmarks.standin import CONNECTION
from worker.flow.services import Services
from worker.store import claims, notices
from worker.store.claims import LOOK_LASTS

DUE = 1000
"""So many deliveries are due and looked for, whatever the size of the rest."""


def large(at: Ground, rows: int) -> dict[str, float]:
    """Milliseconds: what is due, a claim of fifty, a page of fifty unchanged rows; medians."""
    remote = at.remote(latency=0)
    environment = at.surroundings(remote, at.database())
    mine = furnish(environment)
    plant(mine, range(bookings.FIRST, bookings.FIRST + DUE))
    _multiply(mine, rows)
    checkpoint(mine)
    now = mine.clock() + timedelta(seconds=1)
    with mine.database.transaction() as open_:
        open_.execute(text("UPDATE delivery SET looked_at = look_at WHERE state = 'planned'"))

    def due(open_: Any, _turn: int) -> None:
        claims.lanes(open_, now)

    def claim(open_: Any, _turn: int) -> None:
        got = claims.claim(open_, CONNECTION, now, most=50, lease=timedelta(seconds=120), token=mine.token())
        assert len(got) == 50, (len(got), LOOK_LASTS)

    def page(open_: Any, turn: int) -> None:
        first = 50_000_000 + turn * ((rows - 50) // 40)  # pages from all over the table
        some = range(first, first + 50)
        assert not notices.sight(open_, CONNECTION, {each: f"{each:032d}" for each in some}, now, ordered=str)

    found = {"due": _timed(mine, due, 60), "claim": _timed(mine, claim, 15), "page": _timed(mine, page, 40)}
    mine.close()
    at.stop(remote.running)
    return found


def _timed(at: Services, step: Callable[[Any, int], None], turns: int) -> float:
    """Within a transaction: opening and ending one costs the same whatever the size."""
    took = []
    for turn in range(turns):
        with at.database.transaction() as open_:
            begun = time.perf_counter()
            step(open_, turn)
            took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took[turns // 5 :])


def _multiply(at: Services, rows: int) -> None:
    """Bookings, deliveries that are done, and sightings: so many copies of the first planted ones."""
    source = (
        f"WITH RECURSIVE n(i) AS (SELECT 50000000 UNION ALL SELECT i + 1 FROM n WHERE i < 50000000 + {rows} - 1)"
        if at.database.is_sqlite
        else f"WITH n AS (SELECT generate_series(50000000, 50000000 + {rows} - 1) AS i)"
    )
    kept = "printf('%032d:', i)" if at.database.is_sqlite else "lpad(i::text, 32, '0') || ':'"
    with at.database.transaction() as open_:
        if not at.database.is_sqlite:
            open_.execute(text("SET LOCAL statement_timeout = 0"))
        for table, changed in (
            ("booking", {"booking_id": "i", "content": "'{}'", "confirmation_code": "CAST(i AS text)"}),
            ("delivery", {"booking_id": "i", "state": "'confirmed'", "key": "CAST(i AS text)", "mark": "'{}'"}),
        ):
            names = _columns(open_, table)
            chosen = ", ".join(changed.get(name, f"t.{name}") for name in names)
            first = f"(SELECT * FROM {table} LIMIT 1) t"
            open_.execute(text(f"INSERT INTO {table} ({', '.join(names)}) {source} SELECT {chosen} FROM n, {first}"))
        into = "INSERT INTO sighting (connection_id, booking_id, fingerprint)"
        open_.execute(text(f"{into} {source} SELECT '{CONNECTION}', i, {kept} FROM n"))


def _columns(open_: Any, table: str) -> list[str]:
    found = open_.execute(text(f"SELECT * FROM {table} LIMIT 1"))
    return [name for name in found.keys() if not (name == "id" and table == "delivery")]
