"""One seed after the other: played, judged, and told where something is wrong."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

import structlog

from tests.simulation.judge import Damage, judge
from tests.simulation.play import Ground, Play, Weakened, quickly


@dataclass
class Told:
    """What one seed came to."""

    seed: int
    damages: list[Damage]
    story: list[str]
    figures: Counter[str] = field(default_factory=Counter)


def play(seed: int, ground: Ground, weakened: Weakened | None = None) -> Told:
    """One seed from its beginning to its judgement."""
    played = Play(seed, ground, weakened=weakened)
    played.run()
    figures = Counter(
        steps=played.steps,
        faults=played.weather.faults,
        kills=played.kills,
        bookings=len(played.remotes.world.bookings),
        orders=sum(1 for each in played.wire.seen if each.kind == "order"),
        documents=len(played.remotes.documents),
        **{f"healing {minutes} min": 1 for minutes in [int((played.quiet_at - played.healed_at).seconds / 600) * 10]},
    )
    damages = judge(played)
    story = _story(played, {each.booking for each in damages}) if damages else []
    return Told(seed, damages, story, figures)


def _story(played: Play, concerned: set[int]) -> list[str]:
    """The lines that speak of these bookings, or of none."""
    numbers = {str(number) for _, number in played.remotes.world.bookings} - {str(each) for each in concerned}
    return [line for line in played.weather.story if not any(number in line for number in numbers)]


def silence() -> None:
    """Nobody reads the log of ten thousand seeds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    quickly()


def some(seeds: range) -> list[Told]:
    """Plays these seeds in a process of their own."""
    silence()
    ground = Ground()
    return [play(seed, ground) for seed in seeds]
