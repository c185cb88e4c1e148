"""What a person should hear of once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.engine import Row

from worker.store.statements import every, insert, table
from worker.store.tables import Alert

_a = table(Alert).c
LEASE = timedelta(seconds=90)
KEPT = timedelta(days=30)
_UNTOLD = or_(_a.told_at.is_(None), and_(_a.over_at.is_not(None), _a.over_told_at.is_(None)))


@dataclass(frozen=True, slots=True)
class Begun:
    """Something that is wrong now."""

    key: str
    said: str
    news: str = ""


def begin(open_: Open, begun: Begun, now: datetime) -> bool:
    """Whether it is news: it was not open, or it is about something else now."""
    fresh = {"said": begun.said, "news": begun.news, "since": now, "last": now, "count": 1}
    reset = {"told_at": None, "over_at": None, "over_told_at": None, "lease_until": None}
    added = insert(open_, Alert).values(key=begun.key, **fresh, **reset).on_conflict_do_nothing()
    if open_.execute(added).rowcount == 1:
        return True
    mine = update(Alert).where(_a.key == begun.key)
    if open_.execute(mine.where(_a.over_at.is_not(None)).values(**fresh, **reset)).rowcount == 1:
        return True
    other = mine.where(_a.news != begun.news)
    again = {"said": begun.said, "news": begun.news, "last": now, "count": _a.count + 1, "told_at": None}
    if open_.execute(other.values(**again)).rowcount == 1:
        return True
    open_.execute(mine.values(said=begun.said, last=now, count=_a.count + 1))
    return False


def end(open_: Open, keys: Iterable[str], now: datetime) -> list[str]:
    """Those of these that were open, and are over now. What nobody was told of is over without a word."""
    mine = update(Alert).where(_a.key.in_(sorted(set(keys))), _a.over_at.is_(None))
    ended = open_.execute(mine.values(over_at=now).returning(_a.key)).scalars().all()
    silent = update(Alert).where(_a.key.in_(ended), _a.told_at.is_(None), _a.lease_until.is_(None))
    open_.execute(silent.values(told_at=now, over_told_at=now))
    return list(ended)


def open_keys(open_: Open, prefix: str) -> set[str]:
    """The keys with this beginning that are not over."""
    mine = select(_a.key).where(_a.key.startswith(prefix, autoescape=True), _a.over_at.is_(None))
    return set(open_.execute(mine).scalars())


def take(open_: Open, now: datetime, *, most: int) -> Sequence[Row[Any]]:
    """What is to be told, for a lease: two processes do not tell the same."""
    open_.execute(delete(table(Alert)).where(_a.over_told_at < now - KEPT))
    free = or_(_a.lease_until.is_(None), _a.lease_until <= now)
    due = select(_a.key).where(_UNTOLD, free).order_by(_a.since, _a.key).limit(most).with_for_update(skip_locked=True)
    taken = update(Alert).where(_a.key.in_(due)).values(lease_until=now + LEASE)
    return sorted(open_.execute(taken.returning(*_a)).all(), key=lambda row: (row.since, row.key))


def told(open_: Open, rows: Sequence[Row[Any]], now: datetime) -> None:
    """They were told; what changed meanwhile is told anew."""
    for row in rows:
        mine = update(Alert).where(_a.key == row.key, _a.news == row.news, _a.since == row.since)
        values = {"told_at": now, "lease_until": None}
        if row.over_at is not None:
            values["over_told_at"] = now
        open_.execute(mine.values(**values))


def give_back(open_: Open, rows: Sequence[Row[Any]], until: datetime) -> None:
    """They could not be told: later again."""
    open_.execute(update(Alert).where(_a.key.in_([row.key for row in rows])).values(lease_until=until))


def standing(open_: Open) -> Sequence[Row[Any]]:
    """What is wrong now, the oldest first."""
    return sorted(every(open_, Alert, _a.over_at.is_(None)), key=lambda row: (row.since, row.key))


def listed(open_: Open) -> Sequence[Row[Any]]:
    """Every alert that is remembered."""
    return sorted(every(open_, Alert), key=lambda row: (row.since, row.key))


def digest_is_due(open_: Open, every_: timedelta, now: datetime) -> bool:
    """Whether the digest is due; if so, the next one is so much later, whoever sends this one."""
    times = {"last": now, "told_at": now, "over_at": now, "over_told_at": now}
    added = insert(open_, Alert).values(key="digest", said="", news="", since=now, count=1, **times)
    if open_.execute(added.on_conflict_do_nothing()).rowcount == 1:
        return True
    due = update(Alert).where(_a.key == "digest", _a.told_at <= now - every_)
    return open_.execute(due.values(**times, count=_a.count + 1)).rowcount == 1
