"""The web process over the house of a test: in memory where that is enough, on a real port where it is not."""

import threading
import time

import pytest
import uvicorn
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from tests.builders import add_connection, settings
from tests.web.senders import SECRET, TOKEN
from worker.store import tables
from worker.web.app import build
from worker.web.server import config


class Serving:
    """The web process on a port of its own."""

    def __init__(self, told, services):
        self._server = uvicorn.Server(config(told, build(told, services)))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def told():
    """The settings of the web process in these tests: two app secrets, because one is being replaced."""
    return settings(bokun_app_secret=f"older, {SECRET}", webhook_token=TOKEN, port=0)


@pytest.fixture
def open_web():
    """Opens the web process in memory under settings and services, asked from this machine."""
    opened = []

    def opening(told, services, *, url="http://127.0.0.1", address="127.0.0.1"):
        client = TestClient(build(told, services), base_url=url, client=(address, 50000), follow_redirects=False)
        opened.append(client.__enter__())
        return client

    yield opening
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def web(open_web, told, services):
    """The web process in memory."""
    return open_web(told, services)


@pytest.fixture
def serving(told, services):
    """The web process on a real port."""
    with Serving(told, services) as server:
        yield server


@pytest.fixture
def connected(database):
    """Two connections of one organization, and one that is gone."""
    add_connection(database, "c1")
    add_connection(database, "c2")
    add_connection(database, "old", gone_at=tables.datetime.fromisoformat("2025-01-01T00:00:00+00:00"))


@pytest.fixture
def inbox(house):
    """Reads the notices: (connection, booking, source)."""
    return lambda: sorted(house.rows(tables.Notice, "connection_id", "booking_id", "source"))


@pytest.fixture
def lines():
    """Everything that is logged."""
    with capture_logs() as logged:
        yield logged
