"""Looks for deliveries among the remote's orders: which are due, what they saw, what that means for the delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import String, Text, bindparam, insert, select, update
from sqlalchemy.engine import Row

from worker.calls import json
from worker.domain.delivery import Event, State, advance
from worker.store.claims import LIVE, look_anew
from worker.store.statements import among, in_words, table
from worker.store.tables import Attempt, Delivery, Look

_d, _a = (table(each).c for each in (Delivery, Attempt))
LOOK_LEASE = timedelta(seconds=60)
"""What a look saw counts while its lease stands: for nothing once somebody else looks, or something changed meanwhile."""
_THESE = among(_d.id, "ids")
_COLUMNS = (
    *(_d.id, _d.organization, _d.connection_id, _d.booking_id, _d.key, _d.moment, _d.document, _d.state),
    *(_d.taken, _d.risks, _d.released, _d.looks, _d.empty_looks, _d.called_at, _d.look_at),
)


def _first(order: Any, *where: Any) -> Any:
    """Leases the first of these in the order of an index; what comes after is not read.

    It returns columns of its own only: for SQLite, SQLAlchemy writes those of RETURNING without their table, and in a
    subquery `booking.booking_id = booking_id` would hold for every booking.
    """
    locked = select(_d.id).where(*where).order_by(order).limit(bindparam("most")).with_for_update(skip_locked=True)
    leased = update(Delivery).where(_d.id.in_(select(locked.cte("locked").c.id))).values(look_at=bindparam("until"))
    return leased.returning(*_COLUMNS)


_TO_PROVE = _first(_d.called_at, _d.look_at <= bindparam("now"), in_words(_d.state, State.ACCEPTED, State.UNKNOWN))


def to_prove(open_: Open, now: datetime, *, most: int) -> Sequence[Row[Any]]:
    """Deliveries that were sent and are to be looked for among the remote's orders, each for a short lease."""
    return _leased(open_, _TO_PROVE, now, most=most)


@lru_cache(maxsize=16)
def _to_look_for(which: Any) -> Any:
    planned = (which, _d.connection_id == bindparam("lane"), in_words(_d.state, State.PLANNED))
    return _first(_d.due_at, *planned, _d.due_at <= bindparam("now"), _d.look_at <= bindparam("now"))


