"""Finds and reads bookings without noting anything: what a plan, a backfill or a question about one booking looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from worker.bokun.bookings import get_booking, search_created
from worker.bokun.mapping import identify
from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Remote
from worker.domain.booking import Booking
from worker.flow.judge import read_bookings
from worker.flow.poll import ROLES, SIZE
from worker.flow.services import Services
from worker.store import bookings, connections
from worker.store.connections import Stored
from worker.store.tables import Connection

Role = Literal["SELLER", "SUPPLIER"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A booking as Bokun shows it now to one connection."""

    connection: Stored
    booking: Booking


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read, and why; `booking` None: the whole search of this connection."""

    connection: str
    booking: int | None
    because: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was read, by booking and connection, and what could not be."""

    seen: tuple[Seen, ...]
    unread: tuple[Unread, ...] = ()


def of_period(services: Services, since: datetime, until: datetime, *, connection: str | None = None) -> Found:
    """The bookings that were made in the period, of every connection or of one."""
    seen: list[Seen] = []
    unread: list[Unread] = []
    for readers in _accounts(services, connection):
        try:
            ids = sorted(_made(services.bokun(readers[0]), since, until))
        except CallFailed as failure:
            unread += [Unread(each.id, None, failure.sentence) for each in readers]
            continue
        for booking, read in zip(ids, _read(services, readers[0], ids), strict=True):
            if isinstance(read, CallFailed):
                unread += [Unread(each.id, booking, read.sentence) for each in readers]
            elif read.created_at is None or since <= read.created_at < until:  # a filter may have been ignored
                seen += [Seen(each, read) for each in readers]
    return Found(_in_order(seen), tuple(unread))


def of_booking(services: Services, word: str, *, connection: str | None = None) -> Found:
    """One booking by its id or confirmation code, in the view of every connection whose account shows it."""
    seen: list[Seen] = []
    unread: list[Unread] = []
    for readers in _accounts(services, connection):
        try:
            read = _one(services, readers[0], word)
        except (CallFailed, UnexpectedShape) as failure:
            unread += [Unread(each.id, None, str(failure)) for each in readers]
            continue
        seen += [Seen(each, read) for each in readers]
    # An account that does not know the booking is only worth a word where none does.
    return Found(_in_order(seen), () if seen else tuple(unread))


def _accounts(services: Services, connection: str | None) -> list[list[Stored]]:
    """The connections by the account that they read: one reading serves all of them."""
    with services.database.reading() as open_:
        found = connections.load(open_, Connection.gone_at.is_(None))  # type: ignore[union-attr]
    by_account: dict[str, list[Stored]] = {}
    for each in found:
        if connection is None or each.id == connection:
            by_account.setdefault(services.account(each), []).append(each)
    return list(by_account.values())


def _made(remote: Remote, since: datetime, until: datetime) -> set[int]:
    return {found for role in ROLES for found in _pages(remote, since, until, role)}


def _pages(remote: Remote, since: datetime, until: datetime, role: Role) -> Iterator[int]:
    """Page by page until a short one that the total does not contradict (bokun.md 2.4)."""
    page, seen, before = 1, 0, frozenset[int]()
    while True:
        got = remote.fetch(search_created(since=since, until=until, role=role, page=page, size=SIZE))
        ids = frozenset(int(each.booking_id) for each in got.items)
        yield from ids
        seen += len(got.items) + got.unreadable
        if not ids or ids == before or (not got.full and seen >= (got.total or 0)):
            return
        page, before = page + 1, ids


def _read(services: Services, connection: Stored, ids: Sequence[int]) -> Iterable[Booking | CallFailed]:
    for booking, _, failure in read_bookings(services, [(connection, each) for each in ids]):
        if booking is not None:
            yield booking
        elif failure is not None:
            yield failure


def _one(services: Services, connection: Stored, word: str) -> Booking:
    [read] = _read(services, connection, [_id_of(services, connection, word)])
    if isinstance(read, CallFailed):
        raise read
    return read


def _id_of(services: Services, connection: Stored, word: str) -> int:
    """Bokun finds a booking by its confirmation code too; ours are asked first."""
    if word.isascii() and word.isdigit() and len(word) < 19:
        return int(word)
    with services.database.reading() as open_:
        known = bookings.find(open_, word)
    if known:
        return int(known[0].booking_id)
    return int(identify(services.bokun(connection).fetch(get_booking(word))))


def _in_order(seen: list[Seen]) -> tuple[Seen, ...]:
    return tuple(sorted(seen, key=lambda each: (each.booking.id, each.connection.id)))
