"""Calls counted by every process, added up in the database: workers come and go, the sums stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.store.statements import every, insert, table
from worker.store.tables import CallTally

_t = table(CallTally).c
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The histogram's upper bounds in seconds; what takes longer is in `+Inf`."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Calls of one kind that ended so within these bounds."""

    remote: str
    call: str
    outcome: str
    within: str
    calls: int
    seconds: float


def add(open_: Open, counted: Sequence[Counted]) -> None:
    """Adds these calls to the sums."""
    if not counted:
        return
    statement = insert(open_, CallTally)
    more = {"calls": _t.calls + statement.excluded.calls, "seconds": _t.seconds + statement.excluded.seconds}
    rows = [
        {"remote": each.remote, "call": each.call, "outcome": each.outcome, "within": each.within,
         "calls": each.calls, "seconds": each.seconds}
        for each in counted
    ]  # fmt: skip
    open_.execute(
        statement.on_conflict_do_update(index_elements=["remote", "call", "outcome", "within"], set_=more), rows
    )


def sums(open_: Open) -> Sequence[Row[Any]]:
    """Every sum."""
    return every(open_, CallTally)


def bound(seconds: float) -> str:
    """The bucket that this duration falls into."""
    return next((str(each) for each in BOUNDS if seconds <= each), "+Inf")
