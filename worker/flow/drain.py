"""The whole corridor here and now, without a broker."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.flow import imports
from worker.flow.deliver import deliver
from worker.flow.plan import plan
from worker.flow.poll import PollFailed, due, poll_one
from worker.flow.reconcile import reconcile
from worker.flow.refresh import refresh
from worker.flow.services import Services, Until


@dataclass
class Drained:
    """What one pass did, and what failed on the way."""

    polled: int = 0
    notices: int = 0
    read: int = 0
    sent: int = 0
    looked: int = 0
    failed: list[str] = field(default_factory=list)


def drain(services: Services, until: Until) -> Drained:
    """Refresh, poll, plan, deliver and reconcile, each to its end; what waits for a time is left to it."""
    done = Drained()
    done.failed += refresh(services).failed
    polled = poll_all(services, until)
    done.polled, done.notices, done.failed = polled.polled, polled.notices, done.failed + polled.failed
    done.read = plan(services, until).read
    done.sent = deliver(services, until).sent
    imports.send_due(services)
    done.looked = reconcile(services, until).looked
    services.flush()
    return done


def poll_all(services: Services, until: Until) -> Drained:
    """Every connection, one after the other; one that fails does not hold up the others."""
    done = Drained()
    for connection in due(services):
        try:
            done.notices += poll_one(services, connection, until).notices
            done.polled += 1
        except PollFailed as failure:
            done.failed.append(f"{connection}: {failure}")
    return done
