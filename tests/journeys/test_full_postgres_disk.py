"""PostgreSQL on a disk that is full for a while: real processes refuse, wait, and then issue everything once."""

import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from tests.journeys.company import Company, surroundings
from tests.servers import Postgres, redis
from worker.cli import broker
from worker.sandbox import bookings

FIRST, MANY = 9_200_001, 60
ALL = range(FIRST, FIRST + MANY)


@pytest.fixture
def disk():
    """A small file system of its own, where PostgreSQL's own user can see it."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here; that takes root")
    folder.chmod(0o755)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


@pytest.fixture
def company(tmp_path, neighbours, disk):
    """A company whose PostgreSQL lives on it."""
    server = Postgres(disk)
    with redis() as url:
        said = surroundings(neighbours, database=server.url, redis=url)
        said |= {"PORT": str(broker.free_port()), "WEBHOOK_TOKEN": "open-sesame"}
        made = Company(tmp_path, neighbours, said)
        assert made.run("release").returncode == 0
        yield made
        made.close()
    server.stop()


def fill(disk):
    """Not a byte is left."""
    with (disk / "filler").open("wb") as filler:
        try:
            while True:
                filler.write(bytes(64 * 1024))
                filler.flush()
        except OSError:
            pass


def webhooks(company, most):
    """The statuses that classic notifications are answered with, up to the first that is not stored."""
    address = f"http://127.0.0.1:{company.said['PORT']}/webhooks/bokun/open-sesame"
    found = []
    with httpx.Client(trust_env=False, timeout=10) as client:
        while len(found) < most and 503 not in found:
            found.append(client.post(address, json={"id": 1 + len(found)}).status_code)
    return found


def is_up(company):
    try:
        return httpx.get(f"http://127.0.0.1:{company.said['PORT']}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.timeout(240)
def test_a_full_disk_under_postgresql(company, disk):
    """While the disk is full webhooks are answered 503 in the end and no order is without its attempt; then all follows."""
    company.neighbours.connect("Our store")
    for line in ("web", "worker", "beat"):
        company.start(line)
    company.until(lambda: is_up(company) and bool(company.status["bells"]), "all up")
    company.until(lambda: company.status["connections"], "the connection")
    fill(disk)
    for number in ALL:
        company.neighbours.book(bookings.own_sale(number, company.neighbours.world.clock()))
    answers = webhooks(company, 20_000)
    assert (set(answers[:-1]) <= {200}, answers[-1]) == (True, 503)
    assert set(company.documents.values()) <= {1}
    (disk / "filler").unlink()
    company.until(lambda: company.at_rest(MANY), "rest", 90)
    assert company.documents == dict.fromkeys(ALL, 1)
    assert webhooks(company, 1) == [200]
