"""The web process over the house of a test: in memory where that is enough, on a real port where it is not."""

import threading
import time

import pytest
import uvicorn
from starlette.testclient import TestClient

from tests.builders import settings
from worker.web.app import build
from worker.web.server import config

SECRET, TOKEN = "app-secret", "path-token"


@pytest.fixture
def told():
    """The settings of the web process in these tests."""
    return settings(bokun_app_secret=f"older, {SECRET}", webhook_token=TOKEN, port=0)


@pytest.fixture
def web(told, services):
    """The web process in memory, asked from this machine."""
    app = build(told, services)
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000)) as client:
        yield client


class Serving:
    """A real server on a port of its own."""

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
def serving(told, services):
    """The web process on a real port."""
    with Serving(told, services) as server:
        yield server
