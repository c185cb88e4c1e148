"""Webhooks look broken where polls find changes that none announced; poll is the truth, so nothing else stops."""

from __future__ import annotations

from datetime import timedelta

import structlog

from worker.flow import alerts
from worker.flow.services import Services
from worker.store import hearings

log = structlog.get_logger()
GRACE = timedelta(minutes=2)
"""A poll may overtake a webhook by so much."""
SILENT_AFTER = 3
"""So many unannounced changes in a row: Bokun loses about 2 of 100 webhooks by itself (bokun.md 4.1)."""
REMEMBERED = timedelta(days=8)


def check(services: Services, connection: str) -> bool:
    """Whether this connection's webhooks look broken; says so once, and once when they come again."""
    now = services.clock()
    with services.database.reading() as open_:
        known = connection in hearings.last_heard(open_) or services.terms.expects_webhooks
        missed = hearings.unannounced(open_, connection, until=now - GRACE) if known else 0
        was = connection in hearings.silent(open_)
    broken = missed >= SILENT_AFTER
    if broken or was:
        _tell(services, connection, missed, broken=broken)
    services.database.run(lambda open_: hearings.forget(open_, connection, before=now - REMEMBERED))
    return broken


def _tell(services: Services, connection: str, missed: int, *, broken: bool) -> None:
    now = services.clock()
    if broken:
        if services.database.run(lambda open_: hearings.fall_silent(open_, connection, missed, now)):
            log.error("webhooks.silent", connection=connection, count=missed)
            said = f"connection {connection}: {missed} changes in a row came without a webhook: bokun-sync doctor"
            alerts.begin(services, f"silent:{connection}", said)
    elif services.database.run(lambda open_: hearings.speak_again(open_, connection)):
        log.warning("webhooks.heard", connection=connection)
        alerts.over(services, [f"silent:{connection}"])
