"""Planted secrets and persons among real processes: Flower, pages, metrics, commands, events, Redis, logs, tracebacks."""

import json
import sqlite3
import threading
import time
from contextlib import suppress

import httpx
import pytest
import redis as client
from celery import Celery

from tests.builders import NOW, Clock
from tests.journeys.company import Company, surroundings
from tests.journeys.test_canaries import ACCESS, MAIL, PERSON, PHONE, SECRET, TOKEN, A, planted
from tests.servers import redis
from worker.cli import broker
from worker.sandbox import Sandbox

HOOK, APP, LOGIN, ECHO = "canary-hook-9e5", "canary-app-9e6", "canary-login-9e7", "canary-echo-9e8"
SECRETS = (TOKEN, SECRET, HOOK, APP, LOGIN)
PERSONS = (PERSON, "Vogelsang", MAIL, PHONE)
REFUSED = {"error": {"statusCode": 422, "name": "ValidationError", "message": f"no, {ECHO}"}}
MANY = 4
COMMANDS = (
    "status", "status --json", "bookings list", "bookings list --json", f"explain {A}", f"explain {A} --json",
    f"explain {A + 1}", "deliveries list", "deliveries list --json", "connections list --json", "connections list",
    "audit --since 2020-01-01 --json", "audit --since 2020-01-01", "export --since 2020-01-01 out.csv",
    "export --since 2020-01-01 --format jsonl out.jsonl", "doctor", "doctor --json", "plan", "plan --json",
)  # fmt: skip
PAGES = ("/", "/bookings", f"/bookings/{A}", f"/bookings/{A + 1}", "/metrics", "/readyz", "/healthz")
FLOWER = ("/", "/workers", "/tasks", "/broker", "/api/tasks", "/api/workers", "/api/task/types", "/metrics",
          "/api/queues/length")  # fmt: skip


def told(neighbours, url, folder):
    neighbours.world.token = TOKEN
    neighbours.access_key, neighbours.secret_key = ACCESS, SECRET
    neighbours.add_account(ACCESS, SECRET)
    said = surroundings(neighbours, database=f"sqlite:///{folder / 'company.db'}", redis=url)
    ports = {"PORT": str(broker.free_port()), "FLOWER_PORT": str(broker.free_port())}
    secrets = {"WEBHOOK_TOKEN": HOOK, "BOKUN_APP_SECRET": APP, "FLOWER_BASIC_AUTH": f"me:{LOGIN}"}
    return said | ports | secrets | {"LOG_LEVEL": "debug"}


def sell(company):
    """Persons whose orders are refused with words, lost, answered by HTML, and taken."""
    company.neighbours.connect("Our store")
    faults = ({"kind": "status", "code": 422, "body": REFUSED}, {"kind": "reset"}, {"kind": "html"}, None)
    for number, fault in enumerate(faults):
        if fault:
            company.neighbours.faults.add(remote="space-invoices", path="/order$", booking=A + number, **fault)
        company.neighbours.book(planted(Clock(company.neighbours.world.clock()), A + number))


