"""The ground of a measurement: real Redis, a database of its own, the stand-in, real workers, and their processor time."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from celery import Celery

from benchmarks import bookings, standin
from config.settings import Settings
from tests.servers import Postgres, Redis
from worker import wiring
from worker.flow.refresh import refresh
from worker.flow.services import Services

ROOT = Path(__file__).resolve().parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
KEY = "c2l4dGVlbiBieXRlcyB0d2ljZSBpcyBzaGlwLXNoYXA="


class Failed(Exception):
    """A measurement that did not come to its end, or whose result is wrong: no figure."""


def cpu(session: int) -> float:
    """Processor seconds of all processes of a session so far, children that ended included."""
    total = 0.0
    for each in Path("/proc").iterdir():
        if not each.name.isdigit():
            continue
        with suppress(OSError):
            fields = (each / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += sum(int(ticks) for ticks in fields[11:15]) / _TICK
    return total


def resident(session: int) -> float:
    """MiB that the processes of a session hold together, shared pages counted once (PSS)."""
    total = 0
    for each in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (
                (each / "stat").read_text().rpartition(")")[2].split() if each.name.isdigit() else ["", "", "", "-1"]
            )
            if int(fields[3]) == session:
                lines = (each / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def until(reached: Callable[[], bool], what: str, *, seconds: float = 300, every: float = 0.02) -> float:
    """Waits until it is so; returns when it was first seen so (monotonic)."""
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A process group of ours."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def cpu(self) -> float:
        return cpu(self.pid)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


class Remote:
    """The stand-in's process, and what it says of itself."""

    def __init__(self, running: Running, url: str) -> None:
        self.running, self.url = running, url

    def facts(self) -> dict[str, Any]:
        return self._ask("/_facts")

    def last(self) -> tuple[str, float]:
        """The booking of the last order and when it came (wall clock)."""
        name, at = self._ask("/_last")
        return str(name), float(at)

    def forget(self) -> None:
        self._ask("/_forget")

    def set(self, **values: object) -> None:
        self._ask("/_set", json.dumps(values).encode())

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.url + path, body) as answer:
            return json.load(answer)


@dataclass
class Ground:
    """What all measurements on one kind of database share."""

    kind: str
    quick: bool
    folder: Path
    redis: Redis
    postgres: Postgres | None
    started: list[Running] = field(default_factory=list)
    _made: int = 0

    def database(self) -> str:
        """An empty database."""
        self._made += 1
        if self.postgres is None:
            made = f"sqlite:///{self.folder}/bench-{self._made}.db"
        else:
            made = self.postgres.url.rpartition("/")[0] + f"/bench_{self._made}"
            self._postgres(f"CREATE DATABASE bench_{self._made}")
        self.rest()
        return made

    def rest(self) -> None:
        """All that was written is on the disk, what `initdb --no-sync` and the rows before left too: else a checkpoint or
        the kernel writes it in the middle of what is measured, and commits wait for that."""
        if self.postgres is not None:
            self._postgres("CHECKPOINT")
        os.sync()

    def _postgres(self, command: str) -> None:
        import psycopg

        assert self.postgres is not None
        with psycopg.connect(self.postgres.url, autocommit=True) as open_:
            open_.execute(command)  # type: ignore[arg-type]

    def start(self, *command: str, log: str, **environment: str) -> Running:
        """A command as a session of its own, in a folder where no .env lies."""
        path = self.folder / f"{log}-{len(self.started)}.log"
        with path.open("wb") as out:
            process = subprocess.Popen(command, cwd=self.folder, env={**bare(), **environment}, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out, start_new_session=True)  # fmt: skip
        running = Running(process, path)
        self.started.append(running)
        return running

    def remote(self, *, latency: float, count: int = 0, connections: int = 1, size: int = bookings.SIZE,
               limit: int = 0, seconds: float = 60.0) -> Remote:  # fmt: skip
        """The stand-in with this latency (ms), and so many bookings in its search."""
        port = free_port()
        running = self.start(sys.executable, "-m", "benchmarks.standin", str(port), str(latency), str(count),
                             "--connections", str(connections), "--size", str(size), "--limit", str(limit),
                             "--seconds", str(seconds), log="standin")  # fmt: skip
        until(lambda: b"ready" in running.log.read_bytes(), "the stand-in", seconds=20)
        return Remote(running, f"http://127.0.0.1:{port}")

    def surroundings(self, remote: Remote, database: str, **more: str) -> dict[str, str]:
        """The product's settings between these: limits and clocks out of the way, everything else as shipped."""
        return {
            "DATABASE_URL": database,
            "REDIS_URL": self.redis.url,
            "SPACE_INVOICES_URL": remote.url,
            "SPACE_INVOICES_TOKEN": "token",
            "SPACE_INVOICES_ORGANIZATIONS": standin.ORGANIZATION,
            "BOKUN_URL": remote.url,
            "BOKUN_ACCESS_KEY": "access",
            "BOKUN_SECRET_KEY": "secret",
            "SECRET_KEY": KEY,
            "BOKUN_CALLS_PER_MINUTE": "6000000",
            "SPACE_INVOICES_CALLS_PER_SECOND": "100000",
            **more,
        }

    def worker(self, environment: Mapping[str, str], *, children: int = 2) -> Running:
        """The Procfile's worker with so many children, once it is idle."""
        running = self.worker_unrested(environment, children=children)
        idle(running)
        self.rest()
        return running

    def worker_unrested(self, environment: Mapping[str, str], *, children: int = 2) -> Running:
        """The same, at once: it finds work and does not come to rest."""
        self.flush()
        return self.start(sys.executable, "-m", "celery", "-A", "worker.celery", "worker", "--without-gossip",
                             "--without-mingle", "--loglevel", "WARNING", "--concurrency", str(children),
                             log="worker", **environment)  # fmt: skip

    def flush(self) -> None:
        import redis

        redis.Redis.from_url(self.redis.url).flushall()

    def stop(self, *those: Running) -> None:
        for each in those:
            each.stop()
            self.started.remove(each)


