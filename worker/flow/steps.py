"""Notices that somebody set the clock: then nothing is concluded from how long ago something was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

TOLERANCE = timedelta(seconds=5)
"""More than any slewing between two looks, less than anything that a lease or a proof could be deceived by."""


@dataclass
class Steps:
    """Compares the wall clock with the monotonic one, which nobody can set, every time that it is asked.

    It knows of the steps during its own life only. A machine that slept looks like one whose clock was set.
    """

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    _wall: datetime = field(init=False)
    _passed: float = field(init=False)
    _stepped: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._wall, self._passed = self.clock(), self.monotonic()

    def steady(self, span: timedelta) -> bool:
        """Whether the clock ran evenly for so long (since the start of this process, if that is shorter)."""
        with self._lock:
            wall, passed = self.clock(), self.monotonic()
            if abs(wall - self._wall - timedelta(seconds=passed - self._passed)) > TOLERANCE:
                self._stepped = passed
            self._wall, self._passed = wall, passed
            return self._stepped is None or passed - self._stepped >= span.total_seconds()
