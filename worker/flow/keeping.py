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
    """How many bookings' payloads, deliveries' marks and recipients' names were dropped."""

    payloads: int = 0
    marks: int = 0
    names: int = 0
    """Facts of bookings and decisions whose recipient is no longer named."""


def keep(services: Services) -> Kept:
    """Drops what is older than KEEP_CONTENT_DAYS; without that setting everything is kept.

    Nothing that a delivery on its way, or a held one, may still need is touched; a booking is read again before it is
    decided again, so a dropped payload is never missed.
    """
    days = services.terms.keep_content_days
    if days is None:
        return Kept()
    before = services.clock() - timedelta(days=days)
    payloads = services.database.run(lambda open_: keeping.drop_payloads(open_, before), whole=True)
    marks = services.database.run(lambda open_: keeping.drop_marks(open_, before), whole=True)
    names = 0
    while some := services.database.run(lambda open_: keeping.drop_names(open_, before), whole=True):
        names += some
    if payloads or marks or names:
        log.info("content.dropped", count=payloads + marks + names)
    return Kept(payloads, marks, names)
