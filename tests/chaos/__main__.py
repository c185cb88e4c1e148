"""Chaos with real processes: prints its figures; 0 only where nothing was doubled, lost or left unexplained."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.chaos.run import run


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bookings", type=int, default=2000)
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing that was started stays behind
    report = run(wanted.seed, minutes=wanted.minutes, count=wanted.bookings)
    for name, figure in report.figures.items():
        print(f"{name:<40} {figure}")
    for line in report.wrong:
        print(f"WRONG: {line}")
    print(*report.stories, sep="\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
