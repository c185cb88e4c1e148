"""Bells of proof and order: the books compared, people told, and what nothing needs any more dropped."""

from worker.app import bell
from worker.flow import alerts, keeping
from worker.flow import audit as books
from worker.flow.services import Services

LIMIT = 560
"""Seconds: Bokun's rate limit alone makes tens of thousands of bookings take minutes. Below the visibility timeout."""


@bell("tasks.audit.daily", limit=LIMIT)
def daily(services: Services) -> str:
    """Audits, if that is due."""
    return books.daily(services)


@bell("tasks.audit.digest")
def digest(services: Services) -> str:
    """Tells what needs a person, if that is due."""
    return alerts.digest(services)


@bell(alerts.WATCH)
def watch(services: Services) -> str:
    """Looks for what stands still, and tells what is new."""
    return alerts.watch(services)


@bell("tasks.alerts.watch")
def watch_by_its_old_name(services: Services) -> str:
    """What 0.1.0 rings: understood while its beat may still run."""
    return alerts.watch(services)


@bell("tasks.audit.keep", limit=500)
def keep(services: Services) -> keeping.Kept:
    """Drops payloads, marks and names that are older than KEEP_CONTENT_DAYS."""
    return keeping.keep(services)
