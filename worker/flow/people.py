"""What a person decides about a delivery: send it after all, or call it dealt with."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection as Open

from worker.domain.delivery import Event
from worker.flow.services import Services
from worker.store import deliveries, notices

log = structlog.get_logger()


def decide_by_hand(services: Services, delivery: int, event: Event, *, because: str) -> bool:
    """Released or settled, with the reason kept in the ledger; False where it is not held (any more)."""
    now = services.clock()

    def step(open_: Open) -> bool:
        done = deliveries.by_person(open_, delivery, event, because=because, now=now)
        if done:
            deliveries.keep_verdict(open_, delivery, event, because=because, now=now)
            if event is Event.SETTLED:
                notices.note(open_, "person", deliveries.places(open_, [delivery]), now)
        return done

    done = services.database.run(step)
    if done:
        log.warning("delivery.by-person", delivery=delivery, outcome=event.value)
        services.ring("tasks.deliver.due" if event is Event.RELEASED else "tasks.plan.notices")
    return done
