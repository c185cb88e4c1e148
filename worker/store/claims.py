"""Deliveries on the wire: claimed, sent by whoever holds the claim, recorded. Each step is one conditional update.

`where state = ...` and the claim's token are what makes a worker that was stopped for an hour harmless: its updates
find nothing. Nothing here decides; the events come from worker.domain, the table there says where they lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import String, and_, bindparam, cast, insert, or_, select, update

from worker.calls import json
from worker.domain.decision import ISSUING, Document
from worker.domain.delivery import Event, State, advance
from worker.store.connections import FIRST_PROBE, may_send, works
from worker.store.outbox import has_invoiced, of_the_same_sale
from worker.store.statements import among, any_row, in_words, table
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
HISTORY = _d.backfill.is_not(None)
GIVES_WAY = timedelta(seconds=60)
"""Backfills wait for live deliveries that became due within so long; older ones wait for something else than us."""


FIRST = 2000
"""Among so many that wait those are searched that may be claimed; all of them where there are none."""


# Statements are built once: building one anew each time costs more processor time than it takes the database.


@lru_cache(maxsize=8)
def of_backfill(backfill: str) -> Any:
    """The deliveries that one plan file called for."""
    return _d.backfill == backfill


def kinds(backfill: str | None) -> tuple[Any, ...]:
    """What may be sent, in the order in which it is: all, or what this plan file called for."""
    return (LIVE, HISTORY) if backfill is None else (of_backfill(backfill),)


@lru_cache(maxsize=8)
def released(which: Any) -> Any:
    """Those of them that a person released."""
    return and_(which, _d.released.is_(True))


def lanes(open_: Open, now: datetime, *, connection: str | None = None, which: Any = LIVE) -> list[str]:
    """The connections that have something to send and may.

    Asked for HISTORY it reads all that is due of each, so it is asked where LIVE leaves room: then that is little.
    """
    asked = {"now": now, "refused": now - FIRST_PROBE, "connection": connection}
    return list(open_.execute(_lanes(which, one=connection is not None), asked).scalars())


@lru_cache(maxsize=32)
def _lanes(which: Any, *, one: bool) -> Any:
    planned = in_words(_d.state, State.PLANNED)
    # The first one of each by its index; an EXISTS may be planned as a join, which reads all that is due of everyone.
    due = select(_d.id).where(_d.connection_id == _c.id, planned, _d.due_at <= bindparam("now"), which)
    first = due.order_by(_d.due_at).limit(1).scalar_subquery()
    found = select(_c.id).where(may_send(bindparam("refused")), first.is_not(None)).order_by(_c.id)
    return found.where(_c.id == bindparam("connection")) if one else found


_LIVE_WAITS = select(
    any_row(
        Delivery,
        LIVE,
        in_words(_d.state, State.PLANNED),
        _d.due_at.between(bindparam("lately"), bindparam("now")),
        _d.connection_id.in_(select(_c.id).where(works())),
        ~any_row(Notice, _n.connection_id == _d.connection_id, _n.booking_id == _d.booking_id),
    )
)


def live_waits(open_: Open, now: datetime) -> bool:
    """Whether a live delivery became due lately that only needs a worker."""
    return bool(open_.execute(_LIVE_WAITS, {"lately": now - GIVES_WAY, "now": now}).scalar())


@lru_cache(maxsize=32)
def _due(which: Any, among_first: int | None) -> Any:
    """The first that may be claimed, in the order of the index, then locked and read with their bookings' content.

    What waits is a query of its own, or PostgreSQL, which thinks that next to nothing is due, would mix the two and read
    and sort it all. It plans that query for the whole of its result: for so many first ones by the index, for all that
    waits by reading the table and sorting. Either way it stops where `most` are found.
    """
    mine = (which, in_words(_d.state, State.PLANNED), _d.due_at <= bindparam("now"))
    of_lane = _d.connection_id == bindparam("lane")
    asked = (_d.id, _d.organization, _d.connection_id, _d.booking_id, _d.document, _d.moment, _d.looked_at)
    waits = select(*asked).where(of_lane, *mine).order_by(_d.due_at).limit(among_first).offset(0).subquery("waits").c
    other = table(Delivery).alias("other")
    in_the_way = or_(
        other.c.state.in_([State.SENDING, State.UNKNOWN, State.ACCEPTED]),
        and_(other.c.state == State.PLANNED, other.c.id < waits.id),
        and_(waits.document == Document.ESTIMATE, waits.moment.in_(ISSUING), has_invoiced(other)),
    )
    first = (
        select(waits.id)
        .where(
            waits.looked_at > bindparam("looked"),
            ~any_row(Notice, _n.connection_id == waits.connection_id, _n.booking_id == waits.booking_id),
            ~select(1).select_from(other).where(of_the_same_sale(other, waits), in_the_way).exists(),
        )
        .limit(bindparam("most"))
    )
    return (
        select(_d.id, _d.connection_id, _d.booking_id, _d.key, _d.mark, _d.attempts, _d.failures, _d.mail, _b.content)
        .outerjoin_from(
            table(Delivery),
            table(Booking),
            and_(_b.connection_id == _d.connection_id, _b.booking_id == _d.booking_id),
        )
        # Asked for the lane once more, SQLite would walk all that waits to see which of it was found.
        .where(_d.id.in_(first), *mine, _d.looked_at > bindparam("looked"))
        .order_by(_d.due_at, _d.id)
        .with_for_update(skip_locked=True, of=table(Delivery))
    )


_THESE = among(_d.id, "ids")
_CLAIM = (
    update(Delivery)
    .where(_THESE, _d.state == State.PLANNED)
    .values(
        state=advance(State.PLANNED, Event.CLAIMED).value,
        token=bindparam("t", type_=String).concat(cast(_d.id, String)),
        attempts=_d.attempts + 1,
        taken=_d.taken + 1,
        called_at=bindparam("now"),
        lease_until=bindparam("until"),
    )
)
_OPEN_ATTEMPTS = insert(Attempt).from_select(
    ["delivery_id", "token", "begun_at"],
    select(_d.id, _d.token, bindparam("now", type_=_d.called_at.type)).where(_THESE),
)


def claim(
    open_: Open, lane: str, now: datetime, *, most: int, lease: timedelta, token: str, which: Any = LIVE
) -> list[Claimed]:
    """Claims due deliveries of one connection and opens their attempts, in the caller's transaction.

    A delivery is not claimed without a fresh look, nor while its booking has an unread notice (what is known now is
    what counts), nor while another one of the same sale is on the wire, unanswered, not proven yet, or planned before
    it, nor as an estimate of a sale that was invoiced: that one is decided again (notices.overtaken).
    `token` is of this claim alone; each delivery's is made from it.
    IntegrityError (ux_delivery_in_flight) says that another worker was first.
    """
    at = {"lane": lane, "now": now, "looked": now - LOOK_LASTS, "most": most}
    if most < 1:
        return []
    # Where none of the first may be claimed there may be others behind them.
    rows = open_.execute(_due(which, FIRST), at).all() or open_.execute(_due(which, None), at).all()
    if not rows:
        return []
    ids = json.dumps([row.id for row in rows])
    claimed = {"ids": ids, "t": f"{token}-", "now": now, "until": now + lease}
    if open_.execute(_CLAIM, claimed).rowcount != len(rows):
        raise AssertionError("a delivery that this transaction had locked was changed by another one")
    open_.execute(_OPEN_ATTEMPTS, {"ids": ids, "now": now})
    return [
        Claimed(row.id, f"{token}-{row.id}", row.connection_id, row.booking_id, row.key, row.mark,
                row.content or "{}", row.attempts + 1, row.failures, row.mail)
        for row in rows
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

    @property
    def how(self) -> tuple[Any, ...]:
        """All but whose it is: the same for those that ended alike."""
        return (self.event, self.outcome, self.status, self.reason, self.due_at, self.look_at, self.counted, self.cost,
                self.effect)  # fmt: skip


_CLOSE = (
    update(Attempt)
    .where(among(_a.token, "tokens"))
    .values(
        ended_at=bindparam("now"), outcome=bindparam("outcome"), status=bindparam("status"), reason=bindparam("why")
    )
)
_ADVANCE = (
    update(Delivery)
    .where(_THESE, among(_d.token, "tokens"), _d.state == State.SENDING)
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        due_at=bindparam("due"),
        look_at=bindparam("look"),
        attempts=_d.attempts - bindparam("free"),
        failures=_d.failures + bindparam("failed"),
        taken=_d.taken - bindparam("untaken"),
        risks=_d.risks + bindparam("risk"),
        lease_until=None,
    )
)
# A 2xx that comes after the delivery was planned again contradicts the proof of absence: a person must look.
_LATE = (
    update(Delivery)
    .where(_THESE, _d.state == State.PLANNED)
    .values(
        state=advance(State.PLANNED, Event.WITHHELD).value,
        reason="an earlier attempt was answered late, after it had been proven absent: look before releasing",
        taken=1,
        ended_at=bindparam("now"),
    )
)


_MINE, _OTHER = (table(Delivery).alias(name) for name in ("mine", "other"))
_BESIDE = (
    select(_OTHER.c.id).join_from(_MINE, _OTHER, of_the_same_sale(_OTHER, _MINE.c)).where(among(_MINE.c.id, "ids"))
)
_ANEW = (
    update(Delivery)
    .where(_d.id.in_(_BESIDE), _d.state == State.PLANNED)
    .values(looked_at=None, look_at=bindparam("now"))
)


def look_anew(open_: Open, ids: Sequence[int], now: datetime) -> None:
    """What waits behind these, of which it is known only now whether they took effect, is looked for once more.

    No look of before counts, neither one that was recorded nor, because it takes their leases away, one under way.
    """
    open_.execute(_ANEW, {"ids": json.dumps(ids), "now": now})


def record(open_: Open, ended: Sequence[Ended], now: datetime) -> None:
    """Closes the attempts, and advances the deliveries that this worker still holds: at once those that ended alike."""
    alike: dict[Any, list[Ended]] = {}
    for each in ended:
        alike.setdefault(each.how, []).append(each)
    for those in alike.values():
        how, ids = those[0], json.dumps([each.id for each in those])
        tokens = json.dumps([each.token for each in those])
        attempt = {"now": now, "outcome": how.outcome, "status": how.status, "why": how.reason}
        open_.execute(_CLOSE, {"tokens": tokens, **attempt})
        advanced = open_.execute(_ADVANCE, {"ids": ids, "tokens": tokens, **_after(how)}).rowcount
        if advanced < len(those) and how.event is Event.ACCEPTED:
            late = open_.execute(_LATE, {"ids": ids, "now": now}).rowcount
            if late:
                look_anew(open_, [each.id for each in those], now)


def _after(how: Ended) -> dict[str, Any]:
    return {
        "to": advance(State.SENDING, how.event).value,
        "why": how.reason,
        "due": how.due_at,
        "look": how.look_at,
        "free": int(not how.cost),
        "failed": int(how.counted),
        "untaken": int(not how.effect),
        "risk": int(how.event is Event.UNANSWERED),
    }


_EXPIRE = (
    update(Delivery)
    .where(
        _d.id.in_(
            select(_d.id)
            .where(in_words(_d.state, State.SENDING), _d.lease_until <= bindparam("now"))
            .limit(500)
            .with_for_update(skip_locked=True)
        ),
        _d.state == State.SENDING,
    )
    .values(
        state=advance(State.SENDING, Event.UNANSWERED).value,
        reason="the worker that sent it was lost",
        risks=_d.risks + 1,
        look_at=bindparam("now"),
        lease_until=None,
    )
)


def expire(open_: Open, now: datetime) -> int:
    """Claims whose lease ended become unknown: who held them may have sent."""
    return open_.execute(_EXPIRE, {"now": now}).rowcount