def idle(running: Running, *, seconds: float = 60) -> None:
    """Returns once the processes have used next to no processor time for most of a second."""
    end = time.monotonic() + seconds
    before, quiet = running.cpu, 0
    if running.process.poll() is not None:
        raise Failed(running.log.read_text()[-2000:])
    time.sleep(1.0)
    while quiet < 3:
        time.sleep(0.25)
        now = running.cpu
        quiet = quiet + 1 if now - before <= 0.02 and now > 0.2 else 0
        before = now
        if running.process.poll() is not None or time.monotonic() > end:
            raise Failed(f"a worker did not come to rest: {running.log.read_text()[-2000:]}")


def bare() -> dict[str, str]:
    """This process's environment without any setting of ours."""
    names = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "PYTHONPATH": str(ROOT)}


def services(environment: Mapping[str, str], *, ring: Callable[[str], None] = lambda _: None) -> Services:
    """The product's own services in this process, with these settings and nothing else."""
    named = {name.lower(): value for name, value in environment.items() if name.lower() in Settings.model_fields}
    return wiring.build(Settings(_env_file=None, **named), ring=ring)  # type: ignore[call-arg, arg-type]


def furnish(environment: Mapping[str, str]) -> Services:
    """Migrated, with the stand-in's connections mirrored and no notice left."""
    migrated = subprocess.run([sys.executable, "-c", "from worker.cli import main; main()", "migrate"],
                              env={**bare(), **environment}, capture_output=True, text=True, check=False)  # fmt: skip
    if migrated.returncode:
        raise Failed(migrated.stderr)
    made = services(environment)
    refresh(made)
    return made


@contextmanager
def ground(kind: str, *, quick: bool) -> Iterator[Ground]:
    """Servers that live as long as the measurements on one kind of database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        redis = Redis()
        postgres = Postgres() if kind == "postgresql" else None
        made = Ground(kind, quick, Path(folder), redis, postgres)
        try:
            yield made
        finally:
            for each in made.started:
                each.stop()
            redis.stop()
            if postgres is not None:
                postgres.stop()


def publish(environment: Mapping[str, str], bells: Sequence[Sequence[str | int]]) -> None:
    """Puts bells on the broker, each a name with its ids."""
    from worker.app import ring as rung

    _app(frozenset((name.lower(), value) for name, value in environment.items())).set_current()
    for name, *ids in bells:
        rung(str(name), *ids)


@lru_cache(maxsize=1)
def _app(environment: frozenset[tuple[str, str]]) -> Celery:
    """The app of these settings, made once: who plans has one, and a connection to the broker, when it rings."""
    from worker.app import celery_app

    named = {name: value for name, value in environment if name in Settings.model_fields}
    return celery_app(Settings(_env_file=None, **named))  # type: ignore[call-arg, arg-type]
