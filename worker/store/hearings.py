"""What webhooks announced and what polls found: the memory behind "look again" and behind "webhooks look broken"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import Executable, and_, bindparam, delete, func, literal, or_, select, update
from sqlalchemy.engine import Row

from worker.calls import json
from worker.store import notices
from worker.store.bookings import Place
from worker.store.statements import among_pairs, any_row, every, insert, insert_into, table
from worker.store.tables import Booking, Hearing, Silence

_h, _b, _s = table(Hearing).c, table(Booking).c, table(Silence).c


@dataclass(frozen=True, slots=True)
class Looked:
    """A reading that a webhook had announced: the looks so far (None: the change showed, or none is waited for)."""

    place: Place
    began: datetime
    looks: int | None
    look_at: datetime | None


def heard(open_: Open, announced: Mapping[int, str | None], now: datetime) -> None:
    """Webhooks announced these bookings, each with the vendor it was signed for: a notice and a hearing of it for every
    connection that is not gone. Two statements, however many they are, so that requests wait for little else."""
    if announced:
        said = {"announced": json.dumps({str(booking): vendor for booking, vendor in announced.items()}), "now": now}
        open_.execute(notices.of_all(open_.dialect.name), said)
        open_.execute(_of_all(open_.dialect.name), said)


@cache
def _of_all(dialect: str) -> Executable:
    places, vendor, now = notices.announced(dialect)
    names = ["connection_id", "booking_id", "heard_at", "looks", "vendor"]
    statement = insert_into(dialect, Hearing).from_select(names, places.add_columns(now, literal(0), vendor))
    fresh = {
        "heard_at": now,
        "vendor": func.coalesce(statement.excluded.vendor, _h.vendor),
        "looks": 0,
        "look_at": None,
    }
    return statement.on_conflict_do_update(index_elements=["connection_id", "booking_id"], set_=fresh)  # type: ignore[no-any-return]


def found(open_: Open, connection: str, bookings: Iterable[int], *, since: datetime, now: datetime) -> None:
    """Keeps that a poll, which asked for changes since then, found these bookings changed."""
    rows = [
        {"connection_id": connection, "booking_id": booking, "found_at": now, "found_since": since}
        for booking in sorted(set(bookings))
    ]
    if rows:
        statement = insert(open_, Hearing)
        fresh = {"found_at": now, "found_since": since}
        open_.execute(statement.on_conflict_do_update(index_elements=["connection_id", "booking_id"], set_=fresh), rows)


_AT = among_pairs(_h.connection_id, _h.booking_id, "places")
_WAITED_FOR = select(table(Hearing)).where(_AT, _h.looks.is_not(None))
_NOT_AGAIN = update(Hearing).where(_AT).values(look_at=None)


def waited_for(open_: Open, places: Iterable[Place]) -> dict[Place, Row[Any]]:
    """The hearings at these places whose change has not shown yet."""
    wanted = sorted(set(places))
    rows = open_.execute(_WAITED_FOR, {"places": json.dumps(wanted)}) if wanted else ()
    return {(row.connection_id, row.booking_id): row for row in rows}


_LOOKED = (
    update(Hearing)
    .where(_h.connection_id == bindparam("c"), _h.booking_id == bindparam("b"), _h.heard_at <= bindparam("began"))
    .values(looks=bindparam("made"), look_at=bindparam("next"))
)


def looked(open_: Open, looked: Sequence[Looked]) -> None:
    """What the readings showed; a webhook that came after a reading began keeps its own looks."""
    if not looked:
        return
    open_.execute(
        _LOOKED,
        [
            {"c": each.place[0], "b": each.place[1], "began": each.began, "made": each.looks, "next": each.look_at}
            for each in sorted(looked, key=lambda each: each.place)
        ],
    )


def wake(open_: Open, now: datetime, *, most: int) -> int:
    """Turns looks that have come due into notices."""
    due = select(_h.connection_id, _h.booking_id).where(_h.look_at <= now).order_by(_h.look_at).limit(most)
    come = [(row.connection_id, row.booking_id) for row in open_.execute(due)]
    noted = notices.note(open_, "again", come, now)  # first the notices, as the webhooks do: nobody waits in a ring
    if come:
        open_.execute(_NOT_AGAIN, {"places": json.dumps(come)})
    return noted


def of_vendor(open_: Open, vendor: str) -> set[str]:
    """The connections that could read a booking which a webhook announced for this vendor."""
    seen = any_row(Booking, _b.connection_id == _h.connection_id, _b.booking_id == _h.booking_id,
                   _b.content.is_not(None))  # fmt: skip
    return set(open_.execute(select(_h.connection_id).distinct().where(_h.vendor == vendor, seen)).scalars())


def last_heard(open_: Open) -> dict[str, datetime]:
    """When each connection's last webhook came."""
    last = select(_h.connection_id, func.max(_h.heard_at).label("at")).where(_h.heard_at.is_not(None))
    return {row.connection_id: row.at for row in open_.execute(last.group_by(_h.connection_id))}


def unannounced(open_: Open, connection: str, *, until: datetime) -> int:
    """How many changes polls found until then, since the last webhook of the connection, that none announced."""
    last = select(func.max(_h.heard_at)).where(_h.connection_id == connection).scalar_subquery()
    silent = and_(
        _h.connection_id == connection,
        _h.found_at <= until,
        or_(_h.heard_at.is_(None), _h.heard_at < _h.found_since),
        or_(last.is_(None), _h.found_at > last),
    )
    return open_.execute(select(func.count()).select_from(table(Hearing)).where(silent)).scalar_one()


def forget(open_: Open, connection: str, *, before: datetime) -> None:
    """Drops what is too old to tell anything."""
    old = and_(
        func.coalesce(_h.heard_at, _h.found_at) < before, func.coalesce(_h.found_at, _h.heard_at) < before,
        _h.connection_id == connection, _h.look_at.is_(None),
    )  # fmt: skip
    open_.execute(delete(Hearing).where(old))


def silent(open_: Open) -> dict[str, Row[Any]]:
    """The connections whose webhooks look broken."""
    return {row.connection_id: row for row in every(open_, Silence)}


def fall_silent(open_: Open, connection: str, unannounced: int, now: datetime) -> bool:
    """Whether it is news that this connection's webhooks look broken."""
    statement = insert(open_, Silence).values(connection_id=connection, since=now, unannounced=unannounced)
    fresh = open_.execute(statement.on_conflict_do_nothing()).rowcount == 1
    if not fresh:
        open_.execute(update(Silence).where(_s.connection_id == connection).values(unannounced=unannounced))
    return fresh


def speak_again(open_: Open, connection: str) -> bool:
    """Whether it is news that this connection's webhooks come again."""
    return open_.execute(delete(Silence).where(_s.connection_id == connection)).rowcount == 1
