"""What left the house and what was decided in a period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, func, select
from sqlalchemy.engine import Row

from worker.domain.delivery import State
from worker.store.statements import table
from worker.store.tables import Booking, Connection, Decision, Delivery

_d, _e, _b, _c = table(Delivery).c, table(Decision).c, table(Booking).c, table(Connection).c


def told(open_: Open, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """Deliveries that ended, or were sent last, in the period, with the code of their booking."""
    code = select(_b.confirmation_code).where(_b.connection_id == _d.connection_id, _b.booking_id == _d.booking_id)
    at = func.coalesce(_d.ended_at, _d.called_at)
    mine = select(table(Delivery), code.scalar_subquery().label("confirmation_code"))
    return open_.execute(mine.where(_d.state != State.SUPERSEDED, at >= since, at < until).order_by(_d.id)).all()


def decided(open_: Open, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """Decisions that differed from the one before them, with organization and code."""
    same = and_(_b.connection_id == _e.connection_id, _b.booking_id == _e.booking_id)
    joined = table(Decision).join(table(Connection), _c.id == _e.connection_id, isouter=True)
    joined = joined.join(table(Booking), same, isouter=True)
    mine = select(table(Decision), _c.organization, _b.confirmation_code).select_from(joined)
    return open_.execute(mine.where(_e.decided_at >= since, _e.decided_at < until).order_by(_e.id)).all()
