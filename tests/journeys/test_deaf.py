"""Workers that are alive and hear nothing: their broker does not answer them any more, or they do not listen."""

import os
import signal
import sys
import time
from urllib.parse import urlsplit

import pytest
import redis as client

from tests.journeys import company as companies
from tests.journeys.test_losses import supervised
from tests.proxies import Proxy
from worker.sandbox import bookings

A, B = 9_300_001, 9_300_002
DEAF = """
import datetime, pathlib, sys
from celery.signals import worker_ready
from kombu.transport.redis import Channel
from worker import watchdog
watchdog.LEAST, watchdog.GRACE = datetime.timedelta(seconds=6), 5.0

def stop_listening(**_):
    Channel._brpop_start = lambda self, timeout=10: None

if not (once := pathlib.Path("deaf-once")).exists():
    once.touch()
    worker_ready.connect(stop_listening, weak=False)
sys.argv = ["celery", *sys.argv[1:]]
from celery.__main__ import main
main()
"""
"""The worker of the Procfile with a patience of seconds, whose consumer asks the broker for nothing at its first start."""


def sell(company, id_):
    company.neighbours.book(bookings.own_sale(id_, company.neighbours.world.clock()))


@pytest.fixture
def open_shop(company):
    """A company with one store and a beat."""
    company.neighbours.connect("Our store")
    company.start("beat")
    return company


def test_a_worker_that_does_not_listen_restarts_itself(open_shop, tmp_path, monkeypatch):
    """It is alive, its broker takes bells, and it asks for none: it ends itself, and its successor makes the document."""
    script = tmp_path / "deaf.py"
    script.write_text(DEAF)
    words = companies.PROCFILE["worker"].removeprefix("celery")
    monkeypatch.setitem(companies.PROCFILE, "worker", f"{sys.executable} {script}{words}")
    worker = open_shop.start("worker")
    open_shop.until((tmp_path / "deaf-once").exists, "the start")
    sell(open_shop, A)
    open_shop.until(lambda: worker.poll() is not None, "the end of the deaf worker")
    assert "worker.deaf" in (tmp_path / "worker.log").read_text()
    assert open_shop.documents[A] == 0
    open_shop.start("worker")
    open_shop.until(lambda: open_shop.at_rest(1), "rest")
    assert open_shop.documents == {A: 1}


def test_a_broker_that_was_frozen_is_heard_again(open_shop):
    """Redis is frozen for longer than its clients wait, and thaws: what was sold meanwhile gets its document."""
    open_shop.start("worker")
    sell(open_shop, A)
    open_shop.until(lambda: open_shop.at_rest(1), "the first document")
    with client.Redis.from_url(open_shop.said["REDIS_URL"]) as server:
        frozen = server.info("server")["process_id"]
    os.kill(frozen, signal.SIGSTOP)
    try:
        sell(open_shop, B)
        time.sleep(8)
    finally:
        os.kill(frozen, signal.SIGCONT)
    open_shop.until(lambda: supervised(open_shop) and open_shop.documents[B] == 1, "the second document", 60)
    open_shop.until(lambda: open_shop.at_rest(2), "rest")
    assert open_shop.documents == {A: 1, B: 1}


def test_half_open_connections_to_the_broker_are_left(open_shop):
    """Every connection to Redis goes silent without a word: the same worker consumes again and makes the document."""
    broker = urlsplit(open_shop.said["REDIS_URL"])
    proxy = Proxy(broker.port)
    open_shop.said["REDIS_URL"] = broker._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
    worker = open_shop.start("worker")
    sell(open_shop, A)
    open_shop.until(lambda: open_shop.at_rest(1), "the first document")
    assert proxy.silence() > 0
    sell(open_shop, B)
    open_shop.until(lambda: open_shop.documents[B] == 1, "the second document", 60)
    assert worker.poll() is None
    open_shop.until(lambda: open_shop.at_rest(2), "rest")
    assert open_shop.documents == {A: 1, B: 1}
    proxy.close()
