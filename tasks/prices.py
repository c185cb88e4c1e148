"""Bells of prices: Bokun's price lists are brought to Space Invoices."""

from worker.app import bell, ring
from worker.flow import prices
from worker.flow.services import Services, Until

LIMIT = 500
"""Seconds: Bokun's rate limit alone makes a thousand price lists take minutes. Below the visibility timeout."""
WORK = 420.0
"""Seconds in which new calls are begun; what is left then is due at once, and the next bell goes on."""


@bell("tasks.prices.sync")
def sync(services: Services) -> str:
    """Rings one bell per connection whose prices are due, new or once more."""
    due = prices.due(services)
    for connection in due:
        ring("tasks.prices.connection", connection)
    return f"{len(due)} connections"


@bell("tasks.prices.connection", limit=LIMIT)
def one(services: Services, connection: str) -> prices.Synced | str:
    """Syncs one connection."""
    return prices.sync(services, connection, Until.seconds(services, WORK))
