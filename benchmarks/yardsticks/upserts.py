"""Yardstick: raw upserts through the database's own driver, a thousand rows a commit; nothing of ours runs."""

from __future__ import annotations

import sqlite3
import time

_TABLE = "CREATE TABLE raw_sighting (connection text, booking bigint, print text, PRIMARY KEY (connection, booking))"
_UPSERT = """INSERT INTO raw_sighting VALUES ({0}, {0}, {0}) ON CONFLICT (connection, booking)
DO UPDATE SET print = excluded.print WHERE raw_sighting.print <> excluded.print"""


def upserts(database: str, rows: int) -> float:
    """Rows a second."""
    if database.startswith("sqlite:///"):
        with sqlite3.connect(database.removeprefix("sqlite:///")) as open_:
            open_.execute("PRAGMA journal_mode=WAL")
            open_.execute(_TABLE)
            return _timed(rows, lambda some: open_.executemany(_UPSERT.format("?"), some), open_.commit)
    import psycopg

    with psycopg.connect(database) as remote, remote.cursor() as cursor:
        cursor.execute(_TABLE)
        return _timed(rows, lambda some: cursor.executemany(_UPSERT.format("%s"), some), remote.commit)


def _timed(rows: int, execute: object, commit: object) -> float:
    begun = time.monotonic()
    for start in range(0, rows, 1000):
        execute([("c", each, f"{each:064x}") for each in range(start, min(start + 1000, rows))])  # type: ignore[operator]
        commit()  # type: ignore[operator]
    return rows / (time.monotonic() - begun)
