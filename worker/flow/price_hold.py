"""The right to change a connection's price lists: one sync at a time, and nothing begun after it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any, TypeVar

import structlog

from worker.calls.sending import CallFailed, Failure
from worker.flow.blocks import block
from worker.flow.services import Services, Until
from worker.store import prices as store
from worker.store.connections import Stored

log = structlog.get_logger()
A = TypeVar("A")
B = TypeVar("B")


class PricesFailed(Exception):
    """A sync that stopped; what it did stays done, and the next one goes on from there."""

    def __init__(self, sentence: str, *, asked: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.asked = asked


class PricesBusy(PricesFailed):
    """Another sync of this connection is under way."""


@dataclass(frozen=True)
class Holding:
    """The right to change one connection's price lists, for as long as it is kept."""

    services: Services
    connection: Stored
    token: str
    until: Until | None = None
    kept: list[float] = field(default_factory=list)
    """When it was last kept, by the monotonic clock."""
    notes: dict[str, Any] = field(default_factory=dict)

    def keep(self) -> None:
        """Prolongs the lease now and then; PricesBusy where it was lost."""
        now = self.services.monotonic()
        lease = self.services.terms.lease
        if self.kept and now - self.kept[-1] < lease.total_seconds() / 4:
            return
        at = self.services.clock()
        mine = (self.connection.id, self.token, at)
        if not self.services.database.run(lambda open_: store.keep(open_, *mine, lease=lease)):
            raise PricesBusy("another sync of this connection took over")
        self.kept[:] = [now]

    def note(self, **values: Any) -> None:
        """What to write down when it is let go."""
        self.notes.update(values)


@contextmanager
def hold(services: Services, connection: Stored) -> Iterator[Holding]:
    """Holds a connection's price lists; what was cut in the middle may still be on the wire, so its lease runs out."""
    token, lease = services.token(), services.terms.lease
    now = services.clock()
    if not services.database.run(lambda open_: store.take(open_, connection.id, token, now, lease=lease)):
        raise PricesBusy("another sync of this connection is under way")
    holding = Holding(services, connection, token)
    try:
        yield holding
    except PricesFailed:
        _let_go(holding)
        raise
    _let_go(holding)


def _let_go(holding: Holding) -> None:
    at = (holding.connection.id, holding.token)
    holding.services.database.run(lambda open_: store.leave(open_, *at, **holding.notes))


@contextmanager
def asking(services: Services, connection: Stored, by: str) -> Iterator[None]:
    """Talks with one remote: its refusal of our credentials blocks the connection, any failure ends the sync."""
    try:
        yield
    except CallFailed as failure:
        status, outcome = failure.status, failure.failure.value
        log.warning("prices.failed", connection=connection.id, remote=by, outcome=outcome, status=status)
        if failure.failure is Failure.CREDENTIALS:
            block(services, [connection.id], by=by, because=failure.sentence)
        raise PricesFailed(failure.sentence, asked=failure.asked) from failure


def together(services: Services, step: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """The step for each item, side by side; after a failure none begins any more, and it is raised once all have ended."""
    stop, failures = Event(), list[Exception]()

    def one(item: A) -> list[B]:
        if stop.is_set():
            return []
        try:
            return [step(item)]
        except Exception as failure:  # noqa: BLE001 - raised below, when nobody is on the wire any more
            stop.set()
            failures.append(failure)
            return []

    try:
        found = [each for ended in services.each(one, items) for each in ended]
    finally:
        stop.set()
    if failures:
        raise failures[0]
    return found
