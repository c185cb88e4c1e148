"""The product as it runs: real Redis and PostgreSQL, prefork workers, beat and web, and the stand-ins beside them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet

from tests.servers import Postgres, Redis
from worker.cli import broker, supervise
from worker.cli.supervise import Process, Supervisor
from worker.sandbox import Sandbox

HURRIED = {
    "POLL_EVERY": "3", "DELIVER_EVERY": "1", "RECONCILE_EVERY": "1", "REFRESH_EVERY": "10", "CALL_TIMEOUT": "5",
    "SEND_GUARD": "1", "LEASE": "8", "ABSENCE_AFTER": "16", "ABSENCE_LOOKS": "3", "POLL_OVERLAP": "3600",
    "BOKUN_CALLS_PER_MINUTE": "12000", "SPACE_INVOICES_CALLS_PER_SECOND": "500", "START_FROM": "",
    "LOG_FORMAT": "json", "LOG_LEVEL": "info", "MAX_ATTEMPTS": "1000", "IN_FLIGHT": "4",
}  # fmt: skip
"""Times of seconds instead of minutes, in the proportions that the settings demand."""
APP_SECRET = "chaos-app-secret"
WORKERS, CHILDREN = 2, 5
"""Ten worker processes."""


class House:
    """Everything started, and everything stopped at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        self.sandbox = Sandbox().start()
        self.disk = _small_disk(self.folder / "disk")
        self.redis, self.postgres = Redis(), Postgres(self.disk)
        self.supervisor = Supervisor()
        self.groups: set[int] = set()
        self.port = broker.free_port()
        self.clock = self.folder / "clock"
        self.step(0)
        self.environment = self._environment()
        supervise.migrate(self.environment)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ, **HURRIED,
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), str(Path(__file__).parent / "clock"))),
            "CHAOS_CLOCK": str(self.clock),
            "DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url,
            "SPACE_INVOICES_URL": self.sandbox.space_invoices_url, "SPACE_INVOICES_TOKEN": self.sandbox.token,
            "SPACE_INVOICES_ORGANIZATIONS": ",".join(self.sandbox.organizations),
            "BOKUN_URL": self.sandbox.bokun_url, "BOKUN_ACCESS_KEY": self.sandbox.access_key,
            "BOKUN_SECRET_KEY": self.sandbox.secret_key, "BOKUN_APP_SECRET": APP_SECRET,
            "SECRET_KEY": Fernet.generate_key().decode(), "PORT": str(self.port),
        }  # fmt: skip

    def start(self, *, children: int = CHILDREN) -> House:
        """Workers, beat and web; webhooks come from now on."""
        for number in range(WORKERS):
            words = (*supervise.WORKER, "--concurrency", str(children), "-n", f"w{number}@chaos")
            self.supervisor.add(f"worker{number}", supervise.celery(*words), self.environment, self.log("worker"))
        self.beat("beat")
        self.supervisor.add("web", supervise.bokun_sync("web"), self.environment, self.log("web"))
        until = time.monotonic() + 60
        while not self.rows("SELECT 1 FROM heartbeat LIMIT 1") and time.monotonic() < until:
            time.sleep(0.2)
        self.sandbox.webhooks.configure(f"http://127.0.0.1:{self.port}/webhooks/bokun", APP_SECRET)
        return self

    def beat(self, name: str) -> Process:
        words = ("beat", "--loglevel", "WARNING", "--pidfile=")
        return self.supervisor.add(name, supervise.celery(*words), self.environment, self.log("beat"))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    @property
    def workers(self) -> list[Process]:
        return [each for each in self.supervisor.processes if each.name.startswith("worker")]

    def resume(self, connection: str) -> None:
        """A person looked at a connection that is blocked, and has it go on."""
        words = supervise.bokun_sync("connections", "resume", connection)
        with self.log("person").open("ab") as out:
            subprocess.run(words, env=self.environment, stdout=out, stderr=out, timeout=60, check=False)

    def step(self, seconds: float) -> None:
        """The wall clock of every process is off by so much from now on."""
        written = self.clock.with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self.clock)

    def watch(self) -> None:
        """What ended is started again, as a supervisor does; its group dies with it."""
        self.postgres.watch()
        for each in self.supervisor.processes:
            if each.running is not None:
                self.groups.add(each.running.pid)
                if each.ended:
                    _kill_group(each.running.pid)
        self.supervisor.watch()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the product's database, asked for until it answers."""
        for _ in range(50):
            try:
                with closing(psycopg.connect(self.postgres.url, connect_timeout=2, autocommit=True)) as open_:
                    return open_.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]
            except psycopg.Error:
                time.sleep(0.2)
        raise AssertionError("the database does not come back")

    def stop(self) -> None:
        """Everything ends, orphans too."""
        self.watch()
        for each in reversed(self.supervisor.processes):
            each.stop(5)
        for group in self.groups:
            _kill_group(group)
        self.sandbox.stop()
        self.redis.stop()
        self.postgres.stop()
        if self.disk is not None:
            subprocess.run(["umount", "-l", self.disk], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _small_disk(folder: Path) -> Path | None:
    """A file system of its own for PostgreSQL's data; None where none can be mounted (that takes root)."""
    folder.mkdir()
    folder.parent.chmod(0o755)  # PostgreSQL runs as somebody else
    mount = ["mount", "-t", "tmpfs", "-o", "size=1g", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return None
    folder.chmod(0o755)
    return folder


def children(process: Process) -> list[int]:
    """The prefork children of a worker."""
    if process.running is None:
        return []
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.running.pid)], capture_output=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
