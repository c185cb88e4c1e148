"""Mirrors the connections and their flags from Space Invoices; a change decides waiting bookings again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection as Open

from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Failure
from worker.flow.blocks import block, unblock
from worker.flow.services import Services
from worker.spaceinvoices.connections import Shown, find_connections, shown
from worker.spaceinvoices.loopback import pages, text
from worker.store import connections, deliveries, notices
from worker.store.tables import Connection

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many connections are mirrored, how many changed, and which organizations did not answer."""

    connections: int
    changed: int
    failed: tuple[str, ...]


def refresh(services: Services) -> Refreshed:
    """Every organization by itself: one that fails does not hold up the others."""
    seen = changed = 0
    failed = []
    for organization in services.terms.organizations:
        try:
            found, strange = _fetch(services, organization)
        except CallFailed as failure:
            failed.append(f"{organization}: {failure.sentence}")
            _failed(services, organization, failure)
            continue
        changed += _store(services, organization, found, strange)
        seen += len(found)
    return Refreshed(seen, changed, tuple(failed))


def _fetch(services: Services, organization: str) -> tuple[list[Shown], set[str]]:
    """The connections, and the ids of those whose flags cannot be read: these stay as they were mirrored last."""
    found: list[Shown] = []
    strange: set[str] = set()
    for record in pages(lambda skip: find_connections(organization, skip=skip), services.space_invoices.fetch):
        try:
            found.append(shown(record))
        except UnexpectedShape as wrong:
            log.warning("connection.unreadable", organization=organization, because=str(wrong))
            strange.add(text(record, "id") or "")
    return found, strange


def _store(services: Services, organization: str, found: list[Shown], strange: set[str]) -> int:
    now = services.clock()
    mirrored = [connections.Mirrored(each.id, organization, each.name, each.flags, each.record) for each in found]
    with services.database.transaction() as open_:
        changes = connections.mirror(open_, organization, mirrored, now, kept=strange)
        again = notices.undecided(open_, changes.changed, now) if changes.changed else 0
        held = _hold_missing(open_, changes.missing, now)
    if changes.changed or held:
        log.info("connection.changed", organization=organization, connection=changes.changed, notices=again, held=held)
        services.ring("tasks.plan.notices")
        services.ring("tasks.poll.connections")  # a new connection does not wait for beat
    unblock(services, [each.id for each in found], by=connections.SPACE_INVOICES)
    return len(changes.changed)


def _hold_missing(open_: Open, missing: list[str], now: datetime) -> int:
    """What is planned for a connection that two refreshes in a row did not show is held: it cannot be sent any more."""
    if not missing:
        return 0
    notices.drop(open_, missing)
    planned = deliveries.planned(open_, missing)
    return deliveries.withhold(open_, planned, because="the connection is gone from Space Invoices", now=now)


def _failed(services: Services, organization: str, failure: CallFailed) -> None:
    log.warning("refresh.failed", organization=organization, outcome=failure.failure.value, status=failure.status)
    if failure.failure is not Failure.CREDENTIALS:
        return
    with services.database.reading() as open_:
        mine = [each.id for each in connections.load(open_, Connection.organization == organization)]
    block(services, mine, by=connections.SPACE_INVOICES, because=failure.sentence)
