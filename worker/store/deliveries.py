"""Deliveries as people see them: counted, listed, withheld, released and settled, with their ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import func, select, update
from sqlalchemy.engine import Row

from worker.domain.delivery import Event, State, advance, sources
from worker.store.statements import insert_missing, table
from worker.store.tables import Attempt, Booking, Delivery, Verdict

_d, _a, _b, _v = (table(each).c for each in (Delivery, Attempt, Booking, Verdict))


def planned(open_: Open, connection_ids: Sequence[str]) -> list[int]:
    """The planned deliveries of these connections."""
    mine = select(_d.id).where(_d.connection_id.in_(connection_ids), _d.state == State.PLANNED)
    return list(open_.execute(mine).scalars())


def withhold(open_: Open, ids: Sequence[int], *, because: str, now: datetime) -> int:
    """Holds planned deliveries back until a person releases them."""
    planned = update(Delivery).where(_d.id.in_(ids), _d.state == State.PLANNED)
    held = advance(State.PLANNED, Event.WITHHELD)
    return open_.execute(planned.values(state=held.value, reason=because, ended_at=now)).rowcount


def by_person(open_: Open, delivery: int, event: Event, *, because: str, now: datetime) -> bool:
    """Released or settled by a person; False where it is not held any more."""
    values: dict[str, Any] = {"state": advance(State.HELD, event).value, "reason": because}
    if event is Event.RELEASED:
        values |= {"released": True, "failures": 0, "due_at": now, "look_at": now, "looked_at": None, "looks": 0,
                   "empty_looks": 0}  # fmt: skip
    else:
        values |= {"ended_at": now}
    held = update(Delivery).where(_d.id == delivery, _d.state.in_(sources(event)))
    return open_.execute(held.values(**values)).rowcount == 1


def counts(open_: Open) -> dict[str, int]:
    """How many deliveries stand in each state, every state named."""
    rows = open_.execute(select(_d.state, func.count().label("n")).group_by(_d.state))
    found: Mapping[str, int] = {row.state: row.n for row in rows}
    return {state.value: found.get(state.value, 0) for state in State}


def oldest_due(open_: Open, now: datetime) -> datetime | None:
    """Since when the oldest planned delivery that is due has been due."""
    due = select(func.min(_d.due_at)).where(_d.state == State.PLANNED, _d.due_at <= now)
    return open_.execute(due).scalar()


def listed(open_: Open, *where: Any) -> Sequence[Row[Any]]:
    """Deliveries with the confirmation code of their booking, newest first."""
    code = select(_b.confirmation_code).where(_b.connection_id == _d.connection_id, _b.booking_id == _d.booking_id)
    mine = select(table(Delivery), code.scalar_subquery().label("confirmation_code")).where(*where)
    return open_.execute(mine.order_by(_d.id.desc())).all()


def fitting(
    open_: Open,
    *,
    ids: Sequence[int] = (),
    state: str | None = None,
    connection: str | None = None,
    since: datetime | None = None,
) -> Sequence[Row[Any]]:
    """Deliveries with what is asked of them, oldest first; what is left out fits all."""
    where = [
        *([_d.id.in_(ids)] if ids else []),
        *([_d.state == state] if state else []),
        *([_d.connection_id == connection] if connection else []),
        *([_d.planned_at >= since] if since else []),
    ]
    return open_.execute(select(table(Delivery)).where(*where).order_by(_d.id)).all()


def attempts(open_: Open, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """The ledger of these deliveries, oldest first."""
    return open_.execute(select(table(Attempt)).where(_a.delivery_id.in_(ids)).order_by(_a.id)).all()


def verdicts(open_: Open, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """What people did to these deliveries, oldest first."""
    return open_.execute(select(table(Verdict)).where(_v.delivery_id.in_(ids)).order_by(_v.id)).all()


def keep_verdict(open_: Open, delivery: int, event: Event, *, because: str, now: datetime) -> None:
    """Writes down what a person did, and why."""
    insert_missing(open_, Verdict, [{"delivery_id": delivery, "at": now, "event": event.value, "because": because}])


def places(open_: Open, ids: Sequence[int]) -> list[tuple[str, int]]:
    """The bookings of these deliveries, in the view of their connection."""
    rows = open_.execute(select(_d.connection_id, _d.booking_id).where(_d.id.in_(ids)))
    return [(row.connection_id, row.booking_id) for row in rows]
