"""Bells of reconciling: what was sent is proven."""

from worker.app import bell, drain_time
from worker.flow.reconcile import Reconciled, reconcile
from worker.flow.services import Services


@bell("tasks.reconcile.due")
def due(services: Services) -> Reconciled:
    """Looks for what is accepted or unknown."""
    return reconcile(services, drain_time(services))
