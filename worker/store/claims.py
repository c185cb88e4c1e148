"""Deliveries on the wire: claimed, sent by whoever holds the claim, recorded. Each step is one conditional update.

`where state = ...` and the claim's token are what makes a worker that was stopped for an hour harmless: its updates
find nothing. Nothing here decides; the events come from worker.domain, the table there says where they lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, bindparam, or_, select, update

from worker.domain.decision import ISSUING, Document
from worker.domain.delivery import Event, State, advance
from worker.store.connections import may_send, works
from worker.store.outbox import has_invoiced, of_the_same_sale
from worker.store.statements import any_row, in_words, insert_missing, table
from worker.store.tables import Attempt, Booking, Connection, Delivery, Notice

_d, _a, _n, _b, _c = (table(each).c for each in (Delivery, Attempt, Notice, Booking, Connection))
LOOK_LASTS = timedelta(seconds=300)
"""An empty look before sending counts so long; after that we look again before we send."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker, and no other, may send until the lease ends."""

    id: int
    token: str
    connection: str
    booking: int
    key: str
    mark: str
    content: str
    attempts: int
    failures: int
    mail: bool | None = None


LIVE = _d.backfill.is_(None)
RELEASED = _d.released.is_(True)
HISTORY = _d.backfill.is_not(None)
GIVES_WAY = timedelta(seconds=60)
"""Backfills wait for live deliveries that became due within so long; older ones wait for something else than us."""


def of_backfill(backfill: str) -> Any:
    """The deliveries that one plan file called for."""
    return _d.backfill == backfill


def lanes(open_: Open, now: datetime, *, connection: str | None = None, which: Any = LIVE) -> list[str]:
    """The connections that have something to send and may."""
    due = any_row(Delivery, _d.connection_id == _c.id, in_words(_d.state, State.PLANNED), _d.due_at <= now, which)
    found = select(_c.id).where(may_send(now), due).order_by(_c.id)
    return list(open_.execute(found if connection is None else found.where(_c.id == connection)).scalars())


def live_waits(open_: Open, now: datetime) -> bool:
    """Whether a live delivery became due lately that only needs a worker."""
    waits = any_row(
        Delivery,
        LIVE,
        in_words(_d.state, State.PLANNED),
        _d.due_at.between(now - GIVES_WAY, now),
        _d.connection_id.in_(select(_c.id).where(works())),
        ~any_row(Notice, _n.connection_id == _d.connection_id, _n.booking_id == _d.booking_id),
    )
    return bool(open_.execute(select(waits)).scalar())


_CLAIM = (
    update(Delivery)
    .where(_d.id == bindparam("i"), _d.state == State.PLANNED)
    .values(
        state=advance(State.PLANNED, Event.CLAIMED).value,
        token=bindparam("t"),
        attempts=_d.attempts + 1,
        taken=_d.taken + 1,
        called_at=bindparam("now"),
        lease_until=bindparam("until"),
    )
)


def claim(
    open_: Open, lane: str, now: datetime, *, most: int, lease: timedelta, tokens: Iterable[str], which: Any = LIVE
) -> list[Claimed]:
    """Claims due deliveries of one connection and opens their attempts, in the caller's transaction.

    A delivery is not claimed without a fresh look, nor while its booking has an unread notice (what is known now is
    what counts), nor while another one of the same sale is on the wire, unanswered, not proven yet, or planned before
    it, nor as an estimate of a sale that was invoiced: that one is decided again (notices.overtaken).
    IntegrityError (ux_delivery_in_flight) says that another worker was first.
    """
    other = table(Delivery).alias("other")
    in_the_way = or_(
        other.c.state.in_([State.SENDING, State.UNKNOWN, State.ACCEPTED]),
        and_(other.c.state == State.PLANNED, other.c.id < _d.id),
        and_(_d.document == Document.ESTIMATE, _d.moment.in_(ISSUING), has_invoiced(other)),
    )
    due = (
        select(_d.id, _d.connection_id, _d.booking_id, _d.key, _d.mark, _d.attempts, _d.failures, _d.mail)
        .where(
            which,
            _d.connection_id == lane,
            in_words(_d.state, State.PLANNED),
            _d.due_at <= now,
            _d.looked_at > now - LOOK_LASTS,
            ~any_row(Notice, _n.connection_id == _d.connection_id, _n.booking_id == _d.booking_id),
            ~select(1).select_from(other).where(of_the_same_sale(other), in_the_way).exists(),
        )
        .order_by(_d.due_at, _d.id)
        .limit(most)
        .with_for_update(skip_locked=True, of=table(Delivery))
    )
    rows = list(zip(open_.execute(due).all(), tokens, strict=False))
    if not rows:
        return []
    lease_until = now + lease
    open_.execute(_CLAIM, [{"i": row.id, "t": token, "now": now, "until": lease_until} for row, token in rows])
    held = set(open_.execute(select(_d.token).where(_d.id.in_([row.id for row, _ in rows]))).scalars())
    rows = [(row, token) for row, token in rows if token in held]
    insert_missing(open_, Attempt, [{"delivery_id": row.id, "token": token, "begun_at": now} for row, token in rows])
    return _with_content(open_, lane, rows)


