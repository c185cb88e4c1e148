"""Bookings as last read, with the decision made then, and the history of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import Executable, func, select
from sqlalchemy.engine import Row

from worker.calls import json
from worker.domain.booking import Booking as Read
from worker.domain.connection import Flags
from worker.domain.decision import Decision as Made
from worker.domain.decision import Policy, Tell, Told, kind, wakes_at
from worker.store import facts
from worker.store.statements import among_pairs, every, insert_into, insert_missing, table
from worker.store.tables import Booking, Decision, Delivery

_b, _d = table(Booking).c, table(Delivery).c
Place = tuple[str, int]
"""A booking in the view of one connection: (connection id, booking id)."""


@dataclass(frozen=True, slots=True)
class History:
    """That a booking was taken up by a backfill: START_FROM no longer skips it, and its first document mails or not."""

    backfill: str
    """The id of the plan file."""
    mail: bool | None = None
    over: bool = False
    """A document of the backfill is out: what follows is live again."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One booking read and decided, ready to be stored."""

    connection: str
    organization: str
    booking: Read
    content: str | None
    flags: Flags
    told: Told
    policy: Policy
    decision: Made
    at: datetime
    history: History | None = None

    @property
    def place(self) -> Place:
        return self.connection, self.booking.id


_AT = select(table(Booking)).where(among_pairs(_b.connection_id, _b.booking_id, "places"))


def at(open_: Open, places: Iterable[Place]) -> dict[Place, Row[Any]]:
    """The stored bookings at these places."""
    wanted = sorted(set(places))
    found = open_.execute(_AT, {"places": json.dumps(wanted)}) if wanted else ()
    return {(row.connection_id, row.booking_id): row for row in found}


def taken_up(row: Row[Any] | None) -> History | None:
    """What a stored booking says about the backfill that took it up, if one did."""
    return None if row is None or row.backfill is None else History(row.backfill, row.mail)


def store(open_: Open, judged: Sequence[Judged], before: Mapping[Place, Row[Any]]) -> None:
    """Writes what was read and decided; the history gets a row where the decision or its basis is another."""
    if not judged:
        return
    rows = [_row(each) for each in judged]
    open_.execute(_upsert(open_.dialect.name), rows)
    changed = [
        _history(each, row) for each, row in zip(judged, rows, strict=True) if _differs(row, before.get(each.place))
    ]
    insert_missing(open_, Decision, changed)


@cache
def _upsert(dialect: str) -> Executable:
    statement = insert_into(dialect, Booking)
    fresh = {each.name: statement.excluded[each.name] for each in _b if not each.primary_key}
    # An answer that could not be understood does not take away the content that was.
    fresh["content"] = func.coalesce(statement.excluded.content, _b.content)
    return statement.on_conflict_do_update(index_elements=["connection_id", "booking_id"], set_=fresh)  # type: ignore[no-any-return]


def readable(open_: Open, ids: Iterable[int]) -> set[int]:
    """Those of these bookings that some connection could read."""
    read = select(_b.booking_id).where(_b.booking_id.in_(sorted(set(ids))), _b.revision != "")
    return set(open_.execute(read).scalars())


def read_since(open_: Open, connection: str, since: datetime) -> int:
    """How many bookings of a connection were read and understood since then."""
    mine = select(func.count()).where(_b.connection_id == connection, _b.read_at >= since, _b.revision != "")
    return open_.execute(mine).scalar_one()


def counts(open_: Open) -> dict[str, int]:
    """How many bookings stand at each decision."""
    rows = open_.execute(select(_b.decision, func.count().label("n")).group_by(_b.decision))
    return {row.decision: row.n for row in rows}


def find(open_: Open, word: str) -> Sequence[Row[Any]]:
    """The bookings (one row a connection) with this id or confirmation code."""
    by_code = _b.confirmation_code == word
    by_id = _b.booking_id == int(word) if word.isascii() and word.isdigit() and len(word) < 19 else None
    return every(open_, Booking, by_code if by_id is None else by_code | by_id)


def listed(open_: Open) -> Sequence[Row[Any]]:
    """Every booking in the view of every connection, the one decided last first."""
    return open_.execute(select(table(Booking)).order_by(_b.decided_at.desc(), _b.booking_id)).all()


def history(open_: Open, place: Place) -> Sequence[Row[Any]]:
    """The decisions made about a booking, oldest first."""
    d = table(Decision).c
    mine = select(table(Decision)).where(d.connection_id == place[0], d.booking_id == place[1]).order_by(d.id)
    return open_.execute(mine).all()


def _row(each: Judged) -> dict[str, Any]:
    return {
        "connection_id": each.connection,
        "booking_id": each.booking.id,
        "organization": each.organization,
        "confirmation_code": each.booking.confirmation_code,
        "read_at": each.at,
        "status": each.booking.status.value,
        "revision": each.booking.revision,
        "facts": facts.dump_booking(each.booking),
        "content": each.content,
        "flags": facts.dump_flags(each.flags),
        **_decision(each.decision),
        "decided_at": each.at,
        "wakes_at": wakes_at(each.decision.rule, each.booking, each.at),
        "backfill": each.history.backfill if each.history else None,
        "mail": each.history.mail if each.history else None,
    }


_DECIDED = ("decision", "document", "moment", "rule", "because", "revision", "flags")
"""What makes another decision of it."""


def _history(each: Judged, row: Mapping[str, Any]) -> dict[str, Any]:
    same = ("connection_id", "booking_id", "decided_at", *_DECIDED, "facts")
    told, policy = facts.dump_told(each.told), facts.dump_policy(each.policy)
    return {**{name: row[name] for name in same}, "told": told, "policy": policy}


def _decision(decision: Made) -> dict[str, Any]:
    tell = decision if isinstance(decision, Tell) else None
    return {
        "decision": kind(decision),
        "document": tell.document.value if tell else None,
        "moment": tell.moment.value if tell else None,
        "rule": decision.rule,
        "because": decision.because,
    }


def _differs(row: Mapping[str, Any], before: Row[Any] | None) -> bool:
    return before is None or any(getattr(before, name) != row[name] for name in _DECIDED)
