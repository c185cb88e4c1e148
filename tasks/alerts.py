"""Bells of alerts: what is new is told."""

from worker.app import bell
from worker.flow import alerts
from worker.flow.services import Services


@bell(alerts.WATCH)
def watch(services: Services) -> str:
    """Looks for what stands still, and tells what is new."""
    return alerts.watch(services)
