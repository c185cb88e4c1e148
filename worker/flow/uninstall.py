"""The app was uninstalled in Bokun: the connections it concerns stop, without losing anything, and somebody hears of it."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection as Open

from worker.flow.services import Services
from worker.store import connections, hearings
from worker.store.tables import Connection

log = structlog.get_logger()


def uninstalled(services: Services, vendor: str) -> list[str]:
    """Pauses the vendor's connections; one alert, and none for a repeated webhook.

    Which they are, the bookings tell that webhooks announced for this vendor; while none is known, it is all of them:
    a pause loses nothing.
    """

    def step(open_: Open) -> list[str]:
        now = services.clock()
        working = connections.load(open_, Connection.gone_at.is_(None), Connection.paused_at.is_(None))  # type: ignore[union-attr]
        known = hearings.of_vendor(open_, vendor)
        concerned = [str(each.id) for each in working if each.id in known or not known]
        for connection in concerned:
            connections.change(open_, connection, paused_at=now)
        return concerned

    paused = services.database.run(step)
    if paused:
        log.error("app.uninstalled", connection=paused, paused=len(paused))
    return paused
