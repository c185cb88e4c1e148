"""Bookings that ask for a person, and what persons answered: an answer stands until anything about the booking changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import select
from sqlalchemy.engine import Row

from worker.store import audits
from worker.store.statements import every, table
from worker.store.tables import Accepted, Booking

_b, _x = table(Booking).c, table(Accepted).c
_ASK = "ask:"


def key(row: Row[Any]) -> str:
    """The question that a booking asks as it stands: another one once its rule, reason or revision is another."""
    words = "|".join((row.organization, str(row.booking_id), row.rule, row.because, row.revision))
    return _ASK + hashlib.sha256(words.encode()).hexdigest()[:24]


def answer(open_: Open, row: Row[Any], *, because: str, now: datetime) -> None:
    """A person dealt with it."""
    audits.accept(open_, key(row), because=because, now=now)


def answers(open_: Open) -> dict[str, Row[Any]]:
    """Every answer by its question's key."""
    return {row.key: row for row in every(open_, Accepted, _x.key.startswith(_ASK))}


def unanswered(open_: Open, *, most: int | None = None) -> list[Row[Any]]:
    """The bookings that ask and that nobody has dealt with, the one decided last first."""
    known = answers(open_)
    return [row for row in _asking(open_) if key(row) not in known][:most]


def answered(open_: Open) -> set[tuple[str, int]]:
    """Organization and id of the bookings that ask and were dealt with."""
    known = answers(open_)
    return {(row.organization, row.booking_id) for row in _asking(open_) if key(row) in known}


def _asking(open_: Open) -> Sequence[Row[Any]]:
    return open_.execute(select(table(Booking)).where(_b.decision == "ask").order_by(_b.decided_at.desc())).all()
