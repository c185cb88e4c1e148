"""What a worker tells Flower, read as Flower reads it: from Redis."""

import base64
import json
from collections import defaultdict

import pytest
import redis as client

TOLD = "bokun:/0.celeryev/task.multi"


@pytest.fixture
def listening(company):
    """Gets what a worker told since the last time, by message: for each bell the events in it."""
    with client.Redis.from_url(company.said["REDIS_URL"]) as server, server.pubsub() as events:
        events.subscribe(TOLD)
        assert events.get_message(timeout=5)["type"] == "subscribe"

        def told():
            while message := events.get_message(timeout=0.1):
                by_bell = defaultdict(set)
                for each in json.loads(base64.b64decode(json.loads(message["data"])["body"])):
                    by_bell[each["uuid"]].add(each["type"].removeprefix("task-"))
                yield by_bell

        yield told


def test_a_bell_is_told_of_at_once_and_wholly(company, listening):
    """That a bell came, was begun and is over goes to Flower in one message, and of every bell that came the end is told."""
    company.start("worker")
    messages = []

    def told():
        messages.extend(listening())
        bells = defaultdict(set)
        for message in messages:
            for bell, events in message.items():
                bells[bell] |= events
        return bells

    company.until(lambda: len(told()) >= 8, "the bells of a start")
    company.until(lambda: all("succeeded" in events for events in told().values()), "their ends")
    assert {"received", "started", "succeeded"} in [events for each in messages for events in each.values()]