def to_look_for_first(
    open_: Open, now: datetime, lanes: Sequence[str], *, most: int, which: Any = LIVE
) -> Sequence[Row[Any]]:
    """Deliveries that are due and to be looked for before they are sent, each for a short lease: every connection gets
    its share of `most`."""
    found: list[Row[Any]] = []
    for place, lane in enumerate(lanes[:most]):
        share = max(1, (most - len(found)) // (len(lanes[:most]) - place))
        found += _leased(open_, _to_look_for(which), now, most=share, lane=lane)
    return found


def _leased(open_: Open, these: Any, now: datetime, **how: Any) -> list[Row[Any]]:
    return sorted(open_.execute(these, {"now": now, "until": now + LOOK_LEASE, **how}), key=lambda row: row.id)


def forget(open_: Open, now: datetime) -> int:
    """No look of before counts any more for what is still to be sent: it is looked for anew; returns how many.

    In a backup that is restored within minutes a look still seems fresh, though what it did not find was sent since.
    """
    planned = update(Delivery).where(_d.state == State.PLANNED, _d.looked_at.is_not(None))
    return open_.execute(planned.values(looked_at=None, look_at=now)).rowcount


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look means for a delivery, as it was leased: an event, or only another look later."""

    row: Row[Any]
    saw: str
    event: Event | None
    reason: str | None
    look_at: datetime
    looked_at: datetime | None
    empty: bool
    order: str | None = None
    document: str | None = None

    @property
    def id(self) -> int:
        return int(self.row.id)

    @property
    def state(self) -> State:
        return State(self.row.state)


_KEEP = insert(Look).from_select(
    ["delivery_id", "at", "saw", "reason"],
    select(
        _d.id, bindparam("now", type_=_d.look_at.type), bindparam("saw", type_=String), bindparam("why", type_=Text)
    ).where(_THESE),
)
_AGAIN = (
    update(Delivery)
    .where(_THESE, _d.state == bindparam("s"), _d.look_at == bindparam("lease"))
    .values(
        look_at=bindparam("look"),
        looked_at=bindparam("seen"),
        looks=_d.looks + 1,
        empty_looks=_d.empty_looks + bindparam("empty"),
    )
)
_SETTLED = (
    update(Delivery)
    .where(_d.id == bindparam("i"))
    .values(state=bindparam("to"), reason=bindparam("why"), looks=_d.looks + 1)
)
_FOUND = _SETTLED.values(
    order_id=bindparam("order_id"), document_id=bindparam("document_id"), ended_at=bindparam("now")
)
_ABSENT = _SETTLED.values(
    taken=0, empty_looks=0, looks=0, looked_at=None, due_at=bindparam("now"), look_at=bindparam("now")
)
_AS_LEASED = select(_d.id, _d.state, _d.look_at).where(_THESE).order_by(_d.id).with_for_update()


def record_looks(open_: Open, looked: Sequence[Looked], now: datetime) -> list[int]:
    """Keeps what was seen and advances the deliveries whose lease still stands; returns the ids that ended."""
    seen: dict[Any, list[int]] = {}
    again: dict[Any, list[int]] = {}
    for each in looked:
        seen.setdefault((each.saw, each.reason), []).append(each.id)
        if each.event is None:
            alike = (each.state, each.row.look_at, each.look_at, each.looked_at, each.empty)
            again.setdefault(alike, []).append(each.id)
    for (saw, why), ids in seen.items():
        open_.execute(_KEEP, {"ids": json.dumps(ids), "now": now, "saw": saw, "why": why})
    for (state, lease, look_at, looked_at, empty), ids in again.items():
        how = {"s": state.value, "lease": lease, "look": look_at, "seen": looked_at, "empty": int(empty)}
        open_.execute(_AGAIN, {"ids": json.dumps(ids), **how})
    return _settle(open_, [(each, each.event) for each in looked if each.event is not None], now)


def _settle(open_: Open, looked: Sequence[tuple[Looked, Event]], now: datetime) -> list[int]:
    ids = [each.id for each, _ in looked]
    leased = set(map(tuple, open_.execute(_AS_LEASED, {"ids": json.dumps(ids)}))) if ids else set()
    still = [(each, event) for each, event in looked if (each.id, each.state, each.row.look_at) in leased]
    by_statement: dict[Any, list[dict[str, Any]]] = {}
    for each, event in still:
        statement, more = _SETTLED, {}
        if event is Event.FOUND:
            statement, more = _FOUND, {"order_id": each.order, "document_id": each.document, "now": now}
        elif event is Event.ABSENT:
            statement, more = _ABSENT, {"now": now}
        row = {"i": each.id, "to": advance(each.state, event).value, "why": each.reason, **more}
        by_statement.setdefault(statement, []).append(row)
    for statement, rows in by_statement.items():
        open_.execute(statement, rows)
    if still:
        look_anew(open_, [each.id for each, _ in still], now)
    return [each.id for each, _ in still]


def put_off_looks(open_: Open, ids: Sequence[int], until: datetime, *, looked: bool) -> None:
    """Looks that could not be made now; `looked` counts them, where the remote refuses them for good."""
    if ids:
        values = {"look_at": until, "looks": _d.looks + int(looked)}
        open_.execute(update(Delivery).where(_d.id.in_(ids)).values(**values))


def answered_late(open_: Open, ids: Sequence[int]) -> set[int]:
    """Those with an attempt that was answered by 2xx, however late: their absence cannot be believed."""
    accepted = select(_a.delivery_id).where(_a.delivery_id.in_(ids), _a.outcome == "accepted")
    return set(open_.execute(accepted).scalars()) if ids else set()


def looks(open_: Open, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """The looks for these deliveries, oldest first."""
    look = table(Look).c
    return open_.execute(select(table(Look)).where(look.delivery_id.in_(ids)).order_by(look.id)).all()
