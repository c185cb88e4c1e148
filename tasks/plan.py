"""Bells of planning: noticed bookings are read again and decided."""

from worker.app import bell, drain_time, ring
from worker.flow import plan
from worker.flow.services import Services


@bell("tasks.plan.notices")
def notices(services: Services) -> plan.Planned:
    """Drains the inbox."""
    until = drain_time(services)
    done = plan.plan(services, until)
    if until.over:
        ring("tasks.plan.notices")
    return done


@bell("tasks.plan.booking")
def booking(services: Services, connection: str, booking: int) -> str:
    """Reads and decides one booking that a person named."""
    return plan.plan_booking(services, connection, booking, drain_time(services))
