"""What is lost on the way does not show in the end: each booking has exactly one document."""

import pytest
import redis as client

from tests.journeys.company import serving
from worker.flow.drain import poll_all
from worker.flow.plan import plan
from worker.flow.refresh import refresh
from worker.flow.services import Until
from worker.sandbox import bookings

FIRST, MANY = 9_100_001, 60
ALL = range(FIRST, FIRST + MANY)


@pytest.fixture
def busy(company):
    """A company with sixty planned deliveries, whose remote takes a second to issue; a beat rings."""
    company.neighbours.connect("Our store")
    for number in ALL:
        company.neighbours.book(bookings.own_sale(number, company.neighbours.world.clock()))
    company.neighbours.faults.add(kind="delay", remote="space-invoices", path="/order$", times=None, seconds=1)
    soon = Until.seconds(company.services, 60)
    refresh(company.services)
    poll_all(company.services, soon)
    plan(company.services, soon)
    company.start("beat")
    return company


def test_a_worker_killed_in_the_middle_of_a_drain(busy):
    """After SIGKILL of a worker and all its children in mid-send, another one leaves one document per booking."""
    worker = busy.start("worker")
    busy.until(lambda: len(busy.documents) >= 5, "the middle of the drain")
    busy.kill(worker)
    assert len(busy.documents) < MANY
    busy.start("worker")
    busy.until(lambda: busy.at_rest(MANY), "rest")
    assert busy.documents == dict.fromkeys(ALL, 1)
    assert busy.status["deliveries"]["confirmed"] == MANY


def test_everything_in_redis_is_lost_in_the_middle(busy):
    """After FLUSHALL while bells, limits and bookings are under way, nothing is missing and nothing is doubled."""
    busy.start("worker")
    with client.Redis.from_url(busy.said["REDIS_URL"]) as server:
        for documents in (1, 10, 25):
            busy.until(lambda wanted=documents: len(busy.documents) >= wanted, f"{documents} documents")
            server.flushall()
    busy.until(lambda: busy.at_rest(MANY), "rest")
    assert busy.documents == dict.fromkeys(ALL, 1)
    assert busy.status["deliveries"]["confirmed"] == MANY


def test_the_broker_dies_and_comes_back_empty(busy, tmp_path):
    """While the broker is gone what was begun is finished; when it is back, without a memory, all the rest follows."""
    busy.start("worker")
    busy.until(lambda: len(busy.documents) >= 1, "the middle of the drain")
    with client.Redis.from_url(busy.said["REDIS_URL"]) as server:
        server.shutdown(nosave=True)
    busy.until(lambda: busy.status["deliveries"]["sending"] == 0, "the end of what was begun")
    with serving(busy.said["REDIS_URL"], tmp_path):
        busy.until(lambda: supervised(busy) and busy.at_rest(MANY), "rest")
    assert busy.documents == dict.fromkeys(ALL, 1)


def supervised(company):
    """Starts the worker again if it ended: Celery gives up in one of four such cases (reliability.md C7)."""
    if company.running[-1].poll() is not None:
        company.start("worker")
    return True


def test_a_worker_that_is_told_to_stop_finishes_what_it_sends(busy):
    """SIGTERM in the middle of a drain ends the worker with 0 in its sixty seconds, nothing unanswered; the next goes on."""
    worker = busy.start("worker")
    busy.until(lambda: len(busy.documents) >= 5, "the middle of the drain")
    assert busy.stop(worker, 60) == 0
    left = busy.status["deliveries"]
    assert (left["sending"], left["unknown"]) == (0, 0)
    busy.start("worker")
    busy.until(lambda: busy.at_rest(MANY), "rest")
    assert busy.documents == dict.fromkeys(ALL, 1)
