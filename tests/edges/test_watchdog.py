"""A worker that hears nothing any more is noticed; one that is busy, or whose broker or database is away, is not blamed."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from tests.builders import NOW, Clock
from worker.watchdog import Watchdog

PATIENCE = timedelta(seconds=60)


@dataclass
class Ear:
    """What the watchdog can learn of the world."""

    clock: Clock = field(default_factory=Clock)
    last: object = NOW
    broker: bool = True
    busy: bool = False
    away: bool = False

    def heard(self):
        if self.away:
            raise OperationalError("-", {}, Exception("away"))
        return self.last

    def dog(self):
        return Watchdog(self.heard, lambda: self.broker, lambda: self.busy, self.clock, PATIENCE)

    def deaf_after(self, looks):
        """What the watchdog says at each of so many looks, fifteen seconds apart."""
        dog, said = self.dog(), []
        for _ in range(looks):
            self.clock.pass_by(seconds=15)
            said.append(dog.is_deaf())
        return said


def test_a_worker_that_hears_nothing_is_deaf():
    """No heartbeat for the patience, then a bell of our own that nobody hears for as long: deaf."""
    assert Ear().deaf_after(8) == [False] * 7 + [True]


def test_a_worker_that_never_heard_a_bell_is_deaf_too():
    """Without any heartbeat it rings at once, and waits as long."""
    assert Ear(last=None).deaf_after(5) == [False] * 4 + [True]


@pytest.mark.parametrize("said", [{"broker": False}, {"busy": True}, {"away": True}], ids=str)
def test_whoever_cannot_hear_for_another_reason_is_not_deaf(said):
    """A broker that takes no bell, work in all hands, a database that is away: restarting would mend nothing."""
    assert not any(Ear(**said).deaf_after(20))


def test_a_bell_that_is_heard_again_ends_the_suspicion():
    """Progress, whoever makes it, is enough."""
    ear = Ear(last=None)
    dog = ear.dog()
    ear.clock.pass_by(seconds=15)
    dog.is_deaf()
    ear.last = ear.clock()
    ear.clock.pass_by(seconds=50)
    assert (dog.is_deaf(), dog.rang) == (False, None)
