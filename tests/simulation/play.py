"""One seed, one schedule: workers, clocks, people and faults in an order that the seed alone decides."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from tests.builders import NOW, Clock, furnish, settings
from tests.simulation.baton import Inline, Worker
from tests.simulation.cuts import CutDatabase, CutWire, Remotes, Weather, emptied, in_memory
from worker import wiring
from worker.calls.sending import CallFailed
from worker.flow import deliver as delivering
from worker.flow.deliver import deliver
from worker.flow.plan import plan
from worker.flow.poll import PollFailed, due, poll_one
from worker.flow.reconcile import reconcile
from worker.flow.refresh import refresh
from worker.flow.services import Pace, Services, Terms, Until
from worker.sandbox import bookings
from worker.store import connections, tables
from worker.store.database import Database
from worker.web.inbox import Announced, store

FIRST = 9_000_001
MOST_WORKERS = 4
LONGEST_HEALING = timedelta(hours=3)
POLL_EVERY = timedelta(seconds=300)
PASSES = (0.2, 1, 4, 15, 65, 130, 400, 1000)
"""Seconds that the clock jumps: past a guard, a lease, an empty look, an absence."""


@dataclass(frozen=True)
class Weakened:
    """What a deliberately broken copy is given instead; the product has no switches for it."""

    terms: Callable[[Terms], Terms] = lambda terms: terms
    blind: bool = False
    """Looks see nothing."""
    orders: float = 0.9
    """The share of orders that go wrong."""
    slow: int = 2


@dataclass
class Ground:
    """What all seeds of one process share: threads, TLS context and compiled statements are dear."""

    built: Services = field(
        default_factory=lambda: wiring.build(settings(in_flight=4, database_url="sqlite:///:memory:"))
    )
    database: Database = field(default_factory=in_memory)

    def close(self) -> None:
        self.built.close()
        self.database.close()


class Play:
    """One seed on the stage."""

    def __init__(self, seed: int, ground: Ground, *, weakened: Weakened | None = None, cut: float = 0.015) -> None:
        weak = weakened or Weakened(orders=0.5)
        self.seed, self.random, self.clock = seed, random.Random(seed), Clock()
        self.weather = Weather(
            self.random, self.clock, orders=weak.orders, slow=weak.slow, pause=self._pause, committed=self._committed
        )
        self.remotes = Remotes(self.clock)
        self.wire = CutWire(self.remotes, self.weather, blind=weak.blind, is_stale=self._is_stale)
        self.database = emptied(ground.database)
        self.services = self._services(ground.built, weak)
        self.cut, self.current = cut, None
        self.workers: list[Worker] = []
        self.stopped: list[Worker] = []
        self.ticks = self.kills = self.steps = 0
        self.cancelled: dict[int, int] = {}
        self.healed_at = self.quiet_at = NOW

    def _services(self, built: Services, weak: Weakened) -> Services:
        made = furnish(built, self.remotes, self.database, self.clock)
        tokens = iter(range(10**9))

        def bokun(connection: Any) -> Any:
            return replace(made.bokun(connection), wire=self.wire)

        return replace(
            made,
            terms=weak.terms(replace(made.terms, in_flight=4)),
            database=CutDatabase(self.database, self.weather),
            space_invoices=replace(made.space_invoices, wire=self.wire),
            bokun=bokun,
            pool=Inline(),
            aside=Inline(),
            monotonic=self.clock.monotonic,
            chance=self.random.random,
            token=lambda: f"t{next(tokens)}",
            ring=lambda *_: None,
            pace=Pace(),
        )

    # What the product meets --------------------------------------------------------------------------------------

    def _pause(self) -> None:
        if self.current is not None:
            self.current.pause()

    def _committed(self) -> None:
        self.ticks += 1
        if self.current is not None:
            self.current.last_commit = self.ticks

    def _is_stale(self, booking: int) -> bool:
        """Whether our inbox knew that it was cancelled before this order's claim was committed."""
        known = self.cancelled.get(booking)
        return known is not None and self.current is not None and known < self.current.last_commit

    # The schedule ------------------------------------------------------------------------------------------------

    def run(self, steps: int = 350) -> Play:
        """Plays the bad weather, then the good one, until everything stands still."""
        self._furnish()
        self.weather.cut = self.cut
        moves = (
            [self._move] * 60 + [self._ring] * 8 + [self._pass] * 5 + [self._change] * 2 + [self._announce]
            + [self._kill] + [self._rest] * 2 + [self._stop]
        )  # fmt: skip
        for _ in range(steps):
            self.steps += 1
            self.random.choice(moves)()
        self.heal()
        if self.stopped:
            self.weather.tell("those that were stopped go on")
            self.workers, self.stopped = self.stopped, []
            self.heal()
        return self

    def _furnish(self) -> None:
        for number in range(self.random.choice((1, 1, 2))):
            self.remotes.connect(f"Store {number}", **self._flags())
        self.remotes.knobs.order_lag = self.random.choice((0, 0, 5, 90))
        self.remotes.knobs.document_lag = self.random.choice((0, 0, 5, 90))
        for _ in range(self.random.randint(1, 3)):
            self._book()
        for name in ("refresh", "poll", "plan")[: self.random.choice((1, 3, 3))]:
            self._bell(name)

    def _flags(self) -> dict[str, Any]:
        return {
            "issueInvoiceOnComplete": self.random.random() < 0.3,
            "issueInvoiceForBankPayment": self.random.random() < 0.3,
            "active": self.random.random() < 0.95,
        }

    def _book(self) -> None:
        id_ = FIRST + len(self.remotes.world.bookings)
        bank = self.random.random() < 0.4
        knobs: dict[str, Any] = {"paid": False, "payment_type": "BANK_TRANSFER"} if bank else {}
        self.remotes.book(bookings.own_sale(id_, self.clock(), total=f"{self.random.randint(1, 900)}.00", **knobs))
        self.weather.tell(f"booked {id_}{' by bank' if bank else ''}")

    def _move(self) -> None:
        if self.workers:
            self._let(self.random.choice(self.workers))

    def _let(self, worker: Worker) -> None:
        self.current = worker
        worker.move()
        self.current = None
        if worker.over:
            self._ended(worker)

    def _ended(self, worker: Worker) -> None:
        self.workers.remove(worker)
        failed = worker.failed
        if failed is not None:
            self.weather.tell(f"{worker.name} ended with {type(failed).__name__}")
        if isinstance(failed, AssertionError):
            raise failed

    def _ring(self) -> None:
        if len(self.workers) < MOST_WORKERS:
            name = self.random.choice(
                ["refresh", "poll", "poll", "plan", "plan", "deliver", "deliver", "deliver", "reconcile", "reconcile"]
            )
            self.workers.append(Worker(name, lambda: self._bell(name)))

    def _bell(self, name: str) -> None:
        """What the bells do, and what worker.app does about their failures: nothing, the next bell looks again."""
        until = Until(self.services.monotonic, self.services.monotonic() + 25)
        if name == "refresh":
            refresh(self.services)
        elif name == "poll":
            self._poll(until)
        elif name == "plan":
            plan(self.services, until)
        elif name == "deliver":
            deliver(self.services, until)
        else:
            reconcile(self.services, until)

    def _poll(self, until: Until) -> None:
        for connection in due(self.services):
            try:
                poll_one(self.services, connection, until)
            except (PollFailed, CallFailed):
                continue

    def _pass(self) -> None:
        self.clock.pass_by(seconds=self.random.choice(PASSES) * self.random.uniform(0.5, 1.1))
        self.wire.come()

    def _change(self) -> None:
        kind = self.random.choice(("book", "cancel", "pay", "pay", "complete", "flags", "pause", "reprice"))
        if kind == "book" and len(self.remotes.world.bookings) < 5:
            self._book()
        elif kind in ("flags", "pause"):
            self._change_connection(kind)
        elif kind != "book":
            self._change_booking(kind)

    def _change_booking(self, kind: str) -> None:
        id_ = self.random.choice([number for _, number in self.remotes.world.bookings])
        wish: dict[str, Any] = {
            "cancel": {"cancel": True},
            "pay": {"pay": True, "payment_type": "BANK_TRANSFER"},
            "complete": {"complete": True},
            "reprice": {"reprice": self.random.randint(1, 900)},
        }[kind]
        self.remotes.change(id_, **wish)
        self.weather.tell(f"changed {id_}: {kind}")
        if self.random.random() < 0.6:
            self._announced(id_)

    def _change_connection(self, kind: str) -> None:
        connection = self.random.choice(self.remotes.connections)["id"]
        if kind == "flags":
            self.remotes.flags(connection, **self._flags())
            self.weather.tell("other flags")
            return
        paused = self.clock() if self.random.random() < 0.5 else None
        with self.database.transaction() as open_:
            connections.change(open_, connection, paused_at=paused)

    def _announce(self) -> None:
        self._announced(self.random.choice([number for _, number in self.remotes.world.bookings]))

    def _announced(self, booking: int) -> None:
        """A webhook is stored."""
        with self.database.transaction() as open_:
            store(open_, [Announced(booking, None)], self.clock())
        self.ticks += 1
        if self.remotes.booking(booking)["status"] == "CANCELLED":
            self.cancelled.setdefault(booking, self.ticks)
        self.weather.tell(f"webhook {booking}")

    def _kill(self) -> None:
        if self.workers:
            worker = self.random.choice(self.workers)
            self.current = worker
            worker.kill()
            self.current = None
            self.kills += 1
            self.workers.remove(worker)
            self.weather.tell(f"{worker.name} is killed")

    def _stop(self) -> None:
        """A worker is stopped (SIGSTOP) until everything else has come to its end without it."""
        if self.workers and not self.stopped:
            self.stopped = [self.workers.pop(self.random.randrange(len(self.workers)))]
            self.weather.tell(f"{self.stopped[0].name} is stopped")

    def _rest(self) -> None:
        """All workers come to their end, as they do most of the time."""
        while self.workers:
            self._let(self.workers[0])

    # Healing -----------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """No more faults: bells ring whenever something is due, until nothing is."""
        self.weather.tell("the faults stop")
        self.weather.cut = 0
        self._rest()
        with self.database.transaction() as open_:
            for each in connections.load(open_):
                connections.change(open_, each.id, paused_at=None)
        self.healed_at = self.clock()
        quiet = 0
        asked = self.healed_at - POLL_EVERY
        while self.clock() - self.healed_at < LONGEST_HEALING:
            ask = self.clock() - asked >= POLL_EVERY
            asked = self.clock() if ask else asked
            for name in (*(("refresh", "poll") if ask else ()), "plan", "deliver", "reconcile"):
                self._bell(name)
            quiet = quiet + 1 if self.is_quiet() else 0
            if (
                quiet == 3 and ask
            ):  # two sweeps of POLL_EVERY later still: a poll whose worker died goes on after its lease
                break
            self.clock.now = self._next()
            self.wire.come()
        self.quiet_at = self.clock()

    def is_quiet(self) -> bool:
        """Nothing unread, nothing in flight, nothing that comes late."""
        d, n = tables.Delivery.__table__, tables.Notice.__table__
        flying = select(func.count()).where(d.c.state.in_(["planned", "sending", "accepted", "unknown"]))
        with self.database.reading() as open_:
            unread = open_.execute(select(func.count()).select_from(n)).scalar_one()
            return not unread and not open_.execute(flying).scalar_one() and not self.wire.late

    def _next(self) -> datetime:
        """When something is due, five minutes from now at the latest (POLL_EVERY)."""
        d, n = tables.Delivery.__table__.c, tables.Notice.__table__.c
        now = self.clock()
        times = [
            select(func.min(n.due_at)).where(n.due_at > now),
            select(func.min(d.due_at)).where(d.state == "planned", d.due_at > now),
            select(func.min(d.look_at)).where(d.state.in_(["planned", "accepted", "unknown"]), d.look_at > now),
            select(func.min(d.lease_until)).where(d.state == "sending", d.lease_until > now),
        ]
        with self.database.reading() as open_:
            found = [open_.execute(each).scalar() for each in times]
        found += [at for at, _ in self.wire.late]
        soonest = min([each for each in found if each is not None], default=now + POLL_EVERY)
        return max(now + timedelta(seconds=1), min(soonest, now + POLL_EVERY))


def quickly() -> None:
    """An answer that has not come when the baton is back will not come: no group waits for it."""
    delivering.GROUP_WAIT = 0.0
