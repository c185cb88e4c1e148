"""What the brakes need to know about a connection's planned deliveries; released ones are past the brake."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, func, select

from worker.domain.delivery import State
from worker.store.facts import load_booking
from worker.store.statements import table
from worker.store.tables import Attempt, Booking, Delivery

_d, _a, _b = table(Delivery).c, table(Attempt).c, table(Booking).c


def due(open_: Open, connection: str, now: datetime) -> list[int]:
    """All that is due and was not released by a person."""
    return list(open_.execute(select(_d.id).where(_planned(connection, now))).scalars())


def above(open_: Open, connection: str, amount: Decimal, now: datetime) -> list[int]:
    """Those of more than this amount, whatever the currency."""
    rows = open_.execute(select(_d.id, _d.amount).where(_planned(connection, now)))
    return [row.id for row in rows if abs(Decimal(row.amount)) > amount]


def booked_before(open_: Open, connection: str, since: datetime, now: datetime) -> list[int]:
    """Those whose booking was made before this time."""
    same = and_(_b.connection_id == _d.connection_id, _b.booking_id == _d.booking_id)
    rows = open_.execute(select(_d.id, _b.facts).join(table(Booking), same).where(_planned(connection, now)))
    made = [(row.id, load_booking(row.facts).created_at) for row in rows]
    return [id_ for id_, at in made if at is not None and at < since]


def sent_since(open_: Open, connection: str, since: datetime) -> int:
    """How many attempts of this connection began since then, without those that a person released."""
    mine = select(func.count()).select_from(table(Attempt).join(table(Delivery), _a.delivery_id == _d.id))
    return open_.execute(
        mine.where(_d.connection_id == connection, _d.released.is_(False), _a.begun_at >= since)
    ).scalar_one()


def _planned(connection: str, now: datetime) -> Any:
    return and_(_d.connection_id == connection, _d.state == State.PLANNED, _d.due_at <= now, _d.released.is_(False))
