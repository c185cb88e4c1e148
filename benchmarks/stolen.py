"""What other guests of the machine took: a measurement of which they took much says little about this program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Moment:
    """What was taken so far, and what the disks did (Linux, admin-guide/iostats)."""

    ticks: int
    disk_ms: int
    """Milliseconds that writes and flushes took."""
    sectors: int
    """Written, of 512 bytes."""

    def disturbed(self, later: Moment) -> bool:
        """Whether until then a hundredth of a second of the processors was taken, or as much of the disk: it took that
        long for less than a megabyte, which takes it one or two milliseconds."""
        waited, little = later.disk_ms - self.disk_ms >= 10, later.sectors - self.sectors < 2048
        return later.ticks > self.ticks or (waited and little)


def moment(disks: Path = Path("/proc/diskstats"), whole: Path = Path("/sys/block")) -> Moment:
    """Now, over all whole disks; where the system does not tell, nothing is taken and no disk waits."""
    try:
        lines = [line.split() for line in disks.read_text().splitlines()]
        told = [list(map(int, rest)) for _, _, name, *rest in lines if (whole / name).exists()]
    except (OSError, ValueError):
        told = []
    waited = sum(each[7] + (each[16] if len(each) > 16 else 0) for each in told)
    return Moment(ticks()[0], waited, sum(each[6] for each in told))


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
