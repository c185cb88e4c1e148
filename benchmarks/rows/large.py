"""What the worker asks of the database all the time, at ten thousand bookings and at a million."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
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
SOON = timedelta(seconds=1)


def large(at: Ground, *sizes: int) -> list[dict[str, float]]:
    """Milliseconds at each size: what is due, a claim of fifty, a page of fifty unchanged rows; medians.

    The sizes take turns: one second of the machine is a third faster than another.
    """
    grown = [_grown(at, rows) for rows in sizes]
    found = []
    for turns, step in ((60, _due), (15, _claim), (40, _page)):
        steps = [(mine, partial(step, mine, rows)) for mine, rows in zip(grown, sizes, strict=True)]
        found.append(_timed(steps, turns))
    for mine in grown:
        mine.close()
    return [dict(zip(("due", "claim", "page"), medians, strict=True)) for medians in zip(*found, strict=True)]


def _grown(at: Ground, rows: int) -> Services:
    remote = at.remote(latency=0)
    mine = furnish(at.surroundings(remote, at.database()))
    at.stop(remote.running)
    plant(mine, range(bookings.FIRST, bookings.FIRST + DUE))
    _multiply(mine, rows)
    checkpoint(mine)
    with mine.database.transaction() as open_:
        open_.execute(text("UPDATE delivery SET looked_at = look_at WHERE state = 'planned'"))
    return mine


def _due(mine: Services, _rows: int, open_: Any, _turn: int) -> None:
    claims.lanes(open_, mine.clock() + SOON)


def _claim(mine: Services, _rows: int, open_: Any, _turn: int) -> None:
    now = mine.clock() + SOON
    got = claims.claim(open_, CONNECTION, now, most=50, lease=timedelta(seconds=120), token=mine.token())
    assert len(got) == 50, (len(got), LOOK_LASTS)


def _page(mine: Services, rows: int, open_: Any, turn: int) -> None:
    first = 50_000_000 + turn * ((rows - 50) // 40)  # pages from all over the table
    some = {each: f"{each:032d}" for each in range(first, first + 50)}
    assert not notices.sight(open_, CONNECTION, some, mine.clock(), ordered=str)


def _timed(steps: Sequence[tuple[Services, Callable[[Any, int], None]]], turns: int) -> list[float]:
    """Within a transaction: opening and ending one costs the same whatever the size."""
    took: list[list[float]] = [[] for _ in steps]
    for turn in range(turns):
        for (mine, step), mine_took in zip(steps, took, strict=True):
            with mine.database.transaction() as open_:
                begun = time.perf_counter()
                step(open_, turn)
                mine_took.append((time.perf_counter() - begun) * 1000)
    return [statistics.median(each[turns // 5 :]) for each in took]


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
