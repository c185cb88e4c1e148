"""What other guests of the machine took: a measurement of which they took much says little about this program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MUCH = 0.03
"""The share of the processors from which on a measurement is made again."""
MORE = 2
"""So many times at most."""


def ticks() -> tuple[int, int]:
    """Hundredths of a second, over all processors since the start: taken by other guests, and all (proc(5), /proc/stat).

    Where the system does not tell, nothing is taken.
    """
    try:
        whole = Path("/proc/stat").read_text().splitlines()[0].split()
        user, nice, system, idle, io, hard, soft, taken, *_ = map(int, whole[1:])
    except (OSError, ValueError):
        return 0, 0
    return taken, user + nice + system + idle + io + hard + soft + taken


def least(
    measure: Callable[[], T], times: int, *, more: int = MORE, clock: Callable[[], tuple[int, int]] = ticks
) -> list[tuple[float, T]]:
    """So many measurements, each with the share that was taken of it: those of which least was.

    Where too much was taken of one it is made again, whatever it said, so nothing is chosen by its outcome.
    """
    had: list[tuple[float, T]] = []
    while len(had) < times or (len(had) < times + more and had[times - 1][0] > MUCH):
        before = clock()
        found = measure()
        had = sorted([*had, (_share(before, clock()), found)], key=lambda each: each[0])
    return had[:times]


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    return (after[0] - before[0]) / max(1, after[1] - before[1])
