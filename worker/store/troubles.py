"""What stands still and needs a person, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection as Open
from sqlalchemy import func, select

from worker.domain.delivery import State
from worker.store.statements import table
from worker.store.tables import Booking, Delivery

_d, _b = table(Delivery).c, table(Booking).c


@dataclass(frozen=True, slots=True)
class Held:
    """How many deliveries are held, and when the last of them was."""

    count: int
    newest: datetime | None


def held(open_: Open) -> Held:
    """The deliveries that a person must decide about."""
    mine = select(func.count().label("n"), func.max(_d.ended_at).label("newest")).where(_d.state == State.HELD)
    row = open_.execute(mine).one()
    return Held(row.n, row.newest)


def unanswered(open_: Open, *, before: datetime) -> int:
    """How many deliveries have been unknown since before then."""
    old = select(func.count()).where(_d.state == State.UNKNOWN, _d.called_at < before)
    return open_.execute(old).scalar_one()


def asking(open_: Open) -> int:
    """How many bookings ask for a person."""
    return open_.execute(select(func.count()).where(_b.decision == "ask")).scalar_one()
