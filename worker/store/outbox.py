"""The outbox as planning sees it: what was told, and which deliveries a decision calls for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, or_, select, update
from sqlalchemy.engine import Row

from worker.calls import json
from worker.domain.decision import ISSUING, Document, Moment, Tell, Told
from worker.domain.delivery import TOLD, Event, State, advance, may_be_replaced
from worker.store.statements import among, among_pairs, in_words, insert_missing, table
from worker.store.tables import Booking, Delivery

_d, _b = (table(each).c for each in (Delivery, Booking))
Sale = tuple[str, int]
"""A booking in the view of one organization: (organization id, booking id)."""


_LIVE_WITH_MARKS = (
    select(table(Delivery))
    .where(among_pairs(_d.organization, _d.booking_id, "sales"), ~in_words(_d.state, State.SUPERSEDED))
    .order_by(_d.id)
)
_LIVE = _LIVE_WITH_MARKS.with_only_columns(*(each for each in _d if each is not _d.mark))


def live(open_: Open, sales: Iterable[Sale], *, marks: bool = False) -> dict[Sale, list[Row[Any]]]:
    """All deliveries of these sales that are not superseded, by any connection, oldest first; with their marks if asked."""
    wanted = sorted(set(sales))
    found: dict[Sale, list[Row[Any]]] = {sale: [] for sale in wanted}
    if wanted:
        for row in open_.execute(_LIVE_WITH_MARKS if marks else _LIVE, {"sales": json.dumps(wanted)}):
            found[row.organization, row.booking_id].append(row)
    return found


def of_the_same_sale(other: Any, mine: Any = _d) -> Any:
    """In SQL: another delivery of this one's sale. The index of a sale's deliveries holds those not superseded."""
    there = ~in_words(other.c.state, State.SUPERSEDED)
    return and_(
        there, other.c.organization == mine.organization, other.c.booking_id == mine.booking_id, other.c.id != mine.id
    )


_OF_SALE = table(Delivery).alias("of_sale")
_SALES = (
    select(_d.id.label("delivery"), _b.confirmation_code, *(each for each in _OF_SALE.c if each.name != "mark"))
    .outerjoin_from(
        table(Delivery), table(Booking), and_(_b.connection_id == _d.connection_id, _b.booking_id == _d.booking_id)
    )
    .outerjoin(_OF_SALE, of_the_same_sale(_OF_SALE))
    .where(among(_d.id, "ids"))
    .order_by(_OF_SALE.c.id)
)


def sales(open_: Open, ids: Sequence[int]) -> dict[int, tuple[str | None, list[Row[Any]]]]:
    """For each of these deliveries the confirmation code of its booking, and the others of its sale that are not
    superseded, by any connection, oldest first."""
    found: dict[int, tuple[str | None, list[Row[Any]]]] = {}
    for row in open_.execute(_SALES, {"ids": json.dumps(ids)}):
        _, beside = found.setdefault(row.delivery, (row.confirmation_code, []))
        if row.id is not None:
            beside.append(row)
    return found


def counts_as_told(row: Row[Any]) -> bool:
    """Accepted, confirmed or settled, or with an attempt that may have taken effect (behaviour 4.4)."""
    return row.taken > 0 or State(row.state) in TOLD


def has_invoiced(other: Any) -> Any:
    """In SQL: the other delivery is an invoice that counts as told."""
    return and_(other.c.expects_invoice, or_(other.c.taken > 0, other.c.state.in_(TOLD)))


def told(rows: Iterable[Row[Any]]) -> Told:
    """What Space Invoices was told about a sale: an invoice, else an estimate, else nothing."""
    standing = [row for row in rows if counts_as_told(row)]
    issued = [row for row in standing if row.moment in ISSUING]
    invoices = [row for row in issued if row.document == Document.INVOICE]
    if not issued:
        return Told()
    document = Document.INVOICE if invoices else Document.ESTIMATE
    changes = [row for row in standing if row.moment == Moment.CHANGED]
    last = changes[-1] if changes else (invoices or issued)[-1]
    return Told(document, last.revision, frozenset(row.revision for row in changes))


def key_of(organization: str, booking: int, tell: Tell, change: str) -> str:
    """The mark of a delivery: the same for every attempt, and for the same delivery planned anew."""
    words = "|".join((organization, str(booking), tell.moment, tell.document, change))
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def change_of(tell: Tell, revision: str) -> str:
    """The part of a delivery's key that its revision makes up: only a change is told once per revision."""
    return revision if tell.moment is Moment.CHANGED else ""


def same_delivery(row: Row[Any], tell: Tell, revision: str) -> bool:
    """Whether this row is the delivery that the decision calls for."""
    return (row.moment, row.document, row.change) == (tell.moment, tell.document, change_of(tell, revision))


def planned(
    tell: Tell,
    *,
    organization: str,
    booking: int,
    connection: str,
    revision: str,
    mark: str,
    amount: str,
    currency: str,
    now: datetime,
    backfill: str | None = None,
    mail: bool | None = None,
) -> dict[str, Any]:
    """The row of a delivery that a decision calls for."""
    change = change_of(tell, revision)
    return {
        "organization": organization,
        "booking_id": booking,
        "connection_id": connection,
        "moment": tell.moment.value,
        "document": tell.document.value,
        "change": change,
        "expects_invoice": tell.document is Document.INVOICE and tell.moment in ISSUING,
        "key": key_of(organization, booking, tell, change),
        "rule": tell.rule,
        "revision": revision,
        "mark": mark,
        "amount": amount,
        "currency": currency,
        "state": State.PLANNED.value,
        "planned_at": now,
        "due_at": now,
        "attempts": 0,
        "failures": 0,
        "taken": 0,
        "risks": 0,
        "look_at": now,
        "looks": 0,
        "empty_looks": 0,
        "released": False,
        "backfill": backfill,
        "mail": mail,
    }


def plan(open_: Open, rows: Sequence[dict[str, Any]]) -> None:
    """Plans these deliveries, except where an index forbids it: then another one, of whichever connection, stands for it."""
    insert_missing(open_, Delivery, rows)


def renew(open_: Open, delivery: int, **values: Any) -> bool:
    """Gives a delivery that was never sent what is known now; False where it is planned or held no more."""
    waiting = _d.state.in_([State.PLANNED, State.HELD])
    fresh = update(Delivery).where(_d.id == delivery, waiting, _d.taken == 0)
    return open_.execute(fresh.values(**values)).rowcount == 1


def supersede(open_: Open, row: Row[Any], *, because: str, now: datetime) -> bool:
    """Gives way to a new decision; False where it was claimed meanwhile, or may have taken effect."""
    state = State(row.state)
    if not may_be_replaced(state, taken=row.taken):
        return False
    gone = update(Delivery).where(_d.id == row.id, _d.state == state, _d.taken == 0)
    after = advance(state, Event.REPLACED)
    return open_.execute(gone.values(state=after.value, reason=because, ended_at=now)).rowcount == 1


def of_sale(open_: Open, sale: Sale) -> Sequence[Row[Any]]:
    """Every delivery of a sale, superseded ones too, oldest first."""
    mine = select(table(Delivery)).where(_d.organization == sale[0], _d.booking_id == sale[1])
    return open_.execute(mine.order_by(_d.id)).all()
