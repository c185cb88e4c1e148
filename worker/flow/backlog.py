"""What has piled up for a connection while it stood still."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from worker.flow.people import sums
from worker.flow.services import Services
from worker.store import deliveries, notices

AGES = (("under an hour", timedelta(hours=1)), ("under a day", timedelta(days=1)), ("under a week", timedelta(days=7)))
OLDER = "a week or more"


def backlog(services: Services, connection: str) -> dict[str, Any]:
    """Bookings to read again and deliveries to send, by age, with the sums of what is planned."""
    now = services.clock()
    with services.database.reading() as open_:
        noticed = notices.since(open_, connection)
        planned = deliveries.fitting(open_, state="planned", connection=connection)
    return {
        "connection": connection,
        "notices": len(noticed),
        "notices_by_age": _ages(noticed, now),
        "planned": len(planned),
        "planned_by_age": _ages((row.planned_at for row in planned), now),
        "sums": sums(planned),
    }


def _ages(times: Iterable[datetime], now: datetime) -> dict[str, int]:
    found = {name: 0 for name, _ in AGES} | {OLDER: 0}
    for at in times:
        found[next((name for name, most in AGES if now - at < most), OLDER)] += 1
    return found
