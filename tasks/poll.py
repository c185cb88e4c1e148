"""Bells of the poll: what Bokun shows as modified."""

from worker.app import bell, drain_time, ring
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
    """Polls one connection; a long window is left to the next bell, so that no worker is held up by it."""
    done = poll.poll_one(services, connection, drain_time(services))
    if done.more:
        ring("tasks.poll.connection", connection)
    return done


@bell("tasks.poll.rescan")
def rescan(services: Services) -> poll.Rescanned:
    """Looks a whole day back; the polls that this bell leads to do the work."""
    return poll.rescan(services)
