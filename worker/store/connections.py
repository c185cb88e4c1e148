"""Connections: mirrored from Space Invoices, with the watermark, pauses and blocks that only we know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.engine import Row

from worker.calls import json
from worker.domain.connection import ConnectionId, Flags, OrganizationId
from worker.domain.watermark import Place, Window
from worker.store.facts import dump_flags, load_flags
from worker.store.statements import among, every, insert, table
from worker.store.tables import Attempt, Connection, Delivery

_t, _a, _d = (table(each).c for each in (Connection, Attempt, Delivery))
_CHANGE = update(table(Connection)).where(_t.id == bindparam("of"))
"""Sets what is bound beside the id: made once, because every page of a poll ends with it."""

BOKUN, SPACE_INVOICES, ORDERS = "bokun", "space-invoices", "space-invoices: orders"
"""What blocks a connection: Bokun's keys, the token altogether, or the token for orders alone while lists are shown."""
FIRST_PROBE = timedelta(minutes=5)
LONGEST_PROBE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """A connection as the flow uses it."""

    id: ConnectionId
    organization: OrganizationId
    name: str
    flags: Flags
    record: Mapping[str, Any]
    access_key: str | None
    secret_key: str | None
    watermark: datetime | None
    polled_at: datetime | None
    refreshed_at: datetime
    gone_at: datetime | None
    paused_at: datetime | None
    blocked_at: datetime | None
    blocked_by: str | None
    blocked_because: str | None
    on_change: str | None
    on_cancel: str | None
    brake_per_hour: int | None
    brake_amount: Any
    brake_age_days: int | None

    @property
    def works(self) -> bool:
        """Neither gone, nor paused, nor blocked: deliveries may be sent."""
        return self.gone_at is None and self.paused_at is None and self.blocked_at is None


def works(*even_if: Any) -> Any:
    """In SQL: neither gone, nor paused, nor blocked, except where the block is one of these."""
    return and_(_t.gone_at.is_(None), _t.paused_at.is_(None), or_(_t.blocked_at.is_(None), *even_if))


def may_send(refused: Any) -> Any:
    """It works, or its orders were refused before this time, FIRST_PROBE ago: then one may be tried (half open)."""
    return works(and_(_t.blocked_by == ORDERS, _t.blocked_at <= refused))


def may_read() -> Any:
    """It works, or nothing but its orders is refused."""
    return works(_t.blocked_by == ORDERS)


