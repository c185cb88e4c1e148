"""Seeds of the simulation: nothing doubled, nothing lost; and weakened copies of the product in which it finds damage."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulation.baton import Worker
from tests.simulation.judge import judge
from tests.simulation.play import Play, Weakened
from tests.simulation.seeds import play
from worker.domain.delivery import Event
from worker.domain.outcome import EVENT, Outcome
from worker.domain.proof import AbsenceRule
from worker.flow import deliver
from worker.flow.services import Terms

SEEDS = 60
"""As many as fit into the suite; `make simulate` plays ten thousand."""
CHUNK = 10


def terms(**other: object) -> Callable[[Terms], Terms]:
    return lambda given: replace(given, **other)


WEAKENED = {
    "looks that see nothing": Weakened(blind=True),
    "a short settle time": Weakened(terms(absence=AbsenceRule(1, timedelta(seconds=5))), slow=20),
}


NO_GUARD = Weakened(terms(send_guard=10.0**9), orders=0)


def stopped(ground, weakened, at):
    """A play whose only sender is stopped after so many steps, and goes on when all has settled without it."""
    play = Play(0, ground, weakened=weakened)
    play.remotes.connect()
    play._book()
    for name in ("refresh", "poll", "plan"):
        play._bell(name)
    sender = Worker("deliver", lambda: play._bell("deliver"))
    play.workers = [sender]
    for _ in range(at):
        play._let(sender)
    play.workers, play.stopped = [], [sender]
    play.heal()
    play.workers, play.stopped = play.stopped, []
    play.heal()
    return play


def damaged(ground, weakened=None, *, invariant="", most=40):
    """The first seed in which something is wrong, with what it is."""
    for seed in range(most):
        told = play(seed, ground, weakened)
        if any(str(each).startswith(invariant) for each in told.damages):
            return told
    return None


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_doubles_or_loses_anything(ground, first):
    """Whatever order workers, commits, calls, clocks and people come in, the remote's record is right in the end."""
    told = [play(seed, ground) for seed in range(first, first + CHUNK)]
    assert [(each.seed, list(map(str, each.damages)), each.story) for each in told if each.damages] == []


@pytest.mark.parametrize("weakened", WEAKENED.values(), ids=WEAKENED)
def test_a_weakened_copy_is_found_out(ground, weakened):
    """The same simulation finds damage where a guard is taken away: it can see what it is to prove."""
    assert damaged(ground, weakened) is not None


def test_repeating_what_was_not_answered_is_found_out(ground, monkeypatch):
    """A copy that takes an unanswered order for one that was not sent doubles a document."""
    monkeypatch.setattr(deliver, "EVENT", EVENT | {Outcome.UNKNOWN: Event.NOT_SENT})
    assert damaged(ground, invariant="I1") is not None


@pytest.mark.parametrize(("weakened", "found"), [(None, False), (NO_GUARD, True)], ids=["guarded", "no guard"])
def test_a_worker_that_was_stopped_before_its_order_needs_the_guard(ground, weakened, found):
    """Stopped at any step until all is settled without it, a worker doubles a document only where no guard stands."""
    assert any(judge(stopped(ground, weakened, at)) for at in range(7, 13)) is found


def test_a_seed_is_the_whole_story(ground):
    """The same seed plays the same story again, to the letter."""
    stories = [Play(7, ground).run().weather.story for _ in range(2)]
    assert stories[0] == stories[1]
