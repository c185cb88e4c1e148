"""Deliver: claimed, looked for, sent, recorded."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from benchmarks import bookings
from benchmarks.ground import Failed, Ground, furnish, idle, publish, until
from benchmarks.standin import CONNECTION, ORGANIZATION
from worker.bokun.mapping import to_booking
from worker.bokun.reduce import reduce_booking
from worker.calls import json
from worker.domain.decision import Policy, Tell, Told
from worker.flow.judge import in_words, judge
from worker.flow.services import Services
from worker.store import bookings as stored_bookings
from worker.store import connections
from worker.store.bookings import Judged
from worker.store.statements import table
from worker.store.tables import Booking, Delivery


def plant(
    at: Services, ids: Sequence[int], *, connection: str = CONNECTION, size: int = bookings.SIZE, state: str = "planned"
) -> None:
    """Planned deliveries of these bookings, each as reading and deciding leaves it, due a millisecond after another."""
    now = at.clock()
    template = bookings.Template(size)
    payload = json.loads(template.detail(str(ids[0]).encode()))
    booking = to_booking(payload, bank_payment_types=frozenset())
    with at.database.reading() as open_:
        stored = connections.get(open_, connection)
    assert stored is not None
    policy = Policy()
    decision = judge(stored, booking, Told(), policy, now)
    assert isinstance(decision, Tell)
    verdict = Judged(
        connection,
        ORGANIZATION,
        booking,
        json.dumps(reduce_booking(payload)),
        stored.flags,
        Told(),
        policy,
        decision,
        now,
    )
    row, words = stored_bookings._row(verdict), in_words(verdict, decision)
    delivery = {"organization": ORGANIZATION, "connection_id": connection, "moment": decision.moment.value,
                "document": decision.document.value, "change": "", "expects_invoice": True, "rule": decision.rule,
                "state": state, "planned_at": now, "due_at": now, "attempts": 0, "failures": 0, "taken": 0, "risks": 0,
                "look_at": now, "looks": 0, "empty_looks": 0, "released": False, **words}  # fmt: skip
    old = str(ids[0])
    for start in range(0, len(ids), 5000):
        some = ids[start : start + 5000]
        with at.database.transaction() as open_:
            open_.execute(insert(table(Booking)), [_renamed(row, old, each) for each in some])
            first = now - timedelta(milliseconds=len(ids) - start)
            open_.execute(insert(table(Delivery)), [
                _planned(delivery, old, each, first + timedelta(milliseconds=place)) for place, each in enumerate(some)
            ])  # fmt: skip


def _renamed(row: Mapping[str, Any], old: str, id_: int) -> dict[str, Any]:
    new = str(id_)
    return {**row, "booking_id": id_, "confirmation_code": f"BNCH-{id_}",
            "content": row["content"].replace(old, new), "facts": row["facts"].replace(old, new)}  # fmt: skip


def _planned(row: Mapping[str, Any], old: str, id_: int, due_at: datetime) -> dict[str, Any]:
    return {**row, "booking_id": id_, "key": f"{id_:032x}", "mark": row["mark"].replace(old, str(id_)),
            "due_at": due_at}  # fmt: skip


def count(at: Services, *states: str) -> int:
    d = table(Delivery).c
    with at.database.reading() as open_:
        return open_.execute(select(func.count()).select_from(table(Delivery)).where(d.state.in_(states))).scalar_one()


@contextmanager
def watching(at: Services) -> Iterator[Callable[..., int]]:
    """Counts like `count`, by the bare driver: whoever asks all the time takes the processor from what it watches."""
    url = at.database.engine.url
    if at.database.is_sqlite:
        with sqlite3.connect(str(url.database)) as plain:
            yield lambda *states: int(plain.execute(_counted(states)).fetchone()[0])
        plain.close()
        return
    with bare_connection(at) as asked:
        yield lambda *states: int(asked.execute(_counted(states)).fetchone()[0])


def bare_connection(at: Services) -> Any:
    """PostgreSQL by its bare driver, each statement a transaction of its own."""
    import psycopg

    url = at.database.engine.url.set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def _counted(states: Sequence[str]) -> str:
    return f"SELECT count(*) FROM delivery WHERE state IN ({', '.join(repr(state) for state in states)})"


def deliver(
    at: Ground, number: int, *, latency: float, in_flight: int = 32, size: int = bookings.SIZE
) -> dict[str, float]:
    """Bookings a second and processor milliseconds a booking of one drain by two children."""
    remote = at.remote(latency=latency)
    environment = at.surroundings(remote, at.database(), IN_FLIGHT=str(in_flight), RECONCILE_EVERY="3600")
    mine = furnish(environment)
    worker = at.worker(environment)
    warm = range(bookings.FIRST, bookings.FIRST + 200)
    plant(mine, warm, size=size)
    _drained(environment, mine)
    idle(worker)
    ids = range(bookings.FIRST + 1000, bookings.FIRST + 1000 + number)
    plant(mine, ids, size=size)
    checkpoint(mine)
    remote.forget()
    before = worker.cpu
    begun = time.monotonic()
    ended = _drained(environment, mine)
    idle(worker)
    used = worker.cpu - before
    facts = remote.facts()
    if facts["orders"] != number or facts["twice"]:
        raise Failed(f"{facts['orders']} of {number} bookings arrived, {facts['twice']} more than once")
    mine.close()
    at.stop(worker, remote.running)
    return {"rate": number / (ended - begun), "cpu": used / number * 1000, "seconds": ended - begun,
            "calls": sum(facts["calls"].values()) / number}  # fmt: skip


def checkpoint(at: Services) -> None:
    """Planting is not part of what is measured: its log and its statistics are put away first."""
    if at.database.is_sqlite:
        with sqlite3.connect(str(at.database.engine.url.database)) as open_:
            open_.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        open_.close()
        return
    with bare_connection(at) as open_:
        open_.execute("VACUUM ANALYZE")
        open_.execute("CHECKPOINT")


def _drained(environment: Mapping[str, str], at: Services) -> float:
    with watching(at) as count:
        publish(environment, [("tasks.deliver.due",)])
        return until(lambda: not count("planned", "sending"), "the drain", every=0.02)
