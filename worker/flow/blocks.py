"""Refused credentials block a connection once, with one alert; working ones lift the block."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from worker.flow import alerts
from worker.flow.services import Services
from worker.store import connections

log = structlog.get_logger()


def block(services: Services, ids: Sequence[str], *, by: str, because: str) -> None:
    """Blocks these connections; only those that were not blocked before are news."""
    now = services.clock()
    fresh = services.database.run(lambda open_: connections.block(open_, ids, by=by, because=because, now=now))
    if fresh:
        log.error("connection.blocked", connection=list(ids), remote=by)
        for id_ in ids:
            said = f"connection {id_} is blocked, because {_WORDS[by]}: bokun-sync doctor"
            alerts.begin(services, f"blocked:{id_}", said, news=by)


_WORDS = {
    connections.BOKUN: "Bokun refuses the keys",
    connections.SPACE_INVOICES: "Space Invoices refuses the token",
    connections.ORDERS: "Space Invoices refuses the token for orders",
}


def unblock(services: Services, ids: Sequence[str], *, by: str) -> None:
    """Lifts the blocks that this remote caused; what is planned goes on by itself."""
    if services.database.run(lambda open_: connections.unblock(open_, ids, by=by)):
        log.warning("connection.unblocked", connection=list(ids), remote=by)
        alerts.over(services, [f"blocked:{id_}" for id_ in ids])
        services.ring("tasks.deliver.due")
