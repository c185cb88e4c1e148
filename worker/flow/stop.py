"""The global stop: nothing more is sent, nothing is lost; what is on the wire just now ends by itself."""

from __future__ import annotations

import structlog

from worker.flow.services import Services
from worker.store import stopping

log = structlog.get_logger()
GO = "bokun-sync go"


def stop(services: Services, *, because: str) -> bool:
    """Holds all sends from the next claim on; False where they were held before."""
    now = services.clock()
    fresh = services.database.run(lambda open_: stopping.put(open_, because=because, now=now))
    if fresh:
        log.error("everything.stopped")
    return fresh


def go(services: Services) -> bool:
    """Lets everything go on; False where nothing was stopped."""
    lifted = services.database.run(stopping.lift)
    if lifted:
        log.warning("everything.resumed")
        services.ring("tasks.deliver.due")
    return lifted


def sentence(services: Services) -> str | None:
    """Why nothing is sent, with the command that ends it; None while nothing is stopped."""
    with services.database.reading() as open_:
        row = stopping.get(open_)
    return None if row is None else f"everything is stopped since {row.since:%Y-%m-%d %H:%M} UTC ({row.because}): {GO}"
