"""What pages and metrics ask of the tables: counts and short lists, never more rows than fit on a screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import String, and_, cast, func, select
from sqlalchemy.engine import Row

from worker.domain.decision import ISSUING
from worker.domain.delivery import State
from worker.store.statements import every, table
from worker.store.tables import Attempt, Booking, Delivery, Import, Look

_d, _a, _b, _l = (table(each).c for each in (Delivery, Attempt, Booking, Look))
_ISSUED = and_(_d.state == State.CONFIRMED, _d.moment.in_(sorted(ISSUING)))
_CODE = (
    select(_b.confirmation_code)
    .where(_b.connection_id == _d.connection_id, _b.booking_id == _d.booking_id)
    .scalar_subquery()
    .label("confirmation_code")
)


def attempts(open_: Open) -> dict[str, int]:
    """How many attempts ended with each outcome."""
    ended = select(_a.outcome, func.count().label("n")).where(_a.outcome.is_not(None)).group_by(_a.outcome)
    return {row.outcome: row.n for row in open_.execute(ended)}


def holds(open_: Open) -> dict[str, int]:
    """How many deliveries are held for each kind of reason: a closed list of words, the sentences are on the page."""
    outcome = select(_a.outcome).where(_a.delivery_id == _d.id).order_by(_a.id.desc()).limit(1).scalar_subquery()
    saw = select(_l.saw).where(_l.delivery_id == _d.id).order_by(_l.id.desc()).limit(1).scalar_subquery()
    seen = select(outcome.label("outcome"), saw.label("saw")).where(_d.state == State.HELD).subquery()
    kinds = select(seen.c.outcome, seen.c.saw, func.count().label("n")).group_by(seen.c.outcome, seen.c.saw)
    found = dict.fromkeys(HOLDS, 0)
    for row in open_.execute(kinds):
        found[_hold(row.outcome, row.saw)] += row.n
    return found


HOLDS = ("refused", "gone", "gave-up", "unprovable", "mismatched", "withheld")
_BY_OUTCOME = {"refused": "refused", "gone": "gone", "not-sent": "gave-up", "not-taken": "gave-up",
               "accepted": "unprovable", "unknown": "unprovable"}  # fmt: skip


def _hold(outcome: str | None, saw: str | None) -> str:
    """What the last look and the last attempt say of a hold; without either a brake or a stop withheld it."""
    return "mismatched" if saw == "mismatched" else _BY_OUTCOME.get(outcome or "", "withheld")


def stuck(open_: Open, state: State, *, most: int) -> Sequence[Row[Any]]:
    """Deliveries that stand in a state, oldest first, with the code of their booking."""
    rows = select(table(Delivery), _CODE).where(_d.state == state).order_by(_d.id).limit(most)
    return open_.execute(rows).all()


def held_imports(open_: Open) -> Sequence[Row[Any]]:
    """Imports that nobody knows the end of."""
    return every(open_, Import, table(Import).c.state.in_([State.HELD, State.UNKNOWN]))


def issued(open_: Open, *, most: int) -> Sequence[Row[Any]]:
    """The documents that were seen last in Space Invoices."""
    rows = select(table(Delivery), _CODE).where(_ISSUED).order_by(_d.ended_at.desc(), _d.id.desc()).limit(most)
    return open_.execute(rows).all()


def issued_by_day(open_: Open, since: datetime) -> dict[tuple[str, str], int]:
    """How many documents were issued on each day (UTC) in each currency: {(day, currency): count}."""
    at = func.timezone("UTC", _d.ended_at) if open_.dialect.name == "postgresql" else _d.ended_at
    day = func.substr(cast(at, String), 1, 10).label("day")
    counted = select(day, _d.currency, func.count().label("n")).where(_ISSUED, _d.ended_at >= since)
    return {(row.day, row.currency): row.n for row in open_.execute(counted.group_by(day, _d.currency))}
