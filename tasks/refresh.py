"""Bells of the refresh: flags as Space Invoices shows them now."""

from worker.app import bell
from worker.flow.refresh import Refreshed, refresh
from worker.flow.services import Services


@bell("tasks.refresh.connections")
def connections(services: Services) -> Refreshed:
    """Mirrors all connections."""
    return refresh(services)
