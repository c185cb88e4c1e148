"""Drops payloads and marks that nothing needs any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, select, update

from worker.domain.delivery import FINAL
from worker.store.facts import without_name
from worker.store.statements import any_row, table
from worker.store.tables import Booking, Decision, Delivery

_b, _d, _h = (table(each).c for each in (Booking, Delivery, Decision))
NO_MARK = "{}"
SOME = 500
"""So many rows are changed in one transaction."""
_NEEDED = any_row(
    Delivery,
    _d.organization == _b.organization,
    _d.booking_id == _b.booking_id,
    _d.state.not_in(FINAL),
)
"""A delivery of the sale is still to end."""


def drop_payloads(open_: Open, before: datetime) -> int:
    """Bookings' own JSON that was read before this time, where no delivery of the sale is still to end."""
    old = update(Booking).where(_b.content.is_not(None), _b.read_at < before, ~_NEEDED)
    return open_.execute(old.values(content=None)).rowcount


def drop_marks(open_: Open, before: datetime) -> int:
    """What deliveries that ended before this time carried of the recipient."""
    old = update(Delivery).where(_d.state.in_(FINAL), _d.ended_at < before, _d.mark != NO_MARK)
    return open_.execute(old.values(mark=NO_MARK)).rowcount


def drop_names(open_: Open, before: datetime) -> int:
    """The recipients' names in the facts of bookings read, and of decisions made, before this time; some at a time."""
    named = (_named(_b.facts), _b.read_at < before, ~_NEEDED)
    rows = open_.execute(select(_b.connection_id, _b.booking_id, _b.facts).where(*named).limit(SOME)).all()
    for row in rows:
        mine = update(Booking).where(_b.connection_id == row.connection_id, _b.booking_id == row.booking_id)
        open_.execute(mine.where(_b.facts == row.facts).values(facts=without_name(row.facts)))
    made = (_named(_h.facts), _h.decided_at < before)
    decided = open_.execute(select(_h.id, _h.facts).where(*made).limit(SOME)).all()
    for each in decided:
        open_.execute(update(Decision).where(_h.id == each.id).values(facts=without_name(each.facts)))
    return len(rows) + len(decided)


def _named(column: Any) -> Any:
    return and_(column.like('%"recipient":"%'), column.not_like('%"recipient":""%'))
