"""Which bell rings how often."""

from __future__ import annotations

from typing import Any

from config.settings import Settings


def beat_schedule(settings: Settings) -> dict[str, Any]:
    """Each bell says "look at everything due", so a missed, late or doubled one is harmless; it expires with its period."""
    periods = {
        "tasks.refresh.connections": settings.refresh_every,
        "tasks.poll.connections": settings.poll_every,
        "tasks.poll.rescan": settings.rescan_every,
        "tasks.plan.notices": settings.deliver_every,
        "tasks.deliver.due": settings.deliver_every,
        "tasks.reconcile.due": settings.reconcile_every,
        "tasks.imports.due": settings.reconcile_every,
        "tasks.audit.watch": 60.0,
    }
    if settings.prices_sync_every is not None:  # a look for what is due: the period itself is kept in the database
        periods["tasks.prices.sync"] = min(settings.prices_sync_every, 60.0)
    if settings.keep_content_days is not None:
        periods["tasks.audit.keep"] = 86400
    # Looks for what is due, like the prices: the last audit and the last digest are kept in the database.
    if settings.audit_every:
        periods["tasks.audit.daily"] = min(settings.audit_every, 3600.0)
    if settings.digest_every:
        periods["tasks.audit.digest"] = min(settings.digest_every, 3600.0)
    return {
        name: {"task": name, "schedule": every, "options": {"expires": max(every, 1.0)}}
        for name, every in periods.items()
    }