def listen(url, heard):
    """Keeps every event of the workers."""
    app = Celery(broker=url, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": "bokun:"}
    with suppress(Exception), app.connection() as connection:
        app.events.Receiver(connection, handlers={"*": heard.append}).capture(limit=None, timeout=25)


def dumped(url):
    """Every key of Redis with what it holds."""
    server = client.Redis.from_url(url)
    read = {b"list": lambda key: server.lrange(key, 0, -1), b"hash": server.hgetall, b"set": server.smembers,
            b"zset": lambda key: server.zrange(key, 0, -1, withscores=True), b"string": server.get}  # fmt: skip
    return "\n".join(f"{key} {read[server.type(key)](key)}" for key in server.keys("*"))


def spoil(company):
    """For three seconds a table is not there: bells fail with tracebacks of their own."""
    file = company.said["DATABASE_URL"].removeprefix("sqlite:///")
    for rename in ("delivery RENAME TO away", "away RENAME TO delivery"):
        with sqlite3.connect(file, timeout=30) as open_:
            open_.execute(f"ALTER TABLE {rename}")
        open_.close()
        time.sleep(3)


def get(company, port, path, **said):
    return httpx.get(f"http://127.0.0.1:{company.said[port]}{path}", trust_env=False, timeout=20, **said)


def up(company):
    with suppress(httpx.TransportError):
        return get(company, "PORT", "/healthz").status_code == 200 and get(company, "FLOWER_PORT", "/healthcheck")
    return False


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Everything that can be seen of a company, by where it was seen."""
    folder = tmp_path_factory.mktemp("canaries")
    with redis() as url, Sandbox() as neighbours:
        company = Company(folder, neighbours, told(neighbours, url, folder))
        company.run("release")
        sell(company)
        heard = []
        threading.Thread(target=listen, args=(url, heard), daemon=True).start()
        for line in ("web", "worker", "beat", "flower"):
            company.start(line)
        company.until(lambda: up(company), "all up")
        company.until(lambda: company.at_rest(MANY), "rest", 60)
        webhook = f"http://127.0.0.1:{company.said['PORT']}/webhooks/bokun"
        body = json.dumps(planted(Clock(NOW), A) | {"bookingId": A}, default=str)
        httpx.post(f"{webhook}/{HOOK}", content=body, trust_env=False)
        httpx.post(f"{webhook}/wrong-{HOOK}", content=PERSON, trust_env=False)
        spoil(company)
        found = {f"redis, {moment}": dumped(url) for moment in ("a", "b")}
        found |= {f"page {path}": get(company, "PORT", path).text for path in PAGES}
        ids = list(get(company, "FLOWER_PORT", "/api/tasks", auth=("me", LOGIN)).json())
        pages = [*FLOWER, *(f"/task/{each}" for each in ids[:5]), *(f"/api/task/info/{each}" for each in ids[:5])]
        found |= {f"flower {path}": get(company, "FLOWER_PORT", path, auth=("me", LOGIN)).text for path in pages}
        for command in COMMANDS:
            done = company.person(*command.split())
            found[f"command {command}"] = done.stdout + done.stderr
        found |= {f"file {each.name}": each.read_text() for each in folder.glob("out.*")}
        found["events"] = json.dumps(heard, default=str)
        company.close()
        found |= {f"log {each.stem}": each.read_text() for each in folder.glob("*.log")}
    return found


def holding(seen, words):
    """Where any of these words was seen."""
    return sorted({(where, word) for where, text in seen.items() for word in words if word in text})


def test_there_was_something_to_see(seen):
    """The searches below read what they mean to read: bookings, events, tasks, failures."""
    assert str(A) in seen["page /bookings"] + seen[f"page /bookings/{A}"]
    assert "tasks.deliver.due" in seen["flower /api/tasks"]
    assert "task-succeeded" in seen["events"]
    assert "database." in seen["log worker"]
    assert ECHO in seen[f"command explain {A}"]
    assert all(
        str(A) in seen[f"command {each}"] for each in ("bookings list", f"explain {A} --json", "deliveries list")
    )
    assert [where for where, text in seen.items() if where.startswith("command") and "Traceback" in text] == []


def test_no_secret_is_seen_anywhere(seen):
    """Tokens, keys and passwords are in no page, command, event, log, traceback and not in Redis."""
    assert holding(seen, SECRETS) == []


def test_no_person_is_seen_anywhere(seen):
    """Names, addresses and numbers of travellers are where documents are made and nowhere else."""
    assert holding(seen, PERSONS) == []


def test_what_a_remote_says_is_for_people_only(seen):
    """The remote's own words about a refusal, which may name somebody, are on the page and in commands, nowhere else."""
    rest = {where: text for where, text in seen.items() if not where.startswith(("command", "page /bookings", "file"))}
    del rest["page /"]
    assert holding(rest, [ECHO]) == []
