"""The inbox: which bookings may have changed and have not been read again since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import Executable, String, and_, bindparam, delete, func, literal, or_, select, true, update
from sqlalchemy.engine import Row

from worker.calls import json
from worker.domain.decision import Document
from worker.domain.delivery import State
from worker.domain.sighting import keep, same_item, same_text
from worker.store.connections import may_read
from worker.store.outbox import has_invoiced, of_the_same_sale
from worker.store.statements import among_pairs, any_row, in_words, insert, insert_into, pairs, table
from worker.store.tables import Booking, Connection, Delivery, Notice, Sighting

_n, _b, _d, _c = (table(each).c for each in (Notice, Booking, Delivery, Connection))
LEASE = timedelta(seconds=120)


def note(open_: Open, source: str, bookings: Iterable[tuple[str, int]], now: datetime) -> int:
    """Stores a notice for each (connection, booking); a further one makes the first due at once and fresh again."""
    rows = [
        {"connection_id": connection, "booking_id": booking, "source": source, "noticed_at": now, "due_at": now,
         "tries": 0, "version": 1}
        for connection, booking in sorted(set(bookings))
    ]  # fmt: skip
    if not rows:
        return 0
    statement = insert(open_, Notice)
    places = ["connection_id", "booking_id"]
    open_.execute(statement.on_conflict_do_update(index_elements=places, set_=_again(now)), rows)
    return len(rows)


def sight(
    open_: Open, connection: str, page: Mapping[int, str], now: datetime, *, ordered: Callable[[int], str]
) -> list[int]:
    """Stores a page of a search (fingerprint by booking): notices, whose ids come back, for items that changed or are new.

    `ordered` makes the other digest of a booking's item (worker.domain.sighting).
    """
    if not page:
        return []
    look, keeping, notice = _of_page(open_.dialect.name)
    at = {"c": connection, "page": json.dumps(page)}
    before = {row.booking_id: row.fingerprint for row in open_.execute(look, at)}
    kept, fresh = _compared(page, before, ordered)
    if kept:
        at["page"] = json.dumps(kept)
        open_.execute(keeping, at)
    if fresh:
        some = at if len(fresh) == len(kept) else {**at, "page": json.dumps({each: kept[each] for each in fresh})}
        open_.execute(notice, {**some, "now": now})
    return fresh


def _compared(
    page: Mapping[int, str], before: Mapping[int, str], ordered: Callable[[int], str]
) -> tuple[dict[int, str], list[int]]:
    """What is to be kept of a page's items from now on, and which of them changed or are new."""
    kept: dict[int, str] = {}
    fresh: list[int] = []
    for booking, print_ in sorted(page.items()):  # whoever locks several rows locks them in this order
        was = before.get(booking)
        if was is None:
            kept[booking] = keep(print_)
            fresh.append(booking)
        elif not same_text(was, print_):
            kept[booking] = keep(print_, digest := ordered(booking))
            if not same_item(was, digest):
                fresh.append(booking)
    return kept, fresh


@cache
def _of_page(dialect: str) -> tuple[Executable, Executable, Executable]:
    """For a page of a search: what is stored of it, the upsert of its fingerprints, and the upsert of notices.

    The page is one parameter and the statements are made once: as lists of parameters the rows cost four times as much.
    """
    rows, booking = pairs(dialect, "page")
    shown = table(Sighting).c
    connection, now = bindparam("c", type_=String), bindparam("now", type_=_n.due_at.type)
    look = select(shown.booking_id, shown.fingerprint).where(
        shown.connection_id == connection, shown.booking_id.in_(select(booking))
    )
    whole = select(connection, booking, rows.c.value).where(true())
    seen = insert_into(dialect, Sighting).from_select(["connection_id", "booking_id", "fingerprint"], whole)
    keeping = seen.on_conflict_do_update(
        index_elements=["connection_id", "booking_id"], set_={"fingerprint": seen.excluded.fingerprint}
    )
    return look, keeping, _noted(dialect, select(connection, booking).where(true()), "poll", now)


