"""The lines of the Procfile as real processes between the stand-ins, and the questions a test asks of them."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.settings import Settings
from tests.builders import settings
from worker import wiring
from worker.cli import broker, demo
from worker.flow import overview
from worker.flow.services import Services
from worker.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
PROCFILE = dict(re.findall(r"^(\w+): (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
KEY = "c2l4dGVlbiBieXRlcyB0d2ljZSBpcyBzaGlwLXNoYXA="
IN_FLIGHT = ("planned", "sending", "accepted", "unknown")
# Times for stand-ins that answer at once; the rules between them hold as they do for the defaults.
FAST = {"POLL_EVERY": "2", "DELIVER_EVERY": "1", "RECONCILE_EVERY": "1", "REFRESH_EVERY": "5", "CALL_TIMEOUT": "3",
        "SEND_GUARD": "2", "LEASE": "6", "ABSENCE_AFTER": "10", "BOKUN_CALLS_PER_MINUTE": "60000",
        "SPACE_INVOICES_CALLS_PER_SECOND": "1000", "LOG_LEVEL": "warning"}  # fmt: skip


def bare() -> dict[str, str]:
    """This process's environment without any setting, and with our commands on the path."""
    names = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT)}


def surroundings(neighbours: Sandbox, *, database: str, redis: str) -> dict[str, str]:
    """The settings of a company between these neighbours."""
    return {
        **FAST,
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "SPACE_INVOICES_URL": neighbours.space_invoices_url,
        "SPACE_INVOICES_TOKEN": neighbours.token,
        "SPACE_INVOICES_ORGANIZATIONS": ",".join(neighbours.organizations),
        "BOKUN_URL": neighbours.bokun_url,
        "BOKUN_ACCESS_KEY": neighbours.access_key,
        "BOKUN_SECRET_KEY": neighbours.secret_key,
        "SECRET_KEY": KEY,
    }


@contextmanager
def serving(url: str, folder: Path) -> Iterator[None]:
    """An empty Redis server at this very address."""
    port = urlsplit(url).port or 0
    command = [broker.executable(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with (folder / "broker.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        server.kill()
        server.wait()


@dataclass
class Company:
    """Processes that a test starts, kills and stops, and what the database and the remotes say meanwhile."""

    folder: Path
    neighbours: Sandbox
    said: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        mine = {name: self.said[name.upper()] for name in Settings.model_fields if name.upper() in self.said}
        self.services: Services = wiring.build(settings(**mine))

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """One line of the Procfile, to its end."""
        return self._run(shlex.split(PROCFILE[line]))

    def person(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command that a person types beside it."""
        return self._run(["bokun-sync", *words])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, env={**bare(), **self.said}, text=True,
                              capture_output=True, check=False, timeout=60)  # fmt: skip

    def start(self, line: str) -> subprocess.Popen[bytes]:
        """One line of the Procfile as a process group of its own."""
        with (self.folder / f"{line}.log").open("ab") as log:
            started = subprocess.Popen(shlex.split(PROCFILE[line]), cwd=self.folder, env={**bare(), **self.said},
                                       stdout=log, stderr=log, start_new_session=True)  # fmt: skip
        self.running.append(started)
        return started

    def link(self) -> None:
        """Mirrors the connections and stores each one's Bokun keys."""
        mine = {name.upper(): value for name, value in self.said.items()}
        demo._link(self.services, demo._settings(mine), self.neighbours.describe())

    def until(self, reached: Any, what: str, seconds: float = 40) -> None:
        """Looks five times a second until it is so."""
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(f"{what} not reached in {seconds:.0f} s: {self.status}\n{self.logs}")
            time.sleep(0.2)

    @property
    def status(self) -> dict[str, Any]:
        return overview.status(self.services.database, self.services.clock())

    @property
    def logs(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))

    def at_rest(self, bookings: int) -> bool:
        """All bookings are decided and nothing is in flight."""
        found = self.status
        in_flight = sum(found["deliveries"][state] for state in IN_FLIGHT) + found["notices"]
        return sum(found["bookings"].values()) >= bookings and not in_flight

    @property
    def documents(self) -> Counter[int]:
        """How many documents each booking has."""
        return Counter(each["bookingId"] for each in self.neighbours.documents)

    def differences(self) -> list[str]:
        """Where the stand-ins do not hold what the flags call for."""
        played = demo.Played(self.neighbours.documents, self.neighbours.expectations)
        return list(demo._differences(played, overview.booking_records(self.services)))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """The whole group at once, as the kernel or a power cut does."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, process: subprocess.Popen[bytes], seconds: float) -> int:
        """SIGTERM, and the exit code; it must come in time."""
        process.terminate()
        return process.wait(seconds)

    def close(self) -> None:
        """Ends whatever is left."""
        for each in self.running:
            self.kill(each)
        self.services.close()
