"""The webhook receiver against a bare Starlette route, both by the same callers over 32 kept connections."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.ground import Ground, Running, bare, free_port, furnish, idle

PATH = "/webhooks/bokun/t"


def receiver(at: Ground, count: int) -> dict[str, dict[str, float]]:
    """Requests a second, p50 and p99 (ms): ours, a bare route, and a bare route with one insert."""
    remote, database = at.remote(latency=0), at.database()
    port = free_port()
    environment = at.surroundings(remote, database, WEBHOOK_TOKEN="t", PORT=str(port), LOG_LEVEL="warning")
    furnish(environment).close()
    at.flush()
    web = at.start(sys.executable, "-c", "from worker.cli import main; main()", "web", log="web", **environment)
    ours = _measured(at, web, port, count)
    port = free_port()
    command = (sys.executable, "-m", "benchmarks.yardsticks.bare", str(port))
    route = _measured(at, at.start(*command, log="bare"), port, count)
    database = at.database().replace("postgresql://", "postgresql+psycopg://")
    inserting = _measured(at, at.start(*command, database, log="bare"), port, max(200, count // 5))
    at.stop(remote.running)
    return {"ours": ours, "bare": route, "inserting": inserting}


def _measured(at: Ground, server: Running, port: int, count: int) -> dict[str, float]:
    idle(server)
    _load(port, 32, 300, 1)
    before = server.cpu
    said = _load(port, 32, count, 1000)
    said["cpu"] = (server.cpu - before) / count * 1000
    at.stop(server)
    assert not said["refused"], said
    return said


def _load(port: int, connections: int, count: int, first: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", str(port), PATH, str(connections), str(count), str(first)]
    done = subprocess.run(command, env=bare(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]