@cache
def of_all(dialect: str) -> Executable:
    """The upsert of notices for the bookings that webhooks announced: the whole group is one parameter."""
    places, _, now = announced(dialect)
    return _noted(dialect, places, "webhook", now)


def _noted(dialect: str, places: Any, source: str, now: Any) -> Executable:
    """The upsert of a notice for each of these places (connection, booking), which a SELECT brings."""
    rows = places.add_columns(literal(source), now, now.label("due"), literal(0), literal(1))
    names = ["connection_id", "booking_id", "source", "noticed_at", "due_at", "tries", "version"]
    noted = insert_into(dialect, Notice).from_select(names, rows)
    return noted.on_conflict_do_update(index_elements=["connection_id", "booking_id"], set_=_again(now))  # type: ignore[no-any-return]


def announced(dialect: str) -> tuple[Any, Any, Any]:
    """Each announced booking for each connection that is not gone, in the order of locks; its vendor; the time."""
    rows, booking = pairs(dialect, "announced")
    places = select(_c.id, booking).select_from(table(Connection).join(rows, true()))
    now = bindparam("now", type_=_n.due_at.type)
    return places.where(_c.gone_at.is_(None)).order_by(_c.id, booking), rows.c.value, now


def sighted(open_: Open, places: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of these (connection, booking) that a search has shown."""
    shown = table(Sighting).c
    wanted = select(shown.connection_id, shown.booking_id)
    wanted = wanted.where(among_pairs(shown.connection_id, shown.booking_id, "places"))
    return {(row.connection_id, row.booking_id) for row in open_.execute(wanted, {"places": json.dumps(list(places))})}


def wake(open_: Open, now: datetime, *, most: int) -> int:
    """Turns clocks that have come into notices; the booking is then read again like any other."""
    due = select(_b.connection_id, _b.booking_id).where(_b.wakes_at <= now).order_by(_b.wakes_at).limit(most)
    come = [(row.connection_id, row.booking_id) for row in open_.execute(due)]
    if come:
        asleep = update(Booking).where(_b.connection_id == bindparam("c"), _b.booking_id == bindparam("b"))
        open_.execute(asleep.values(wakes_at=None), [{"c": connection, "b": booking} for connection, booking in come])
    return note(open_, "clock", come, now)


def ending(open_: Open, since: datetime, until: datetime) -> int:
    """Notices for the bookings whose clock comes in this time: their tours end, and they were read long ago."""
    soon = select(_b.connection_id, _b.booking_id).where(_b.wakes_at > since, _b.wakes_at <= until)
    return note(open_, "rescan", ((row.connection_id, row.booking_id) for row in open_.execute(soon)), since)


def undecided(open_: Open, connections: Sequence[str], now: datetime) -> int:
    """Notices for all bookings of these connections that wait, if only for what follows their estimate, or whose
    delivery is still only planned."""
    waits = or_(_b.decision == "wait", and_(_b.decision == "tell", _b.document == "estimate"))
    waiting = select(_b.connection_id, _b.booking_id).where(_b.connection_id.in_(connections), waits)
    planned = select(_d.connection_id, _d.booking_id).where(_d.connection_id.in_(connections), _d.state == "planned")
    found = open_.execute(waiting.union(planned)).all()
    return note(open_, "flags", ((row.connection_id, row.booking_id) for row in found), now)


def overtaken(open_: Open, now: datetime) -> int:
    """Notices for planned estimates whose sale was invoiced meanwhile by another connection: claims pass them over."""
    other = table(Delivery).alias("other")
    late = select(_d.connection_id, _d.booking_id).where(
        in_words(_d.state, State.PLANNED),
        _d.document == Document.ESTIMATE,
        select(1).select_from(other).where(of_the_same_sale(other), has_invoiced(other)).exists(),
        ~any_row(Notice, _n.connection_id == _d.connection_id, _n.booking_id == _d.booking_id),
    )
    return note(open_, "sibling", ((row.connection_id, row.booking_id) for row in open_.execute(late)), now)


def claim(
    open_: Open, now: datetime, *, most: int, connection: str | None = None, backfill: str | None = None
) -> Sequence[Row[Any]]:
    """Due notices, each for a lease: who dies while reading leaves them due again.

    Those of a connection that is paused, blocked or gone pile up, one per booking, until it goes on.
    """
    working = select(_c.id).where(may_read())
    due = select(_n.id).where(_n.due_at <= now, _n.connection_id.in_(working))
    if connection is not None:
        due = due.where(_n.connection_id == connection)
    if backfill is not None:
        same = (_b.connection_id == _n.connection_id, _b.booking_id == _n.booking_id)
        due = due.where(any_row(Booking, *same, _b.backfill == backfill))
    due = due.order_by(_n.due_at, _n.id).limit(most).with_for_update(skip_locked=True)
    claimed = update(Notice).where(_n.id.in_(due)).values(due_at=now + LEASE, tries=_n.tries + 1)
    return open_.execute(claimed.returning(*_n)).all()


def decided_again(open_: Open, organization: str, booking: int, now: datetime, *, but: str) -> int:
    """Notices for the same booking in the view of the organization's other connections.

    One that reads it right now, for the first time, has no booking stored yet; but it has a notice, which this one
    makes fresh: whichever of the two is committed first, that connection decides again.
    """
    others = (_c.organization == organization, _c.id != but)
    stored = select(_b.connection_id).join(table(Connection), _c.id == _b.connection_id)
    noticed = select(_n.connection_id).join(table(Connection), _c.id == _n.connection_id)
    found = stored.where(_b.booking_id == booking, *others).union(noticed.where(_n.booking_id == booking, *others))
    return note(open_, "sibling", ((connection, booking) for connection in open_.execute(found).scalars()), now)


def done(open_: Open, read: Iterable[tuple[int, int]]) -> None:
    """Takes out the notices (id, version) that were read; one that was noticed again meanwhile stays, due."""
    rows = [{"i": id_, "v": version} for id_, version in read]
    if rows:
        open_.execute(delete(Notice).where(_n.id == bindparam("i"), _n.version == bindparam("v")), rows)


def put_off(open_: Open, later: Iterable[tuple[int, int, datetime, str]]) -> None:
    """Notices (id, version) whose booking could not be read now: due later, with the reason."""
    rows = [{"i": id_, "v": version, "due": due, "why": why} for id_, version, due, why in later]
    if rows:
        same = update(Notice).where(_n.id == bindparam("i"), _n.version == bindparam("v"))
        open_.execute(same.values(due_at=bindparam("due"), reason=bindparam("why")), rows)


def drop(open_: Open, connections: Sequence[str]) -> None:
    """Takes the notices of connections that are gone out of the inbox."""
    open_.execute(delete(Notice).where(_n.connection_id.in_(connections)))


def unread(open_: Open) -> int:
    """How many notices are not read yet."""
    return open_.execute(select(func.count()).select_from(table(Notice))).scalar_one()


def since(open_: Open, connection: str) -> list[datetime]:
    """Since when each unread notice of a connection is there."""
    return list(open_.execute(select(_n.noticed_at).where(_n.connection_id == connection)).scalars())


def of(open_: Open, connection: str, booking: int) -> Row[Any] | None:
    """The unread notice of a booking, if there is one."""
    mine = select(table(Notice)).where(_n.connection_id == connection, _n.booking_id == booking)
    return open_.execute(mine).first()


def _again(now: Any) -> dict[str, Any]:
    """What a further notice makes of one that is there: due at once, and fresh."""
    return {"version": _n.version + 1, "due_at": now, "tries": 0, "reason": None}
