"""Up to where a connection's bookings have been seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """The modified window of one poll; `since` None asks for everything."""

    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a poll stands in its window: the role, the page read last (0: none yet), and the items seen before it."""

    window: Window
    role: int = 0
    page: int = 0
    seen: int = 0


def window(watermark: datetime | None, *, overlap: timedelta, start_from: datetime | None, now: datetime) -> Window:
    """The next window: from behind the watermark to now.

    The first one reaches back to START_FROM: a booking made after it cannot have been modified before it. A watermark
    in the future was set by a clock that was fast: what comes until then must be seen all the same.
    """
    return Window(start_from if watermark is None else min(watermark, now) - overlap, now)
