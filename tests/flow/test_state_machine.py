"""Bookings, flags, webhooks, polls, crashes and faults in any order: after every step the remote's record is right."""

from collections import Counter

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.simulation.baton import Killed
from tests.simulation.judge import judge
from tests.simulation.play import FIRST, Ground, Play
from worker.flow import deliver

BELLS = st.sampled_from(["refresh", "poll", "plan", "deliver", "reconcile"])
FLAGS = st.fixed_dictionaries(
    {name: st.booleans() for name in ("issueInvoiceOnComplete", "issueInvoiceForBankPayment", "active")}
)
_GROUND: list[Ground] = []


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Nobody reads the log of a storm, and no group waits for an answer that is there."""
    monkeypatch.setattr(deliver, "GROUP_WAIT", 0.0)
    with structlog.testing.capture_logs():
        yield


def ground():
    """One for all examples: what it holds is dear and has no memory."""
    if not _GROUND:
        _GROUND.append(Ground())
    return _GROUND[0]


class Corridor(RuleBasedStateMachine):
    """The product between its neighbours, under whatever Hypothesis thinks of."""

    @initialize(seed=st.integers(0, 2**32), flags=FLAGS)
    def open(self, seed, flags):
        self.play = Play(seed, ground())
        self.play.remotes.connect("Store", **flags | {"active": True})
        self.play._bell("refresh")
        self.left = None
        self.play.weather.pause = self._step

    def _step(self):
        """The process lives so many steps more."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed

    @property
    def booked(self):
        return len(self.play.remotes.world.bookings)

    @rule()
    def book(self):
        if self.booked < 4:
            self.play._book()

    @precondition(lambda self: self.booked)
    @rule(which=st.integers(0, 3), kind=st.sampled_from(["cancel", "pay", "complete", "reprice"]))
    def change(self, which, kind):
        wish = {"cancel": {"cancel": True}, "pay": {"pay": True}, "complete": {"complete": True},
                "reprice": {"reprice": 77}}[kind]  # fmt: skip
        self.play.remotes.change(FIRST + which % self.booked, **wish)

    @precondition(lambda self: self.booked)
    @rule(which=st.integers(0, 3))
    def webhook(self, which):
        self.play._announced(FIRST + which % self.booked)

    @rule(flags=FLAGS)
    def flags(self, flags):
        [connection] = self.play.remotes.connections
        self.play.remotes.flags(connection["id"], **flags)

    @rule(bell=BELLS, cut=st.sampled_from([0, 0, 0.02]), lives=st.none() | st.integers(0, 25))
    def ring(self, bell, cut, lives):
        """A bell, in fair or bad weather, whose process may be killed after so many steps."""
        self.play.weather.cut, self.left = cut, lives
        try:
            self.play._bell(bell)
        except AssertionError:
            raise
        except (Killed, Exception) as failed:  # noqa: BLE001 - as worker.app does
            self.play.weather.tell(f"{bell} ended with {type(failed).__name__}")
        self.play.weather.cut, self.left = 0, None

    @rule(seconds=st.sampled_from([1, 12, 70, 130, 320, 950]))
    def wait(self, seconds):
        self.play.clock.pass_by(seconds=seconds)
        self.play.wire.come()

    @invariant()
    def nothing_is_doubled(self):
        """No sale ever has two documents of a kind."""
        issued = Counter((each["bookingId"], each["type"]) for each in self.play.remotes.documents)
        assert max(issued.values(), default=0) <= 1, self.play.weather.story

    def teardown(self):
        """The faults stop, and everything comes to its end."""
        if hasattr(self, "play"):
            self.play.weather.pause = lambda: None
            self.play.heal()
            damages = [str(each) for each in judge(self.play)]
            assert damages == [], self.play.weather.story


if settings.get_current_profile_name() not in ("ci", "thorough"):  # --hypothesis-profile=ci
    Corridor.TestCase.settings = settings.get_profile("small")
TestCorridor = Corridor.TestCase
TestCorridor.__doc__ = "Whatever happens in whatever order, nothing is doubled, lost or left without a reason."
