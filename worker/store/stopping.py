"""The global stop: one row that is there or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import delete, select
from sqlalchemy.engine import Row

from worker.store.statements import insert, table
from worker.store.tables import Stop

_STOP = select(table(Stop))


def get(open_: Open) -> Row[Any] | None:
    """Since when and why everything is stopped; None while it is not."""
    return open_.execute(_STOP).first()


def put(open_: Open, *, because: str, now: datetime) -> bool:
    """Stops everything; False where it was stopped before, which then stays as it is."""
    first = insert(open_, Stop).values(id=1, since=now, because=because).on_conflict_do_nothing()
    return open_.execute(first).rowcount == 1


def lift(open_: Open) -> bool:
    """Lets everything go on; False where nothing was stopped."""
    return open_.execute(delete(table(Stop))).rowcount == 1
