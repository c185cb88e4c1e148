"""Drops payloads and marks that nothing needs any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection as Open
from sqlalchemy import update

from worker.domain.delivery import FINAL
from worker.store.statements import any_row, table
from worker.store.tables import Booking, Delivery

_b, _d = table(Booking).c, table(Delivery).c
NO_MARK = "{}"


def drop_payloads(open_: Open, before: datetime) -> int:
    """Bookings' own JSON that was read before this time, where no delivery of the sale is still to end."""
    needed = any_row(
        Delivery,
        _d.organization == _b.organization,
        _d.booking_id == _b.booking_id,
        _d.state.not_in(FINAL),
    )
    old = update(Booking).where(_b.content.is_not(None), _b.read_at < before, ~needed)
    return open_.execute(old.values(content=None)).rowcount


def drop_marks(open_: Open, before: datetime) -> int:
    """What deliveries that ended before this time carried of the recipient."""
    old = update(Delivery).where(_d.state.in_(FINAL), _d.ended_at < before, _d.mark != NO_MARK)
    return open_.execute(old.values(mark=NO_MARK)).rowcount
