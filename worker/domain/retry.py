"""When to try again, or give up."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(seconds=2)
LONGEST = timedelta(minutes=15)
LONGEST_ASKED = timedelta(hours=1)
MOST_EFFECTS = 3
"""Attempts of one delivery that may have taken effect; past it only a person sends again (reliability.md 5.1, G5)."""


def again_at(now: datetime, tries: int, *, chance: float, asked: timedelta | None = None) -> datetime:
    """When the next try is due: exponential with full jitter, never before what the remote asked for.

    `tries` counts those made, from 1; `chance` is a random number in [0, 1). What was asked for is honoured
    between a second and an hour, and jitter comes on top of it.
    """
    longest = min(LONGEST, FIRST * (1 << min(tries, 20)))
    if asked is None:
        return now + max(timedelta(seconds=1), longest * chance)
    return now + min(max(asked, timedelta(seconds=1)), LONGEST_ASKED) + min(longest, timedelta(seconds=5)) * chance


def gives_up(attempts: int, *, most: int) -> bool:
    """Whether the attempts of a delivery are used up."""
    return attempts >= most
