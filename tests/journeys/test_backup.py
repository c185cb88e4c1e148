"""The machine is lost; an older backup goes on elsewhere: every booking has its document, none has two."""

import re
import shlex
import subprocess
import sys
from collections import Counter

import pytest

from tests.journeys.company import ROOT, Company, surroundings
from tests.servers import postgres, postgres_client, redis
from worker.sandbox import bookings
from worker.sandbox.scenario import Scenario

MANY = 60
LATE = 89_000_001
HANDBOOK = (ROOT / "docs/handbook.md").read_text()


def said(marker):
    """The command of the handbook that stands below this marker."""
    return re.search(rf"<!-- {marker} -->\n *```console\n *\$ (.*)\n", HANDBOOK)[1]


def do(company, marker, **places):
    """Runs a command of the handbook as it stands there, for these places."""
    words = said(marker)
    for name, place in places.items():
        assert name in words, (name, words)
        words = words.replace(name, str(place))
    program, rest = words.split(" ", 1)
    known = {"python3": sys.executable, "bokun-sync": "bokun-sync"}.get(program) or postgres_client(program)
    subprocess.run([known, *shlex.split(rest)], cwd=company.folder, check=True, capture_output=True, text=True)


class Sqlite:
    """A file on the machine."""

    def __init__(self, folder):
        self.file, self.other = folder / "first.db", folder / "second.db"
        self.url, self.restored_url = f"sqlite:///{self.file}", f"sqlite:///{self.other}"
        self.kept = folder / "kept.db"

    def back_up(self, company):
        do(company, "backup-sqlite", **{"var/bokun-sync.db": self.file, "backup.db": self.kept})

    def restore(self, _):
        self.kept.rename(self.other)


class Postgres:
    """Two databases of one server."""

    def __init__(self, folder, url):
        self.url, self.restored_url = url, f"{url.rpartition('/')[0]}/second"
        self.kept = folder / "kept.dump"

    def back_up(self, company):
        do(company, "backup-postgresql", **{"backup.dump": self.kept, '"$DATABASE_URL"': self.url})

    def restore(self, company):
        subprocess.run([postgres_client("createdb"), "--maintenance-db", self.url, "second"], check=True)
        do(company, "restore-postgresql", **{"backup.dump": self.kept, '"$DATABASE_URL"': self.restored_url})


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """Where the database is, how it is backed up and restored."""
    if request.param == "sqlite":
        yield Sqlite(tmp_path)
        return
    with postgres() as url:
        yield Postgres(tmp_path, url)


def machine(folder, neighbours, url, broker):
    """A machine with the service on it."""
    made = Company(folder, neighbours, surroundings(neighbours, database=url, redis=broker))
    assert made.run("release").returncode == 0
    return made


def begin(company):
    company.start("worker")
    company.start("beat")


def test_a_restored_backup_goes_on(store, tmp_path, neighbours):
    """Half of the bookings, a backup, more bookings, a loss, the older backup elsewhere: each document is there once."""
    Scenario.demo(neighbours.world.clock(), MANY).fill(neighbours)
    neighbours.faults.add(kind="delay", remote="space-invoices", path="/order$", times=None, seconds=0.5)
    with redis() as broker:
        first = machine(mkdir(tmp_path / "one"), neighbours, store.url, broker)
        first.link()
        begin(first)
        first.until(lambda: sum(first.documents.values()) >= MANY // 3, "a third of the documents")
        store.back_up(first)
        behind = Counter(first.documents)
        [arrival] = {each["access_key"] for each in neighbours.connections if "arrival" in each["access_key"]}
        neighbours.book(bookings.own_sale(LATE, neighbours.world.clock()), account=arrival)
        first.until(lambda: sum(first.documents.values()) >= sum(behind.values()) + 5, "what the backup does not know")
        for each in first.running:
            first.kill(each)
        first.close()
    with redis() as broker:
        store.restore(first)
        second = machine(mkdir(tmp_path / "two"), neighbours, store.restored_url, broker)
        try:
            begin(second)
            second.until(lambda: LATE in second.documents and second.at_rest(MANY + 1), "rest", 90)
            assert [each for each in second.differences() if str(LATE) not in each] == []
            assert set(second.documents.values()) == {1}
        finally:
            second.close()


def mkdir(folder):
    folder.mkdir()
    return folder
