"""Asks Bokun what was modified since the watermark; what it shows anew becomes a notice, committed page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog
from sqlalchemy import Connection as Open

from worker.bokun.bookings import SearchPage, search_bookings
from worker.calls.sending import CallFailed, Failure, Remote
from worker.domain.watermark import Window, window
from worker.flow import silence
from worker.flow.blocks import block, unblock
from worker.flow.services import Services
from worker.store import connections, hearings, notices
from worker.store.connections import Stored
from worker.store.tables import Connection

log = structlog.get_logger()
ROLES: tuple[Literal["SELLER", "SUPPLIER"], ...] = ("SELLER", "SUPPLIER")
"""Bokun's search shows one side at a time; a booking seen from both is one booking (bokun.md 2.2)."""
SIZE = 50


class PollFailed(Exception):
    """Bokun could not be asked to the end; the watermark stays where it was."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll saw."""

    pages: int
    bookings: int
    notices: int


def due(services: Services) -> list[str]:
    """The connections to poll: all that Space Invoices shows, blocked ones too, as a probe; not paused ones."""
    with services.database.reading() as open_:
        found = connections.load(open_, Connection.gone_at.is_(None), Connection.paused_at.is_(None))  # type: ignore[union-attr]
    return [each.id for each in found]


def poll_one(services: Services, connection: str) -> Polled:
    """Polls a connection by its id; one that is gone or paused is left alone."""
    with services.database.reading() as open_:
        stored = connections.get(open_, connection)
    if stored is None or stored.gone_at is not None or stored.paused_at is not None:
        return Polled(0, 0, 0)
    return poll(services, stored)


def poll(services: Services, connection: Stored) -> Polled:
    """One window of one connection, both roles; PollFailed leaves everything that was stored stored."""
    started = services.clock()
    asked = window(
        connection.watermark,
        overlap=services.terms.overlap,
        start_from=services.terms.policy.start_from,
        now=started,
    )
    # What the first poll finds was booked before anybody listened: no webhook can be missed there.
    known_since = asked.since if connection.watermark is not None else None
    remote = services.bokun(connection)
    pages = bookings = fresh = 0
    try:
        for page in _pages(remote, asked):
            pages += 1
            bookings += len(page.items)
            fresh += _store(services, connection, page, known_since)
    except CallFailed as failure:
        _failed(services, connection, failure)
        raise PollFailed(failure.sentence) from failure
    services.database.run(
        lambda open_: connections.change(open_, connection.id, watermark=asked.until, polled_at=started)
    )
    if connection.blocked_by == "bokun":
        unblock(services, [connection.id], by="bokun")
    if fresh:
        services.ring("tasks.plan.notices")
    silence.check(services, connection.id)
    log.info("poll.done", connection=connection.id, pages=pages, seen=bookings, notices=fresh)
    return Polled(pages, bookings, fresh)


def _pages(remote: Remote, asked: Window) -> Iterator[SearchPage]:
    """Both roles, each from page 1 until a short page that the total does not contradict (bokun.md 2.4)."""
    for role in ROLES:
        seen: set[int] = set()
        number = 1
        while True:
            call = search_bookings(since=asked.since, until=asked.until, role=role, page=number, size=SIZE)
            page = remote.fetch(call)
            yield page
            ids = {int(each.booking_id) for each in page.items}
            if not ids or ids <= seen:
                break  # an empty page, or the same page again
            seen |= ids
            if not page.full and len(seen) + page.unreadable >= (page.total or 0):
                break
            number += 1


def _store(services: Services, connection: Stored, page: SearchPage, known_since: datetime | None) -> int:
    now = services.clock()
    seen = {int(each.booking_id): each.fingerprint for each in page.items}
    if page.unreadable:
        log.error("booking.unreadable", connection=connection.id, count=page.unreadable)

    def step(open_: Open) -> int:
        fresh = notices.sight(open_, connection.id, seen, now)
        if known_since is not None:
            hearings.found(open_, connection.id, fresh, since=known_since, now=now)
        return len(fresh)

    return services.database.run(step)


def _failed(services: Services, connection: Stored, failure: CallFailed) -> None:
    log.warning("poll.failed", connection=connection.id, outcome=failure.failure.value, status=failure.status)
    if failure.failure is Failure.CREDENTIALS:
        block(services, [connection.id], by="bokun", because=failure.sentence)
