"""Messages that a worker may find on the broker after an upgrade, or that somebody else put there: it lives, and goes on."""

import base64
import json
import pickle

import pytest
import redis as client

from tests.journeys.company import ROOT
from worker.sandbox import bookings

RELEASES = sorted((ROOT / "tests/upgrades").glob("*/messages.json"))
QUEUE = "bokun:bells"
A = 9_100_001


class Trap:
    """Unpickled it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def old(path):
    return json.loads(path.read_text())


def put(company, messages):
    """Puts messages on the broker as they are."""
    with client.Redis.from_url(company.said["REDIS_URL"]) as server:
        for each in messages:
            server.lpush(QUEUE, json.dumps(each))


def waiting(company):
    """How many messages nobody took yet, or took and did not acknowledge."""
    with client.Redis.from_url(company.said["REDIS_URL"]) as server:
        return server.llen(QUEUE) + server.hlen("bokun:unacked")


def like(message, **headers):
    """The message with other headers, and a tag of its own."""
    made = json.loads(json.dumps(message))
    made["headers"] |= {"expires": None} | headers
    made["properties"]["delivery_tag"] = made["headers"]["id"] = (
        f"{len(json.dumps(headers))}-{message['headers']['id']}"
    )
    return made


def says(message, body, kind="application/json", **headers):
    """The message with another body."""
    made = like(message, **headers)
    return made | {"body": base64.b64encode(body).decode(), "content-type": kind}


def works(company):
    """The worker still turns a booking into its document."""
    worker = company.running[0]
    company.neighbours.connect("Store")
    company.neighbours.book(bookings.own_sale(A, company.neighbours.world.clock()))
    assert company.person("enqueue", "refresh", "--wait").returncode == 0
    assert company.person("enqueue", "poll", "--wait").returncode == 0
    company.until(lambda: company.at_rest(1), "rest")
    assert (worker.poll(), company.documents) == (None, {A: 1})


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.parent.name)
def test_bells_of_the_release_before_are_understood(company, path):
    """Every message of the old release is heard, or dropped where it came too late, and the worker goes on."""
    company.said["LOG_LEVEL"] = "info"
    messages = old(path)
    put(company, messages)  # too late: they expired with the release
    put(company, [like(each) for each in messages])
    company.start("worker")
    names = {each["headers"]["task"] for each in messages}
    company.until(lambda: names <= set(company.status["bells"]), "all bells")
    company.start("beat")
    works(company)
    assert "unregistered" not in company.logs


def test_strange_messages_are_dropped(company):
    """Unknown tasks, unknown or missing arguments and an unreadable body are dropped, and the worker goes on."""
    [some, *_] = (each for each in old(RELEASES[0]) if each["headers"]["task"] == "tasks.poll.connection")
    body = lambda args, kwargs: json.dumps([args, kwargs, {}]).encode()  # noqa: E731 - two shapes of one thing
    put(company, [
        like(some, task="tasks.of.tomorrow"),
        says(some, body(["c1"], {"of": "tomorrow"}), id="1"),
        says(some, body([], {}), lang="py"),
        says(some, body(["c1", "c2", 3], {}), retries=1),
        says(some, b"{not json", lang="xx"),
        says(some, body(["c1"], {}), "application/x-yaml", group="g"),
    ])  # fmt: skip
    company.start("worker")
    company.until(lambda: waiting(company) == 0, "an empty queue")
    company.start("beat")
    works(company)


def test_a_pickle_is_refused(company, tmp_path):
    """A pickled message is dropped unread: what it would do is not done, and the worker goes on."""
    trap = tmp_path / "sprung"
    [some, *_] = old(RELEASES[0])
    put(company, [says(some, pickle.dumps(((Trap(str(trap)),), {}, {})), "application/x-python-serialize")])
    company.start("worker")
    company.until(lambda: waiting(company) == 0, "an empty queue")
    company.start("beat")
    works(company)
    assert not trap.exists()
