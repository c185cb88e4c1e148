"""Brakes: past a connection's limits its deliveries are held until a person releases them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from sqlalchemy import Connection as Open

from worker.flow.services import Services
from worker.store import braking, deliveries
from worker.store.connections import Stored

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """The brakes of one connection: its own, else those of the settings; None is off."""

    per_hour: int | None
    amount: Decimal | None
    age_days: int | None


def limits(services: Services, connection: Stored) -> Limits:
    """The brakes that are in force for a connection."""
    terms = services.terms
    return Limits(
        connection.brake_per_hour or terms.brake_per_hour,
        Decimal(connection.brake_amount) if connection.brake_amount else terms.brake_amount,
        connection.brake_age_days or terms.brake_age_days,
    )


def brake(services: Services, open_: Open, connection: Stored, most: int, now: datetime) -> tuple[int, bool]:
    """Holds what a brake catches; returns how many deliveries may be claimed now, and whether only released ones."""
    set_ = limits(services, connection)
    per_hour, amount, days = set_.per_hour, set_.amount, set_.age_days
    if amount is not None:
        caught = braking.above(open_, connection.id, amount, now)
        _hold(open_, connection, caught, f"the amount brake of {amount} was reached", now)
    if days is not None:
        caught = braking.booked_before(open_, connection.id, now - timedelta(days=days), now)
        _hold(open_, connection, caught, f"the booking is older than the age brake of {days} days", now)
    if per_hour is None:
        return most, False
    left = max(0, per_hour - braking.sent_since(open_, connection.id, now - timedelta(hours=1)))
    if left == 0:
        caught = braking.due(open_, connection.id, now)
        _hold(open_, connection, caught, f"the brake of {per_hour} documents an hour was reached", now)
        return most, True
    return min(most, left), False


def _hold(open_: Open, connection: Stored, ids: list[int], because: str, now: datetime) -> None:
    if ids:
        deliveries.withhold(open_, ids, because=because, now=now)
        log.error("delivery.held", connection=connection.id, count=len(ids), reason="brake")
