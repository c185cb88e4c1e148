"""Settles what is accepted or unknown by looking at the remote's orders."""

from __future__ import annotations

from dataclasses import dataclass

from worker.flow import imports
from worker.flow.look import MOST, prove
from worker.flow.services import Services, Until
from worker.store import claims


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many deliveries were looked for, and how many ended by it."""

    looked: int
    ended: int


def reconcile(services: Services, until: Until) -> Reconciled:
    """Looks, a few hundred at a time, until nothing is due to be looked for."""
    services.database.run(lambda open_: claims.expire(open_, services.clock()), durable=False)
    imports.expire(services)
    looked = ended = 0
    while not until.over:
        seen, settled = prove(services)
        looked, ended = looked + seen, ended + settled
        if seen < MOST:
            break
    if ended:
        services.ring("tasks.plan.notices")  # what was proven absent is decided anew
    return Reconciled(looked, ended)
