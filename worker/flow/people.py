"""What a person decides about deliveries: send them after all, or call them dealt with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.domain.delivery import Event
from worker.flow.services import Services
from worker.store import asks, bookings, deliveries, notices

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries a person means: by id, or all that fit."""

    ids: tuple[int, ...] = ()
    state: str | None = None
    connection: str | None = None
    reason: str | None = None
    """Part of the reason, in any case of letters."""
    since: datetime | None = None
    """Planned at this time or later."""


def choose(services: Services, wanted: Wanted) -> list[Row[Any]]:
    """The deliveries that fit, oldest first."""
    with services.database.reading() as open_:
        rows = deliveries.fitting(
            open_, ids=wanted.ids, state=wanted.state, connection=wanted.connection, since=wanted.since
        )
    words = (wanted.reason or "").lower()
    return [row for row in rows if words in (row.reason or "").lower()]


def sums(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    """Counts and sums by connection, document and currency."""
    found: dict[tuple[str, str, str], list[Decimal]] = {}
    for row in rows:
        found.setdefault((row.connection_id, row.document, row.currency), []).append(Decimal(row.amount))
    return [
        {"connection": key[0], "document": key[1], "currency": key[2], "count": len(of), "amount": str(sum(of))}
        for key, of in sorted(found.items())
    ]


def answer(services: Services, word: str, *, because: str) -> list[Row[Any]]:
    """Marks what a booking (id or code) asks for as dealt with, until anything about it changes; returns what asked."""
    now = services.clock()

    def step(open_: Open) -> list[Row[Any]]:
        asking = [row for row in bookings.find(open_, word) if row.decision == "ask"]
        for row in asking:
            asks.answer(open_, row, because=because, now=now)
        return asking

    done = services.database.run(step)
    if done:
        log.warning("booking.by-person", booking=[row.booking_id for row in done], outcome="settled")
    return done


def decide_all(services: Services, ids: Sequence[int], event: Event, *, because: str) -> list[int]:
    """Released or settled, all in one transaction, with the reason kept in the ledger; returns those that were held."""
    now = services.clock()

    def step(open_: Open) -> list[int]:
        done = [each for each in ids if deliveries.by_person(open_, each, event, because=because, now=now)]
        for each in done:
            deliveries.keep_verdict(open_, each, event, because=because, now=now)
        if event is Event.SETTLED and done:
            notices.note(open_, "person", deliveries.places(open_, done), now)
        return done

    done = services.database.run(step)
    if done:
        log.warning("delivery.by-person", delivery=done, outcome=event.value)
        services.ring("tasks.deliver.due" if event is Event.RELEASED else "tasks.plan.notices")
    return done
