"""Asks Bokun what was modified since the watermark; what it shows anew becomes a notice, committed page by page."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.exc import DBAPIError

from worker.bokun.bookings import SearchPage, search_bookings
from worker.calls.call import Call
from worker.calls.sending import CallFailed, Failure
from worker.domain.watermark import Place, window
from worker.flow import silence
from worker.flow.blocks import block, unblock
from worker.flow.services import Services, Until
from worker.store import connections, hearings, notices
from worker.store.connections import Stored
from worker.store.tables import Connection

log = structlog.get_logger()
ROLES: tuple[Literal["SELLER", "SUPPLIER"], ...] = ("SELLER", "SUPPLIER")
"""Bokun's search shows one side at a time; a booking seen from both is one booking (bokun.md 2.2)."""
SIZE = 50
LEASE = timedelta(seconds=120)
"""A poll whose worker was lost can be gone on with after this; each page renews it."""


class PollFailed(Exception):
    """Bokun could not be asked to the end; the watermark stays where it was."""


RESCAN = timedelta(hours=24)
"""So far back looks the daily poll, and so far ahead it has bookings read again (reliability.md 5.1, G8)."""


@dataclass(frozen=True, slots=True)
class Rescanned:
    """How many connections look back a whole day, and how many bookings are read again because their tours end soon."""

    connections: int
    bookings: int


@dataclass
class Polled:
    """What one poll saw, and whether more is left for the next bell."""

    pages: int = 0
    bookings: int = 0
    notices: int = 0
    more: bool = False


def due(services: Services) -> list[str]:
    """The connections to poll: all that Space Invoices shows, blocked ones too, as a probe; not paused ones."""
    with services.database.reading() as open_:
        found = connections.load(open_, Connection.gone_at.is_(None), Connection.paused_at.is_(None))  # type: ignore[union-attr]
    return [each.id for each in found]


def rescan(services: Services) -> Rescanned:
    """Winds the watermarks back by a day, and has what ends within the next one read again.

    A net below the poll: Bokun's index may be later than the overlap, and a search may have left something out. What
    was seen before costs one comparison. A connection whose poll is under way is left to the next rescan.
    """
    now = services.clock()

    def step(open_: Open) -> Rescanned:
        back = connections.rewind(open_, now - RESCAN)
        return Rescanned(back, notices.ending(open_, now, now + RESCAN))

    done = services.database.run(step, durable=False)
    log.info("rescan.done", count=done.connections, notices=done.bookings)
    if done.bookings:
        services.ring("tasks.plan.notices")
    return done


def poll_one(services: Services, connection: str, until: Until) -> Polled:
    """Polls a connection by its id; one that is gone or paused is left alone."""
    with services.database.reading() as open_:
        stored = connections.get(open_, connection)
    if stored is None or stored.gone_at is not None or stored.paused_at is not None:
        return Polled()
    return poll(services, stored, until)


def poll(services: Services, connection: Stored, until: Until) -> Polled:
    """One window of one connection, both roles; a long one is left to the next bell, which goes on at its page.

    PollFailed leaves everything that was stored stored, and the watermark where it was.
    """
    started = services.clock()
    terms = services.terms
    fresh = window(connection.watermark, overlap=terms.overlap, start_from=terms.policy.start_from, now=started)
    place = services.database.run(
        lambda open_: connections.begin_poll(open_, connection.id, fresh, started, lease=LEASE), durable=False
    )
    done = Polled()
    if place is None:
        return done  # somebody else is at it
    try:
        _walk(services, connection, place, until, done)
        if not done.more:
            services.database.run(
                lambda open_: connections.end_poll(open_, connection.id, place, started), durable=False
            )
    except CallFailed as failure:
        _failed(services, connection, failure)
        raise PollFailed(failure.sentence) from failure
    except Exception:
        with suppress(DBAPIError):  # it may be what failed: then the lease ends by itself
            _leave(services, connection)
        raise
    if done.notices:
        services.ring("tasks.plan.notices")
    if not done.more:
        silence.check(services, connection.id)
    log.info("poll.done", connection=connection.id, pages=done.pages, seen=done.bookings, notices=done.notices)
    return done


def _walk(services: Services, connection: Stored, place: Place, until: Until, done: Polled) -> None:
    """Both roles, each from page 1 until a short page that the total does not contradict (bokun.md 2.4)."""
    remote = services.bokun(connection)
    # What the first poll finds was booked before anybody listened: no webhook can be missed there.
    known_since = place.window.since if connection.watermark is not None else None
    at = place if place.page else replace(place, page=1)
    before: frozenset[int] = frozenset()
    while at.role < len(ROLES):
        if until.over:
            done.more = True
            _leave(services, connection)
            return
        page = remote.fetch(_search(at))
        if connection.blocked_by == "bokun":
            unblock(services, [connection.id], by="bokun")
        done.pages, done.bookings = done.pages + 1, done.bookings + len(page.items)
        done.notices += _store(services, connection, page, known_since, at)
        ids = frozenset(int(each.booking_id) for each in page.items)
        seen = at.seen + len(page.items) + page.unreadable
        if not ids or ids == before or (not page.full and seen >= (page.total or 0)):
            at, before = Place(place.window, at.role + 1, 1), frozenset()
        else:
            at, before = Place(place.window, at.role, at.page + 1, seen), ids


def _search(at: Place) -> Call[SearchPage]:
    asked = at.window
    return search_bookings(since=asked.since, until=asked.until, role=ROLES[at.role], page=at.page, size=SIZE)


def _store(services: Services, connection: Stored, page: SearchPage, known_since: datetime | None, at: Place) -> int:
    now = services.clock()
    seen = {int(each.booking_id): each.fingerprint for each in page.items}
    if page.unreadable:
        log.error("booking.unreadable", connection=connection.id, count=page.unreadable)

    def step(open_: Open) -> int:
        fresh = notices.sight(open_, connection.id, seen, now, ordered=page.ordered)
        if known_since is not None:
            hearings.found(open_, connection.id, fresh, since=known_since, now=now)
        connections.advance_poll(open_, connection.id, at, lease_until=now + LEASE)
        return len(fresh)

    return services.database.run(step, durable=False)


def _leave(services: Services, connection: Stored) -> None:
    """Whoever comes next goes on where this poll is."""
    services.database.run(lambda open_: connections.change(open_, connection.id, poll_lease_until=None))


def _failed(services: Services, connection: Stored, failure: CallFailed) -> None:
    _leave(services, connection)
    log.warning("poll.failed", connection=connection.id, outcome=failure.failure.value, status=failure.status)
    if failure.failure is Failure.CREDENTIALS:
        block(services, [connection.id], by="bokun", because=failure.sentence)
