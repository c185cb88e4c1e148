"""What stands still and needs a person, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import func, select

from worker.domain.booking import Trouble
from worker.domain.delivery import State
from worker.store.statements import table
from worker.store.tables import Booking, Delivery

_d, _b = table(Delivery).c, table(Booking).c
_WAITS_FOR_ITS_END = (_b.decision == "wait", _b.rule == "until-complete")


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


def unclear_roles(open_: Open) -> dict[str, int]:
    """By connection, how many bookings nobody's document can be made of, because our part in them is not clear."""
    return _by_connection(open_, _b.rule == Trouble.UNCLEAR_ROLE)


def endless(open_: Open) -> dict[str, int]:
    """By connection, how many bookings wait for an end that no clock brings."""
    return _by_connection(open_, *_WAITS_FOR_ITS_END, _b.wakes_at.is_(None))


def contents_waiting(open_: Open, *, most: int) -> list[tuple[str, str]]:
    """Connection and content of the bookings that wait for their end, those read last first."""
    mine = select(_b.connection_id, _b.content).where(*_WAITS_FOR_ITS_END, _b.content.is_not(None))
    return [(row.connection_id, row.content) for row in open_.execute(mine.order_by(_b.read_at.desc()).limit(most))]


def braked(open_: Open) -> dict[str, int]:
    """By connection, how many held deliveries a brake caught."""
    mine = select(_d.connection_id, func.count().label("n")).where(_d.state == State.HELD, _d.reason.like("%brake%"))
    return {row.connection_id: row.n for row in open_.execute(mine.group_by(_d.connection_id))}


def _by_connection(open_: Open, *where: Any) -> dict[str, int]:
    mine = select(_b.connection_id, func.count().label("n")).where(*where).group_by(_b.connection_id)
    return {row.connection_id: row.n for row in open_.execute(mine.order_by(_b.connection_id))}
