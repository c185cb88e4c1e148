"""The app was uninstalled in Bokun: the connections it concerns stop, without losing anything, and somebody hears of it."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection as Open

from worker.flow.services import Services
from worker.store import connections
from worker.store.tables import Connection

log = structlog.get_logger()


def uninstalled(services: Services) -> list[str]:
    """Pauses every connection that works; one alert, and none for a repeated webhook."""

    def step(open_: Open) -> list[str]:
        now = services.clock()
        working = connections.load(open_, Connection.gone_at.is_(None), Connection.paused_at.is_(None))  # type: ignore[union-attr]
        for each in working:
            connections.change(open_, each.id, paused_at=now)
        return [str(each.id) for each in working]

    paused = services.database.run(step)
    if paused:
        log.error("app.uninstalled", connection=paused, paused=len(paused))
    return paused
