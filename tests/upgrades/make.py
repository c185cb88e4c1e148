"""Makes the fixtures of a release by running its own code: rows in every state, the orders that the remote then held, bells.

With a checkout of that release: PYTHONPATH=CHECKOUT python tests/upgrades/make.py FOLDER
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis as client

from config.settings import read
from tests.builders import Clock, House, furnish, settings
from tests.servers import redis
from worker import app, wiring
from worker.domain.delivery import Event
from worker.flow import deliver as delivering
from worker.flow import imports, people
from worker.flow.look import look_first
from worker.sandbox import Sandbox, bookings
from worker.sandbox.exact import dumps
from worker.store import connections, tables
from worker.store.database import Database
from worker.store.migrate import upgrade

STATES = ("confirmed", "accepted", "arrived", "lost", "held", "settled", "superseded", "sending", "planned", "noticed",
          "waiting", "asked", "skipped")  # fmt: skip
BOOKING = {name: 9_000_001 + place for place, name in enumerate(STATES)}
"""The booking of each state; the test of the upgrade knows the same numbers."""
ORDER: dict[str, Any] = {"remote": "space-invoices", "path": "/order$"}


def book(house: House, state: str, account: str | None = None, **knobs: Any) -> None:
    house.sandbox.book(bookings.deposit(BOOKING[state], house.clock(), **knobs), account=account)


def rows(folder: Path) -> None:
    """Walks bookings into every state and writes database and remote down."""
    clock, file = Clock(), Path(tempfile.mkdtemp()) / "store.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database.engine)
    built = wiring.build(settings(in_flight=8, call_timeout=5, database_url="sqlite:///:memory:"))
    with Sandbox(clock) as sandbox:
        house = House(furnish(built, sandbox, database, clock), sandbox, clock)
        walk(house, clock)
        orders = [{"connection": each["bokunId"], "payload": payload}
                  for each in sandbox.orders for payload in each["payloads"]]  # fmt: skip
    built.close()
    database.close()
    with closing(sqlite3.connect(file)) as open_:
        (folder / "store.sql").write_text("\n".join(open_.iterdump()) + "\n")
    remote = {"now": clock().isoformat(), "bookings": BOOKING, "orders": orders}
    (folder / "remote.json").write_text(dumps(remote) + "\n")


def walk(house: House, clock: Clock) -> None:
    house.sandbox.connect("Store")
    later = house.sandbox.connect("Later", account=house.sandbox.add_account("second", "secret").access_key,
                                  issueInvoiceOnComplete=True)  # fmt: skip
    house.mirror()
    with house.services.database.transaction() as open_:  # the house of the tests does not encrypt
        connections.change(open_, later["id"], access_key="second", secret_key="secret")
    faults = house.sandbox.faults
    book(house, "confirmed")
    book(house, "waiting", "second", ends_in=timedelta(days=3))
    book(house, "asked", status="ON_HOLD")
    book(house, "skipped", status="CANCELLED")
    house.drain(2)
    for state in ("held", "settled"):
        book(house, state)
        faults.add(kind="status", code=422, body={"error": {"statusCode": 422, "message": "no unit"}},
                   booking=BOOKING[state], **ORDER)  # fmt: skip
    house.drain()
    [row] = [row for row in house.rows(tables.Delivery, "id", "booking_id", "state") if row[1] == BOOKING["settled"]]
    people.decide_by_hand(house.services, row[0], Event.SETTLED, because="written by hand")
    house.drain()
    book(house, "superseded")
    house.poll()
    house.plan()
    house.sandbox.change(BOOKING["superseded"], cancel=True)
    house.poll()
    house.plan()
    house.sandbox.knobs.order_lag = 3600
    for state in ("accepted", "arrived", "lost"):
        book(house, state)
    faults.add(kind="reset", after_effect=True, booking=BOOKING["arrived"], **ORDER)
    faults.add(kind="close", booking=BOOKING["lost"], **ORDER)
    house.poll()
    house.plan()
    house.deliver()
    book(house, "sending")
    house.poll()
    house.plan()
    _claim(house)
    book(house, "planned")
    house.poll()
    house.plan()
    book(house, "noticed")
    house.poll()
    imports.ask(house.services, later["id"], "orders", None)


def _claim(house: House) -> None:
    """A worker that is killed between its claim and its call."""
    look_first(house.services)
    assert len(list(delivering._claim(house.services, 1, None, backfill=None))) == 1


def bells(folder: Path) -> None:
    """What lies in Redis after each task of the release was rung, as it lies there."""
    with redis() as url:
        made = app.celery_app(read(_env_file=None, redis_url=url))
        made.loader.import_default_modules()
        ids = {"tasks.poll.connection": ["c1"], "tasks.plan.booking": ["c1", 7], "tasks.imports.run": [1],
               "tasks.prices.connection": ["c1"]}  # fmt: skip
        for name in sorted(name for name in made.tasks if name.startswith("tasks.")):
            app.ring(name, *ids.get(name, ()))
        with client.Redis.from_url(url, decode_responses=True) as server:
            found = [json.loads(each) for each in reversed(server.lrange("bokun:bells", 0, -1))]
    for each in found:
        each["headers"]["origin"] = "gen1@host"
    (folder / "messages.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    rows(Path(sys.argv[1]))
    bells(Path(sys.argv[1]))
