"""Bells of the poll: what Bokun shows as modified."""

from worker.app import bell, ring
from worker.flow import poll
from worker.flow.services import Services


@bell("tasks.poll.connections")
def connections(services: Services) -> str:
    """Rings one bell per connection, so that a slow one does not delay the others."""
    due = poll.due(services)
    for connection in due:
        ring("tasks.poll.connection", connection)
    return f"{len(due)} connections"


@bell("tasks.poll.connection")
def one(services: Services, connection: str) -> poll.Polled:
    """Polls one connection."""
    return poll.poll_one(services, connection)