def probes(open_: Open, connection: Stored, now: datetime) -> bool:
    """Whether one order may be tried of a connection whose orders are refused: 5 min later, then 10, 20 ... an hour."""
    if connection.blocked_by != ORDERS or connection.blocked_at is None or connection.paused_at or connection.gone_at:
        return False
    mine = select(_a.begun_at).where(_d.connection_id == connection.id, _a.begun_at > connection.blocked_at)
    tried = open_.execute(mine.join(table(Delivery), _d.id == _a.delivery_id).order_by(_a.begun_at)).scalars().all()
    last = tried[-1] if tried else connection.blocked_at
    return bool(last + min(LONGEST_PROBE, FIRST_PROBE * (1 << min(len(tried), 10))) <= now)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A connection as Space Invoices shows it now."""

    id: str
    organization: str
    name: str
    flags: Flags
    record: Mapping[str, Any]


def load(open_: Open, *where: Any) -> list[Stored]:
    """The connections that fit, in the order of their ids: whoever locks several locks them in this order."""
    return [_stored(row) for row in every_ordered(open_, *where)]


def get(open_: Open, connection_id: str) -> Stored | None:
    """One connection, or None for an id that was never mirrored."""
    found = load(open_, _t.id == connection_id)
    return found[0] if found else None


_LOCK = select(table(Connection)).where(among(_t.id, "ids")).order_by(_t.id).with_for_update()


def lock(open_: Open, ids: Iterable[str]) -> dict[str, Stored]:
    """These connections with their rows locked: flags stay as they are until the decision is stored."""
    return {row.id: _stored(row) for row in open_.execute(_LOCK, {"ids": json.dumps(sorted(set(ids)))})}


_OF_ORGANIZATIONS = select(_t.id, _t.organization).where(among(_t.organization, "organizations"))


def organizations(open_: Open, ids: Iterable[str]) -> dict[str, list[str]]:
    """All connection ids of these organizations, gone ones too: their orders still count."""
    found: dict[str, list[str]] = {}
    for row in open_.execute(_OF_ORGANIZATIONS, {"organizations": json.dumps(sorted(set(ids)))}):
        found.setdefault(row.organization, []).append(row.id)
    return found


@dataclass(frozen=True, slots=True)
class Changes:
    """What a refresh changed: connections whose flags are others now or that came, and those not shown any more."""

    changed: list[str]
    missing: list[str]
    """Not shown now, and not the last time either."""


def mirror(
    open_: Open, organization: str, shown: Sequence[Mirrored], now: datetime, *, kept: Collection[str] = ()
) -> Changes:
    """Makes ours what Space Invoices shows; those that are `kept` are there, but stay as they were."""
    before = {row.id: row for row in every(open_, Connection, _t.organization == organization)}
    rows = [
        {
            "id": each.id,
            "organization": organization,
            "name": each.name,
            "record": json.dumps(each.record),
            "flags": dump_flags(each.flags),
            "refreshed_at": now,
            "gone_at": None,
        }
        for each in shown
    ]
    if rows:
        statement = insert(open_, Connection)
        taken_over = {name: statement.excluded[name] for name in rows[0] if name != "id"}
        open_.execute(statement.on_conflict_do_update(index_elements=["id"], set_=taken_over), rows)
    there = {each["id"] for each in rows} | set(kept)
    hidden = {id_: row for id_, row in before.items() if id_ not in there}
    gone = [id_ for id_, row in hidden.items() if row.gone_at is None]
    if gone:
        open_.execute(update(Connection).where(_t.id.in_(gone)).values(gone_at=now))
    changed = [each["id"] for each in rows if each["id"] not in before or _differs(before[each["id"]], each)]
    return Changes([str(id_) for id_ in changed], [str(id_) for id_ in hidden if id_ not in gone])


def block(open_: Open, ids: Sequence[str], *, by: str, because: str, now: datetime) -> int:
    """Blocks those that are not blocked yet; returns how many, so that the alert is raised once."""
    if by == SPACE_INVOICES:  # not the orders alone after all: what lifts that block lifts this one too
        wider = update(Connection).where(_t.id.in_(ids), _t.blocked_by == ORDERS)
        open_.execute(wider.values(blocked_by=by, blocked_because=because))
    fresh = update(Connection).where(_t.id.in_(ids), _t.blocked_at.is_(None))
    return open_.execute(fresh.values(blocked_at=now, blocked_by=by, blocked_because=because)).rowcount


def unblock(open_: Open, ids: Sequence[str], *, by: str) -> int:
    """Lifts the blocks that this remote caused; returns how many there were."""
    blocked = update(Connection).where(_t.id.in_(ids), _t.blocked_by == by)
    return open_.execute(blocked.values(blocked_at=None, blocked_by=None, blocked_because=None)).rowcount


def begin_poll(open_: Open, connection_id: str, fresh: Window, now: datetime, *, lease: timedelta) -> Place | None:
    """Takes the poll of a connection, and where it goes on; None while somebody else is at it."""
    free = or_(_t.poll_lease_until.is_(None), _t.poll_lease_until <= now)
    taken = update(Connection).where(_t.id == connection_id, free).values(poll_lease_until=now + lease)
    row = open_.execute(taken.returning(_t.poll_since, _t.poll_until, _t.poll_role, _t.poll_page, _t.poll_seen)).first()
    if row is None:
        return None
    if row.poll_until is not None:
        return Place(Window(row.poll_since, row.poll_until), row.poll_role, row.poll_page, row.poll_seen)
    change(open_, connection_id, poll_since=fresh.since, poll_until=fresh.until, poll_role=0, poll_page=0, poll_seen=0)
    return Place(fresh)


def advance_poll(open_: Open, connection_id: str, place: Place, *, lease_until: datetime) -> None:
    """The page was stored: whoever goes on reads it once more, because the list may have moved meanwhile."""
    at = {"poll_role": place.role, "poll_page": place.page, "poll_seen": place.seen}
    change(open_, connection_id, **at, poll_lease_until=lease_until)


def end_poll(open_: Open, connection_id: str, place: Place, now: datetime) -> None:
    """The window was seen to its end: the watermark moves."""
    change(open_, connection_id, watermark=place.window.until, polled_at=now, poll_until=None, poll_lease_until=None)


def rewind(open_: Open, to: datetime) -> int:
    """Winds watermarks back to a moment, except where a poll is under way; returns how many."""
    ahead = update(Connection).where(_t.watermark > to, _t.poll_until.is_(None), _t.gone_at.is_(None))
    return open_.execute(ahead.values(watermark=to)).rowcount


def change(open_: Open, connection_id: str, **values: Any) -> int:
    """Sets our own fields of one connection; returns how many rows there were."""
    return open_.execute(_CHANGE, {"of": connection_id, **values}).rowcount


def replace_keys(open_: Open, connection_id: str, old: tuple[str, str], new: tuple[str, str]) -> int:
    """Both keys at once, where they are still the old ones; returns how many rows there were."""
    same = update(Connection).where(_t.id == connection_id, _t.access_key == old[0], _t.secret_key == old[1])
    return open_.execute(same.values(access_key=new[0], secret_key=new[1])).rowcount


def every_ordered(open_: Open, *where: Any) -> Sequence[Row[Any]]:
    return open_.execute(select(table(Connection)).where(*where).order_by(_t.id)).all()


def _differs(before: Row[Any], now: Mapping[str, Any]) -> bool:
    return bool(before.flags != now["flags"] or before.gone_at is not None)


def _stored(row: Row[Any]) -> Stored:
    seen = {name: value for name, value in row._asdict().items() if not name.startswith("poll_")}
    seen["flags"] = load_flags(row.flags)
    seen["record"] = json.loads(row.record)
    return Stored(**seen)
