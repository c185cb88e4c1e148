"""How long a person waits for a command that does next to nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.ground import Ground, bare, furnish


def starts(at: Ground, turns: int) -> dict[str, float]:
    """Seconds of `--help`, and of `status` on an empty database; medians."""
    remote = at.remote(latency=0)
    environment = at.surroundings(remote, at.database())
    furnish(environment).close()
    found = {"help": _timed(turns, environment, "--help"), "status": _timed(turns, environment, "status", "--json")}
    at.stop(remote.running)
    return found


def _timed(turns: int, environment: dict[str, str], *words: str) -> float:
    took = []
    for _ in range(turns):
        begun = time.monotonic()
        subprocess.run([sys.executable, "-c", "from worker.cli import main; main()", *words], check=True,
                       env={**bare(), **environment}, capture_output=True)  # fmt: skip
        took.append(time.monotonic() - begun)
    return statistics.median(took)
