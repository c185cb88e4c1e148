"""The web process as it runs in production: a process of its own, on PostgreSQL, with a real Redis."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import text

from tests import servers
from tests.builders import add_connection, settings
from tests.web import scenes
from tests.web.conftest import Serving
from worker.store import tables
from worker.store.database import Database
from worker.store.migrate import upgrade
from worker.web.board import board
from worker.web.metrics import read


@contextmanager
def process(tmp_path, **said):
    """`python -m worker.web` on a free port over a migrated SQLite file; yields the process and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"sqlite:///{tmp_path}/web.db"
    own = {"PORT": str(port), "DATABASE_URL": url, "WEBHOOK_TOKEN": "t", "REDIS_URL": ""} | said
    started = subprocess.Popen([sys.executable, "-m", "worker.web"], env=os.environ | own, stderr=subprocess.DEVNULL)
    try:
        yield started, f"http://127.0.0.1:{port}", Database(url)
    finally:
        started.kill()
        started.wait(10)


def wait_for(address, started):
    """Until the process answers."""
    for _ in range(600):
        try:
            return httpx.get(f"{address}/healthz")
        except httpx.TransportError:
            assert started.poll() is None
            time.sleep(0.03)
    raise AssertionError("it does not answer")


def test_killed_after_the_answer(tmp_path):
    """Whatever was answered 200 is stored, though the process is killed the moment after."""
    with process(tmp_path) as (started, address, database):
        upgrade(database.engine)
        add_connection(database)
        wait_for(address, started)
        with httpx.Client() as client:
            answers = [client.post(f"{address}/webhooks/bokun/t", json={"id": each}) for each in range(1, 201)]
        started.send_signal(signal.SIGKILL)
        started.wait(10)
        assert {each.status_code for each in answers} == {200}
        with database.reading() as open_:
            assert open_.execute(text("SELECT count(*) FROM notice")).scalar() == 200
        database.close()


def test_stops(tmp_path):
    """A signal ends it cleanly, with exit code 0."""
    with process(tmp_path) as (started, address, database):
        wait_for(address, started)
        started.send_signal(signal.SIGTERM)
        assert started.wait(10) == 0
        database.close()


def test_wrong_setting(tmp_path):
    """A wrong setting is one line and exit code 2."""
    command = [sys.executable, "-m", "worker.web"]
    ended = subprocess.run(
        command, check=False, env=os.environ | {"PORT": "no"}, capture_output=True, text=True, cwd=tmp_path
    )
    assert (ended.returncode, ended.stderr.count("\n"), ended.stderr[:5]) == (2, 1, "PORT:")


def test_taken_port(tmp_path):
    """A port that is taken is exit code 1, not a process that serves nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with process(tmp_path, PORT=str(taken.getsockname()[1])) as (started, _, database):
            assert started.wait(20) == 1
            database.close()


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server for this module."""
    made = servers.Postgres()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def postgres(server):
    """Its address."""
    return server.url


@pytest.fixture
def on_postgres(postgres, house):
    """The house on PostgreSQL, its tables new."""
    database = Database(settings(database_url=postgres).database_url)
    tables.metadata.drop_all(database.engine)
    tables.metadata.create_all(database.engine)
    yield house.with_services(database=database)
    database.close()


def send(url, first):
    """25 webhooks one after the other; the statuses."""
    with httpx.Client() as client:
        return [client.post(url, json={"id": each}).status_code for each in range(first, first + 25)]


def test_postgres_webhooks(on_postgres, told):
    """On PostgreSQL webhooks that come side by side, repeated ones too, are all stored."""
    add_connection(on_postgres.services.database)
    with Serving(told, on_postgres.services) as serving, ThreadPoolExecutor(4) as senders:
        address = f"{serving.url}/webhooks/bokun/path-token"
        statuses = [each for sent in senders.map(lambda first: send(address, first), (1, 26, 51, 1)) for each in sent]
    assert statuses == [200] * 100
    assert {booking for (booking,) in on_postgres.rows(tables.Notice, "booking_id")} == set(range(1, 76))


def test_postgres_reads(on_postgres):
    """On PostgreSQL the page and the metrics read the same as on SQLite."""
    scenes.stuck(on_postgres.services.database)
    found = board(on_postgres.services, {f"tasks.{bell}": 10.0 for bell in scenes.BELLS})
    assert sorted({each.kind for each in found.needs}) == [
        "ask", "blocked", "held", "import", "overdue", "paused", "silent", "unknown"]  # fmt: skip
    assert sum(found.by_day.values()) == 95
    assert min(day for day, _ in found.by_day) == found.days[0]
    assert read(on_postgres.services).holds["withheld"] == 1


@pytest.mark.parametrize("frozen", [False, True], ids=["alive", "frozen"])
def test_redis(on_postgres, told, frozen):
    """With Redis alive or frozen a webhook is answered in far less than the time that Bokun waits."""
    from worker.app import celery_app, ring

    with servers.redis() as url:
        celery_app(settings(redis_url=url))
        add_connection(on_postgres.services.database)
        server = _server_of(url)
        if frozen:
            os.kill(server, signal.SIGSTOP)
        with Serving(told, on_postgres.with_services(ring=ring).services) as serving:
            answers = [httpx.post(f"{serving.url}/webhooks/bokun/path-token", json={"id": each}, timeout=5)
                       for each in (1, 2, 3)]  # fmt: skip
        assert [each.status_code for each in answers] == [200, 200, 200]
        os.kill(server, signal.SIGCONT)


def test_frozen_postgres(on_postgres, told, server):
    """While PostgreSQL is frozen webhooks are answered 503, before it is woken; what comes again then is stored."""
    add_connection(on_postgres.services.database)
    with Serving(told, on_postgres.services) as serving:
        address = f"{serving.url}/webhooks/bokun/path-token"
        before = httpx.post(address, json={"id": 1}).status_code
        thaw = server.freeze()
        try:
            frozen = [httpx.post(address, json={"id": each}, timeout=30).status_code for each in (2, 3)]
        finally:
            thaw()
        after = httpx.post(address, json={"id": 3}, timeout=30).status_code
    assert (before, frozen, after) == (200, [503, 503], 200)
    assert {1, 3} <= {booking for (booking,) in on_postgres.rows(tables.Notice, "booking_id")}


def _server_of(url):
    """The process that listens there."""
    import redis

    with redis.Redis.from_url(url) as client:
        return client.info("server")["process_id"]
