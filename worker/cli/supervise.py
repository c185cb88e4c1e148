"""Starts the processes of one machine in order, watches them, and stops them in reverse, the broker last."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from worker.cli import broker
from worker.cli.console import Failed, WrongUse, say, warn

if TYPE_CHECKING:
    from config.settings import Settings

VAR = Path("var")
GRACE = 60.0
KILLED = 10.0
"""Seconds after which a killed process is not waited for any more: the disk it writes to may be away."""
RESTART_AFTER = 1.0
WORKER = ("worker", "--without-gossip", "--without-mingle", "--loglevel", "WARNING")


@dataclass
class Process:
    """One supervised process; it is started again when it ends by itself."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None
    running: subprocess.Popen[bytes] | None = None
    starts: int = 0
    started_at: float = 0.0

    def start(self) -> None:
        out = None if self.log is None else self.log.open("ab")
        self.running = subprocess.Popen(
            self.command, env=dict(self.environment), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        if out is not None:
            out.close()
        self.starts += 1
        self.started_at = time.monotonic()

    @property
    def ended(self) -> bool:
        return self.running is not None and self.running.poll() is not None

    def stop(self, grace: float = GRACE) -> None:
        """Asks first; after the grace period the whole process group is killed."""
        if self.running is None:
            return
        if self.running.poll() is None:
            self.running.terminate()
        try:
            self.running.wait(grace)
        except subprocess.TimeoutExpired:
            warn(f"{self.name} did not stop within {grace:.0f} s and was killed; what it was sending is looked up.")
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.running.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self.running.wait(KILLED)


@dataclass
class Supervisor:
    """A few processes that live and stop together."""

    processes: list[Process] = field(default_factory=list)
    asked_to_stop: bool = False

    def add(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path | None) -> Process:
        process = Process(name, command, environment, log)
        process.start()
        self.processes.append(process)
        return process

    def watch(self) -> None:
        """Starts again what ended by itself, a moment later: the database knows what is due."""
        for each in self.processes:
            if each.ended and time.monotonic() - each.started_at > RESTART_AFTER:
                code = each.running.returncode if each.running else None
                warn(f"{each.name} ended with {code} and is started again.")
                each.start()

    def stop(self) -> None:
        """In reverse order, each within its grace period."""
        for each in reversed(self.processes):
            each.stop()

    def listen(self) -> None:
        """SIGTERM and SIGINT ask for an orderly stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True


def celery(*words: str) -> list[str]:
    """A Celery command line on our app."""
    return [sys.executable, "-m", "celery", "-A", "worker.celery", *words]


def bokun_sync(*words: str) -> list[str]:
    """A command line of our own."""
    return [sys.executable, "-c", "from worker.cli import main; main()", *words]


def up(settings: Settings, *, with_flower: bool) -> int:
    """Broker (unless REDIS_URL names one), migrations, worker, beat, web and, if asked for, Flower."""
    from config.settings import require

    require(settings, "space_invoices_token", "space_invoices_organizations")
    VAR.mkdir(exist_ok=True)
    supervisor = Supervisor()
    supervisor.listen()
    server = None
    environment = dict(os.environ)
    try:
        if settings.embedded:
            server, environment["REDIS_URL"] = broker.start(VAR / "broker", VAR / "broker.log")
        migrate(environment)
        start_all(supervisor, environment, logs=None, concurrency=2)
        supervisor.add("web", bokun_sync("web"), environment, None)
        if with_flower:
            supervisor.add("flower", bokun_sync("flower"), environment, None)
        say(f"Running. The page is at http://{settings.host}:{settings.port}/ ; Ctrl-C stops everything in order.")
        while not supervisor.asked_to_stop:
            supervisor.watch()
            time.sleep(0.5)
        say("Stopping: what is being sent is finished first.")
    finally:
        supervisor.stop()
        stop_broker(server)
    return 0


def start_all(supervisor: Supervisor, environment: Mapping[str, str], *, logs: Path | None, concurrency: int) -> None:
    """A worker and a beat."""

    def log(name: str) -> Path | None:
        return None if logs is None else logs / f"{name}.log"

    supervisor.add("worker", celery(*WORKER, "--concurrency", str(concurrency)), environment, log("worker"))
    supervisor.add("beat", celery("beat", "--loglevel", "WARNING", "--pidfile="), environment, log("beat"))


def migrate(environment: Mapping[str, str]) -> None:
    """The release step, before anything else runs."""
    done = subprocess.run(bokun_sync("migrate"), env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"The database could not be migrated: {done.stderr.strip() or done.stdout.strip()}")


def stop_broker(server: subprocess.Popen[bytes] | None) -> None:
    """Last of all: the others may still want to say goodbye to it."""
    if server is None:
        return
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(KILLED)


def flower(settings: Settings) -> int:
    """Flower in place of this process: on loopback unless told otherwise, and then only behind a login."""
    from config.settings import is_loopback, require

    require(settings, "redis_url")
    password = settings.flower_basic_auth.get_secret_value()
    if not is_loopback(settings.flower_address) and not password:
        raise WrongUse("FLOWER_ADDRESS is not loopback, so FLOWER_BASIC_AUTH (user:password) must be set.")
    environment = {**os.environ, "FLOWER_PURGE_OFFLINE_WORKERS": "600", "FLOWER_MAX_TASKS": "5000"}
    environment.pop("FLOWER_BASIC_AUTH_FILE", None)  # read already; Flower itself knows the variable alone
    environment["FLOWER_BASIC_AUTH"] = password or _own_login()  # not as an argument: those show in `ps`
    command = celery("flower", f"--address={settings.flower_address}", f"--port={settings.flower_port}")
    os.execvpe(command[0], command, environment)


def _own_login() -> str:
    """A login that was made here once, for whoever set none: Flower can stop workers, so nobody gets in without one."""
    file = VAR / "flower-login"
    try:
        if not file.exists():
            VAR.mkdir(exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(f"operator:{secrets.token_urlsafe(24)}\n")
        login = file.read_text().strip()
    except OSError as failed:
        raise WrongUse(f"{file} cannot be used ({type(failed).__name__}): set FLOWER_BASIC_AUTH.") from None
    say(f"Flower asks for the login that is in {file}; FLOWER_BASIC_AUTH sets another one.")
    return login
