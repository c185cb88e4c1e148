"""The webhook receiver against a bare Starlette route, in turns, both by the same callers over 32 kept connections."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from statistics import median

from benchmarks.ground import Ground, Running, bare, free_port, furnish, idle

PATH = "/webhooks/bokun/t"
ROUNDS = 15
"""The machine is a third faster in one second than in another, and its disk stalls for whole seconds: each gets so many
turns, of which the middle one counts."""


def receiver(at: Ground, count: int) -> dict[str, dict[str, float]]:
    """Requests a second, p50 and p99 (ms): ours, a bare route, and a bare route with one insert."""
    remote, database = at.remote(latency=0), at.database()
    ports = {"ours": free_port(), "bare": free_port()}
    environment = at.surroundings(remote, database, WEBHOOK_TOKEN="t", PORT=str(ports["ours"]), LOG_LEVEL="warning")
    furnish(environment).close()
    at.flush()
    command = (sys.executable, "-m", "benchmarks.yardsticks.bare")
    ours = at.start(sys.executable, "-c", "from worker.cli import main; main()", "web", log="web", **environment)
    bare_route = at.start(*command, str(ports["bare"]), log="bare")
    said = _in_turns({"ours": ours, "bare": bare_route}, ports, count)
    at.stop(ours, bare_route)
    database = at.database().replace("postgresql://", "postgresql+psycopg://")
    port = free_port()
    inserting = at.start(*command, str(port), database, log="bare")
    said |= _in_turns({"inserting": inserting}, {"inserting": port}, max(200, count // 15))
    at.stop(inserting, remote.running)
    return said


def _in_turns(servers: Mapping[str, Running], ports: Mapping[str, int], count: int) -> dict[str, dict[str, float]]:
    """What each said in the middle one of its turns, and its processor milliseconds a request."""
    for name, server in servers.items():
        idle(server)
        _load(ports[name], 300, 1)
    before = {name: server.cpu for name, server in servers.items()}
    rounds = min(ROUNDS, max(1, count // 100))
    each = count // rounds
    turns = [{name: _load(ports[name], each, 1000 + turn * each) for name in servers} for turn in range(rounds)]
    return {
        name: {what: median(turn[name][what] for turn in turns) for what in ("rate", "p50", "p99")}
        | {"cpu": (server.cpu - before[name]) / (rounds * each) * 1000}
        for name, server in servers.items()
    }


def _load(port: int, count: int, first: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", str(port), PATH, "32", str(count), str(first)]
    done = subprocess.run(command, env=bare(), capture_output=True, text=True, check=True)
    said: dict[str, float] = json.loads(done.stdout)
    assert not said["refused"], said
    return said