def _with_content(open_: Open, lane: str, rows: Sequence[tuple[Any, str]]) -> list[Claimed]:
    booked = {row.booking_id for row, _ in rows}
    wanted = select(_b.booking_id, _b.content).where(_b.connection_id == lane, _b.booking_id.in_(booked))
    content = {row.booking_id: row.content for row in open_.execute(wanted)}
    return [
        Claimed(row.id, token, row.connection_id, row.booking_id, row.key, row.mark,
                content.get(row.booking_id) or "{}", row.attempts + 1, row.failures, row.mail)
        for row, token in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended: the event it is for its delivery, and what the ledger keeps."""

    id: int
    token: str
    event: Event
    outcome: str
    status: int | None
    reason: str | None
    due_at: datetime
    look_at: datetime
    counted: bool
    """Whether it counts towards MAX_ATTEMPTS."""
    cost: bool
    """Whether it was an attempt at all: the guard's refusal is none."""
    effect: bool
    """Whether it may have taken effect."""


# Built once: a statement that is built anew each time costs more processor time than it takes the database.
_CLOSE = (
    update(Attempt)
    .where(_a.token == bindparam("t"))
    .values(ended_at=bindparam("now"), outcome=bindparam("o"), status=bindparam("s"), reason=bindparam("r"))
)
_ADVANCE = (
    update(Delivery)
    .where(_d.id == bindparam("i"), _d.token == bindparam("t"), _d.state == State.SENDING)
    .values(
        state=bindparam("to"),
        reason=bindparam("r"),
        due_at=bindparam("due"),
        look_at=bindparam("look"),
        attempts=_d.attempts - bindparam("free"),
        failures=_d.failures + bindparam("failed"),
        taken=_d.taken - bindparam("untaken"),
        risks=_d.risks + bindparam("risk"),
        lease_until=None,
    )
)
_LATE = (
    update(Delivery)
    .where(_d.id.in_(bindparam("ids", expanding=True)), _d.state == State.PLANNED)
    .values(
        state=advance(State.PLANNED, Event.WITHHELD).value,
        reason="an earlier attempt was answered late, after it had been proven absent: look before releasing",
        taken=1,
        ended_at=bindparam("now"),
    )
)


def record(open_: Open, ended: Sequence[Ended], now: datetime) -> None:
    """Closes the attempts, and advances the deliveries that this worker still holds."""
    if not ended:
        return
    open_.execute(
        _CLOSE,
        [{"t": each.token, "now": now, "o": each.outcome, "s": each.status, "r": each.reason} for each in ended],
    )
    open_.execute(_ADVANCE, [_ended(each) for each in ended])
    _late(open_, [each.id for each in ended if each.event is Event.ACCEPTED], now)


def _ended(each: Ended) -> dict[str, Any]:
    return {
        "i": each.id,
        "t": each.token,
        "to": advance(State.SENDING, each.event).value,
        "r": each.reason,
        "due": each.due_at,
        "look": each.look_at,
        "free": int(not each.cost),
        "failed": int(each.counted),
        "untaken": int(not each.effect),
        "risk": int(each.event is Event.UNANSWERED),
    }


def _late(open_: Open, ids: Sequence[int], now: datetime) -> None:
    """A 2xx that comes after the delivery was planned again contradicts the proof of absence: a person must look."""
    if ids:
        open_.execute(_LATE, {"ids": list(ids), "now": now})


def expire(open_: Open, now: datetime) -> int:
    """Claims whose lease ended become unknown: who held them may have sent."""
    held = select(_d.id).where(in_words(_d.state, State.SENDING), _d.lease_until <= now).limit(500)
    expired = (
        update(Delivery)
        .where(_d.id.in_(held.with_for_update(skip_locked=True)), _d.state == State.SENDING)
        .values(
            state=advance(State.SENDING, Event.UNANSWERED).value,
            reason="the worker that sent it was lost",
            risks=_d.risks + 1,
            look_at=now,
            lease_until=None,
        )
    )
    return open_.execute(expired).rowcount
