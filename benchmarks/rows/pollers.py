"""The poll against a poller as first written and against fetching and parsing alone."""

from __future__ import annotations

import json
import sys

from benchmarks.ground import Failed, Ground, until


def poll(at: Ground, kind: str, rows: int, *, latency: float = 0) -> dict[str, float]:
    """Rows a second, processor milliseconds a row and the most memory (MiB), each kind in a process of its own."""
    remote = at.remote(latency=latency, count=rows)
    database = at.database()
    if kind == "first":
        database = database.replace("postgresql://", "postgresql+psycopg://")
    process = at.start(sys.executable, "-m", "benchmarks.yardsticks.pollers", kind, remote.url, database, at.redis.url,
                       log=f"poll-{kind}", LOG_LEVEL="warning")  # fmt: skip
    until(lambda: process.process.poll() is not None, f"the poll ({kind})", seconds=400)
    text = process.log.read_text()
    at.stop(process, remote.running)
    if process.process.returncode:
        raise Failed(text[-2000:])
    said = json.loads(text.strip().splitlines()[-1])
    if said["rows"] != rows:
        raise Failed(f"the poll ({kind}) saw {said['rows']} of {rows}")
    return {"rate": rows / said["seconds"], "cpu": said["cpu"] / rows * 1000, "memory": said["most"]}
