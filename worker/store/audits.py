"""What an audit asks of the store, what audits found, and which differences a person lets stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection as Open
from sqlalchemy import delete, select
from sqlalchemy.engine import Row

from worker.store.statements import every, insert, table
from worker.store.tables import Accepted, AuditRun, Booking, Delivery, Notice, Sighting

_b, _d, _n, _s, _r, _k = (table(each).c for each in (Booking, Delivery, Notice, Sighting, AuditRun, Accepted))
T = TypeVar("T")
KEPT = timedelta(days=90)
_CHUNK = 500
"""SQLite takes no endless lists of parameters."""


def bookings(open_: Open, connection: str, *, read_since: datetime) -> Sequence[Any]:
    """The connection's bookings without their content; none was made after it was read."""
    columns = (_b.booking_id, _b.confirmation_code, _b.read_at, _b.status, _b.revision, _b.facts, _b.backfill)
    mine = select(*columns).where(_b.connection_id == connection, _b.read_at >= read_since)
    return open_.execute(mine.order_by(_b.booking_id)).all()


def fingerprints(open_: Open, connection: str) -> dict[int, str]:
    """What polls saw last of the connection's bookings."""
    mine = select(_s.booking_id, _s.fingerprint).where(_s.connection_id == connection)
    return {row.booking_id: row.fingerprint for row in open_.execute(mine)}


def noticed(open_: Open, connection: str, *, since: datetime) -> set[int]:
    """The connection's bookings with an unread notice that is not old."""
    fresh = select(_n.booking_id).where(_n.connection_id == connection, _n.noticed_at >= since)
    return set(open_.execute(fresh).scalars())


def deliveries(open_: Open, organization: str, ids: Iterable[int]) -> Iterator[Row[Any]]:
    """The deliveries of these bookings that are not superseded, oldest first."""
    for some in chunks(sorted(set(ids))):
        mine = select(table(Delivery)).where(
            _d.organization == organization, _d.booking_id.in_(some), _d.state != "superseded"
        )
        yield from open_.execute(mine.order_by(_d.id))


def known(open_: Open, organization: str, names: Iterable[str]) -> set[str]:
    """Those of these ids and codes that are bookings of the organization here, of whatever period."""
    found: set[str] = set()
    for some in chunks(sorted(set(names))):
        ids = [int(name) for name in some if name.isascii() and name.isdigit() and len(name) < 19]
        mine = select(_b.booking_id, _b.confirmation_code).where(
            _b.organization == organization, _b.booking_id.in_(ids) | _b.confirmation_code.in_(some)
        )
        for row in open_.execute(mine):
            found |= {str(row.booking_id), row.confirmation_code}
    return found


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in pieces that fit into a statement."""
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def keep(open_: Open, *, at: datetime, since: datetime, until: datetime, sales: int, differences: int, failed: int,
         report: str) -> None:  # fmt: skip
    """Keeps what an audit found, and drops what is old."""
    open_.execute(delete(table(AuditRun)).where(_r.at < at - KEPT))
    values = {"at": at, "since": since, "until": until, "sales": sales, "differences": differences, "failed": failed}
    open_.execute(insert(open_, AuditRun).values(**values, report=report))


def last(open_: Open) -> Row[Any] | None:
    """The newest audit."""
    return open_.execute(select(table(AuditRun)).order_by(_r.id.desc()).limit(1)).first()


def reports(open_: Open, word: str) -> Iterator[str]:
    """The kept reports with this word in them, the newest first."""
    with_it = select(_r.report).where(_r.report.contains(word, autoescape=True))
    yield from open_.execute(with_it.order_by(_r.id.desc())).scalars()


def accepted(open_: Open) -> dict[str, str]:
    """The keys of the differences that a person lets stand, each with the reason."""
    return {row.key: row.because for row in every(open_, Accepted)}


def accept(open_: Open, key: str, *, because: str, now: datetime) -> None:
    """Lets a difference stand."""
    statement = insert(open_, Accepted).values(key=key, at=now, because=because)
    open_.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"at": now, "because": because}))
