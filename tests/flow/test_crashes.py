"""A process that dies at any step of the corridor: the next ones issue exactly one document per booking."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import pytest

from tests.builders import OneByOne
from worker.sandbox import bookings

A, B = 9_000_001, 9_000_002
ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}


class Killed(BaseException):
    """The process is no more; nothing catches this."""


@dataclass
class Life:
    """So many steps of database and wire, and then nothing ever again."""

    left: int
    _lock: Lock = field(default_factory=Lock)

    def step(self) -> None:
        with self._lock:
            self.left -= 1
            if self.left < 0:
                raise Killed


@dataclass
class MortalDatabase:
    """Dies before a transaction, or after its commit and before anybody hears of it."""

    real: Any
    life: Life

    def run(self, step, *, durable=True):
        self.life.step()
        result = self.real.run(step, durable=durable)
        self.life.step()
        return result

    @contextmanager
    def transaction(self, *, durable=True):
        self.life.step()
        with self.real.transaction(durable=durable) as open_:
            yield open_
        self.life.step()

    @contextmanager
    def reading(self):
        self.life.step()
        with self.real.reading() as open_:
            yield open_


@dataclass
class MortalWire(OneByOne):
    """Dies before a call leaves, or after it was answered and before anybody reads the answer."""

    real: Any
    life: Life

    def send(self, request):
        self.life.step()
        answer = self.real.send(request)
        self.life.step()
        return answer


def mortal(house, steps):
    """The same house, whose process dies after so many steps."""
    life = Life(steps)
    real = house.services

    def wired(remote):
        return replace(remote, wire=MortalWire(remote.wire, life))

    return house.with_services(
        database=MortalDatabase(real.database, life),
        space_invoices=wired(real.space_invoices),
        bokun=lambda connection: wired(real.bokun(connection)),
    )


def dies(house, steps):
    """Whether one pass dies within so many steps."""
    try:
        mortal(house, steps).drain()
    except Killed:
        return True
    return False


def arrival(house):
    """Two sales that are due, one of whose calls loses its answer after its effect."""
    house.sandbox.connect()
    for id_ in (A, B):
        house.sandbox.book(bookings.own_sale(id_, house.clock()))
    house.sandbox.faults.add(**ORDER, kind="reset", booking=B, after_effect=True)


def proof(house):
    """A call without effect whose absence is proven now, beside a bank booking that was just paid."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.sandbox.book(bookings.own_sale(B, house.clock(), paid=False, payment_type="BANK_TRANSFER"))
    house.sandbox.faults.add(**ORDER, kind="reset", booking=A)
    for minutes in (0, 1, 5):
        house.later(minutes=minutes)
    house.sandbox.change(B, pay=True, payment_type="BANK_TRANSFER")
    house.clock.pass_by(minutes=16)


ENDS = {
    arrival: [("invoice", A), ("invoice", B)],
    proof: [("estimate", B), ("invoice", A), ("invoice", B)],
}
STEPS = 80
"""No pass of these beginnings takes more steps; a test says so."""


def check(house, begin, steps):
    begin(house)
    dies(house, steps)
    house = house.with_terms(absence_looks=1)
    for minutes in (16, 1):  # leases end and absences are proven, and then what follows from it
        house.later(minutes=minutes)
    assert sorted(house.documents) == ENDS[begin]
    assert {state for _, _, state in house.deliveries} == {"confirmed"}


@pytest.mark.parametrize("steps", range(STEPS))
def test_a_process_that_dies_at_any_step_loses_and_doubles_nothing(house, steps):
    """Whichever step was its last, fresh processes issue each document exactly once."""
    check(house, arrival, steps)


@pytest.mark.parametrize("steps", range(0, STEPS, 6))
def test_a_process_that_dies_at_a_proof_loses_and_doubles_nothing(house, steps):
    """The same while an absence is being proven and an estimate becomes an invoice."""
    check(house, proof, steps)


@pytest.mark.parametrize("begin", ENDS, ids=lambda begin: begin.__name__)
def test_a_whole_pass_takes_no_more_steps(house, begin):
    """The steps above are all that there are: with so many a process lives to the end of its pass."""
    begin(house)
    assert not dies(house, STEPS)
