"""A worker that sleeps for long between any two of its steps never takes what it knew before for what is so now."""

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.simulation.play import Play
from worker.store import tables

GUARD = timedelta(seconds=10)
STEPS = 30


def columns(play, model, *names):
    with play.database.reading() as open_:
        return [tuple(getattr(row, name) for name in names) for row in open_.execute(model.__table__.select())]


def slept(ground, step, *bells):
    """A play whose worker sleeps for an hour before this step of these bells."""
    play = Play(0, ground)
    play.remotes.connect()
    play._book()
    for name in ("refresh", "poll", "plan"):
        play._bell(name)
    left = iter(range(10**6))
    play.weather.pause = lambda: play.clock.pass_by(hours=1) if next(left) == step else None
    for name in bells:
        play._bell(name)
    return play


@pytest.mark.parametrize("step", range(STEPS))
def test_an_order_leaves_soon_after_the_time_of_its_claim(ground, step):
    """The guard counts from the moment that the claim names, however long its commit took: leases and proofs do too."""
    play = slept(ground, step, "deliver")
    claimed = [at for (at,) in columns(play, tables.Attempt, "begun_at")]
    orders = [each.at for each in play.wire.seen if each.kind == "order"]
    late = [at for at in orders if not any(claim <= at <= claim + GUARD for claim in claimed)]
    assert late == []


def again(before, look):
    """Whether this look is the second question of the one before: that was about what stands, this is about all."""
    return before is not None and '"deleted"' in look.text and '"deleted"' not in before.text


@pytest.mark.parametrize("step", range(STEPS))
def test_a_look_counts_from_when_it_was_asked_for(ground, step):
    """An answer that lay for an hour proves what was so an hour ago."""
    play = slept(ground, step, "deliver", "reconcile")
    asked = [each for each in play.wire.seen if each.kind == "look"]
    # A proof that finds nothing asks once more for deleted orders: the first question is the one that counts.
    made = [each.at for before, each in pairwise([None, *asked]) if not again(before, each)]
    kept = [at for (at,) in columns(play, tables.Look, "at")]
    assert [(at, look) for at, look in zip(kept, made, strict=True) if at > look] == []
