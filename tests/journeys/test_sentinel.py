"""A broker behind Sentinel: REDIS_URL is one address that follows the master, as docs/scaling.md says."""

import socket
import subprocess
import threading
from contextlib import suppress

import pytest
import redis as client

from tests.journeys.company import Company, surroundings
from worker.cli import broker
from worker.sandbox import bookings

FIRST, MANY = 9_100_001, 40
ALL = range(FIRST, FIRST + MANY)


def served(folder, name, *words, lines=""):
    """A server of its own; returns it and its port."""
    port = broker.free_port()
    file = folder / f"{name}.conf"
    file.write_text(f'port {port}\nbind 127.0.0.1\ndir {folder}\nsave ""\ndbfilename {name}.rdb\n{lines}')
    with (folder / f"{name}.txt").open("wb") as log:
        return subprocess.Popen([broker.executable(), file, *words], stdout=log, stderr=log), port


class Follower(threading.Thread):
    """One address in front of whatever server Sentinel calls the master; what HAProxy or a provider does."""

    def __init__(self, sentinel):
        super().__init__(daemon=True)
        self.sentinel = sentinel
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.door.getsockname()[1]}/0"

    def master(self):
        with client.Redis(port=self.sentinel, decode_responses=True) as asked:
            return int(asked.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "bells")[1])

    def run(self):
        with suppress(OSError):
            while True:
                here, _ = self.door.accept()
                try:
                    there = socket.create_connection(("127.0.0.1", self.master()), timeout=2)
                except OSError:
                    here.close()
                    continue
                there.settimeout(None)
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, one, other):
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def guarded(tmp_path):
    """A master, a replica and a Sentinel that waits a second, behind one address; yields the master's process and that address."""
    master, port = served(tmp_path, "master")
    replica, _ = served(tmp_path, "replica", lines=f"replicaof 127.0.0.1 {port}\n")
    rules = (f"sentinel monitor bells 127.0.0.1 {port} 1\nsentinel down-after-milliseconds bells 1000\n"
             "sentinel failover-timeout bells 4000\n")  # fmt: skip
    sentinel, asked = served(tmp_path, "sentinel", "--sentinel", lines=rules)
    follower = Follower(asked)
    try:
        yield master, port, follower
    finally:
        follower.door.close()
        for each in (sentinel, replica, master):
            each.kill()
            each.wait()


def knows_its_replica(follower):
    with suppress(client.ConnectionError), client.Redis(port=follower.sentinel, decode_responses=True) as asked:
        found = asked.execute_command("SENTINEL", "REPLICAS", "bells")
        return bool(found) and "ok" in str(found)
    return False


def test_a_failover_in_the_middle_loses_and_doubles_nothing(guarded, tmp_path, neighbours):
    """The master dies while documents are being sent; Sentinel makes the replica the master, and every booking gets its one."""
    master, port, follower = guarded
    said = surroundings(neighbours, database=f"sqlite:///{tmp_path / 'company.db'}", redis=follower.url)
    company = Company(tmp_path, neighbours, said)
    try:
        company.until(lambda: knows_its_replica(follower), "the replica")
        follower.start()
        assert company.run("release").returncode == 0
        neighbours.connect("Our store")
        for number in ALL:
            neighbours.book(bookings.own_sale(number, neighbours.world.clock()))
        neighbours.faults.add(kind="delay", remote="space-invoices", path="/order$", times=None, seconds=0.5)
        company.start("beat")
        company.start("worker")
        company.until(lambda: len(company.documents) >= 3, "the middle of the drain")
        master.kill()
        company.until(lambda: follower.master() != port, "the failover")
        neighbours.book(bookings.own_sale(FIRST + MANY, neighbours.world.clock()))
        company.until(lambda: supervised(company) and company.at_rest(MANY + 1), "rest", 60)
        assert company.documents == dict.fromkeys([*ALL, FIRST + MANY], 1)
    finally:
        company.close()


def supervised(company):
    """Starts again what ended, as a supervisor does: Celery gives up on its broker in some cases (reliability.md C7)."""
    for place, line in ((0, "beat"), (1, "worker")):
        if company.running[place].poll() is not None:
            company.running[place] = company.start(line)
            company.running.pop()
    return True
