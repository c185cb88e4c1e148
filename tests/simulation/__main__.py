"""Plays many seeds and prints the figures; a failing seed prints the story of its booking."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.simulation.seeds import Told, some


def _all(seeds: range, processes: int) -> Iterator[list[Told]]:
    chunks = [seeds[start : start + 50] for start in range(0, len(seeds), 50)]
    if processes == 1:
        yield from map(some, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(some, chunks)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed; with --seeds 1 it is replayed")
    parser.add_argument("--processes", type=int, default=2)
    wanted = parser.parse_args()
    started, figures, failed = time.monotonic(), Counter[str](), 0
    played = 0
    for told in _all(range(wanted.first, wanted.first + wanted.seeds), wanted.processes):
        for each in told:
            figures += each.figures
            if each.damages:
                failed += 1
                print(f"seed {each.seed}:", *each.damages, *each.story, sep="\n  ", flush=True)
        played += len(told)
        left = (time.monotonic() - started) / played * (wanted.seeds - played) / 60
        print(f"{played} of {wanted.seeds} seeds, {failed} with damage, {left:.0f} minutes left", file=sys.stderr)
    print(f"{wanted.seeds} seeds, {failed} with damage, {(time.monotonic() - started) / 60:.1f} minutes")
    for name, count in sorted(figures.items()):
        print(f"  {name:<16} {count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
