"""Imports: one open one per connection, which the index ux_import_open enforces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import select, update
from sqlalchemy.engine import Row

from worker.domain.delivery import Event, State, advance, sources
from worker.store.statements import every, insert, table
from worker.store.tables import Import

_i = table(Import).c


def ask(open_: Open, connection: str, type_: str, options: str | None, now: datetime) -> int | None:
    """Plans an import; None where another one of this connection is not settled yet."""
    row = {"connection_id": connection, "type": type_, "options": options, "state": State.PLANNED, "asked_at": now}
    statement = insert(open_, Import).on_conflict_do_nothing().returning(_i.id)
    found: int | None = open_.execute(statement, row).scalar()
    return found


def get(open_: Open, import_: int) -> Row[Any] | None:
    """One import."""
    return open_.execute(select(table(Import)).where(_i.id == import_)).first()


def unsettled(open_: Open, connection: str) -> Row[Any] | None:
    """The import of this connection that blocks the next."""
    closed = (State.ACCEPTED, State.CONFIRMED, State.SETTLED, State.SUPERSEDED)
    rows = every(open_, Import, _i.connection_id == connection, _i.state.not_in(closed))
    return rows[0] if rows else None


def due(open_: Open) -> Sequence[Row[Any]]:
    """Imports that were asked for and not sent yet."""
    return every(open_, Import, _i.state == State.PLANNED)


def claim(open_: Open, import_: int, token: str, now: datetime, *, lease: timedelta) -> bool:
    """Takes the import for one send; False where it is not planned any more."""
    planned = update(Import).where(_i.id == import_, _i.state == State.PLANNED)
    values = {"state": advance(State.PLANNED, Event.CLAIMED).value, "token": token, "called_at": now}
    return open_.execute(planned.values(**values, lease_until=now + lease)).rowcount == 1


def record(open_: Open, import_: int, token: str, event: Event, *, reason: str | None, now: datetime) -> bool:
    """How the send ended."""
    mine = update(Import).where(_i.id == import_, _i.token == token, _i.state == State.SENDING)
    after = advance(State.SENDING, event)
    return open_.execute(mine.values(state=after.value, reason=reason, ended_at=now, lease_until=None)).rowcount == 1


def expire(open_: Open, now: datetime) -> int:
    """A send whose worker was lost went out or not: nobody can say."""
    lost = update(Import).where(_i.state == State.SENDING, _i.lease_until <= now)
    after = advance(State.SENDING, Event.UNANSWERED)
    reason = "the worker that sent it was lost, so it may have arrived"
    return open_.execute(lost.values(state=after.value, reason=reason, lease_until=None)).rowcount


def hold(open_: Open, now: datetime) -> int:
    """No list shows imports, so an unanswered one cannot be proven: a person must look."""
    unknown = update(Import).where(_i.state == State.UNKNOWN)
    after = advance(State.UNKNOWN, Event.UNPROVABLE)
    return open_.execute(unknown.values(state=after.value, ended_at=now)).rowcount


def by_person(open_: Open, import_: int, event: Event, *, because: str, now: datetime) -> bool:
    """Released (to be sent again) or settled by a person."""
    held = update(Import).where(_i.id == import_, _i.state.in_(sources(event)))
    after = advance(State.HELD, event)
    return open_.execute(held.values(state=after.value, reason=because, ended_at=now)).rowcount == 1
