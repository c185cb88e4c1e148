"""Bells of delivery: what is due is sent."""

from worker.app import bell, drain_time, ring
from worker.flow import deliver
from worker.flow.services import Services


@bell("tasks.deliver.due")
def due(services: Services) -> deliver.Delivered:
    """Drains the outbox."""
    until = drain_time(services)
    done = deliver.deliver(services, until)
    if until.over:
        ring("tasks.deliver.due")
    if done.sent:
        ring("tasks.reconcile.due")
    return done
