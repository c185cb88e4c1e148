"""The collaborators of one process and the terms it works under; built by worker.wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from worker.calls.sending import Remote
from worker.calls.tracing import Trace, untraced
from worker.domain.decision import Policy
from worker.domain.proof import AbsenceRule
from worker.store.connections import Stored
from worker.store.database import Database

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Terms:
    """The numbers of the settings that the flow works with."""

    organizations: tuple[str, ...]
    bank_payment_types: frozenset[str]
    policy: Policy
    overlap: timedelta
    send_guard: float
    lease: timedelta
    absence: AbsenceRule
    max_attempts: int
    in_flight: int
    brake_per_hour: int | None = None
    brake_amount: Decimal | None = None
    brake_age_days: int | None = None
    expects_webhooks: bool = False
    prices_every: timedelta | None = None
    prices_currencies: tuple[str, ...] = ("EUR",)
    keep_content_days: int | None = None
    audit_every: timedelta | None = None
    audit_span: timedelta = timedelta(days=400)
    digest_every: timedelta | None = None
    bells: Mapping[str, timedelta] = field(default_factory=dict)
    """The bells that beat rings, each with the time after which it counts as not heard."""


PACE_LASTS = 2.0
"""Seconds."""


@dataclass
class Pace:
    """How many deliveries the last drain of this process may have had under way, and until when that counts: a remote
    that took calls a moment ago need not be felt for again."""

    load: int = 0
    until: float = 0.0

    def leave(self, load: int, now: float) -> None:
        """A drain is over; `load` is none where the remote took no calls at its end."""
        self.load, self.until = load, now + PACE_LASTS

    def goes_on(self, now: float) -> int:
        """So many may be under way from the beginning of the next one, or none."""
        return self.load if now < self.until else 0


@dataclass(frozen=True)
class Services:
    """What every step is given; nothing in the flow reaches for anything else."""

    terms: Terms
    database: Database
    space_invoices: Remote
    bokun: Callable[[Stored], Remote]
    """The remote that speaks for a connection's own Bokun account."""
    account: Callable[[Stored], str]
    """A name for that account, the same for connections that share it; never the key itself."""
    pool: Executor
    aside: Executor
    """A thread beside those of the pool, for what waits for them."""
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    chance: Callable[[], float]
    token: Callable[[], str]
    ring: Callable[[str], None]
    """Rings a bell by its task's name, after the commit; a bell that cannot be rung is dropped."""
    flush: Callable[[], None] = lambda: None
    """Adds the calls that were counted to the sums in the database; at the end of a bell."""
    steady: Callable[[timedelta], bool] = lambda _: True
    """Whether this process saw the clock run evenly for so long: else nothing is proven by the time that passed."""
    tell: Callable[[Mapping[str, Any]], bool] = lambda _: True
    """Tells people by the ways of the settings; whether each of them took it."""
    trace: Trace = untraced
    """Opens a span in the trace of a booking."""
    pace: Pace = field(default_factory=Pace)

    def each(self, step: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """The step for each item, side by side on the threads, results in order; the thread knows the context.

        A single one is taken here: handing it over and back costs more than what many calls do.
        """
        whole = list(items)
        if len(whole) == 1:
            return iter([copy_context().run(step, whole[0])])
        futures = [self.pool.submit(copy_context().run, step, item) for item in whole]
        return (future.result() for future in futures)

    def turned(self, items: list[A]) -> list[A]:
        """The items from a place that chance chooses: nobody is always first."""
        first = int(self.chance() * len(items))
        return items[first:] + items[:first]

    def close(self) -> None:
        """Ends the threads and closes the connections, to the remotes and to the database."""
        self.aside.shutdown()
        self.pool.shutdown()
        self.space_invoices.wire.close()
        self.database.close()


@dataclass(frozen=True, slots=True)
class Until:
    """How long a step may go on before it leaves the rest to the next bell."""

    monotonic: Callable[[], float]
    at: float

    @classmethod
    def seconds(cls, services: Services, seconds: float) -> Until:
        return cls(services.monotonic, services.monotonic() + seconds)

    @property
    def over(self) -> bool:
        return self.monotonic() >= self.at
