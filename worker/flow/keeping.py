"""Keeping: what only a document needed is dropped some days after it; decisions and attempts stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from worker.flow.services import Services
from worker.store import keeping

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """How many bookings' payloads and deliveries' marks were dropped."""

    payloads: int = 0
    marks: int = 0


def keep(services: Services) -> Kept:
    """Drops what is older than KEEP_CONTENT_DAYS; without that setting everything is kept.

    Nothing that a delivery on its way, or a held one, may still need is touched; a booking is read again before it is
    decided again, so a dropped payload is never missed.
    """
    days = services.terms.keep_content_days
    if days is None:
        return Kept()
    before = services.clock() - timedelta(days=days)
    payloads = services.database.run(lambda open_: keeping.drop_payloads(open_, before))
    marks = services.database.run(lambda open_: keeping.drop_marks(open_, before))
    if payloads or marks:
        log.info("content.dropped", count=payloads + marks)
    return Kept(payloads, marks)
