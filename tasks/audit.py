"""Bells of proof: the three books compared, and what needs a person."""

from worker.app import bell
from worker.flow import alerts
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
