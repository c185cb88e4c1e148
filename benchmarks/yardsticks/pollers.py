"""Yardsticks of the poll, each in a process of its own, and the product's own poll beside them.

    python -m benchmarks.yardsticks.pollers ours|parse|first URL DATABASE

`parse`: the same pages over the product's own wire, signed and within the rate limit, and parsed by its own reader;
no fingerprint, no store. `first`: as first written, a client a page, full models, a session a booking.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict
from sqlmodel import Field, Session, SQLModel, create_engine

from benchmarks.ground import furnish
from benchmarks.standin import CONNECTION
from worker.bokun.bookings import search_bookings
from worker.calls.json import loads
from worker.flow.poll import poll_one
from worker.flow.services import Services, Until
from worker.store import connections

SIZE = 50


def _pages(fetch: Any) -> Any:
    page = 1
    while True:
        items = fetch(page)["items"]
        yield items
        if len(items) < SIZE:
            return
        page += 1


def _asked(page: int) -> str:
    return json.dumps({"bookingRole": "SELLER", "page": page, "pageSize": SIZE})


def parse(services: Services) -> int:
    with services.database.reading() as open_:
        [connection] = connections.load(open_)
    remote = services.bokun(connection)

    def fetch(page: int) -> Any:
        call = search_bookings(since=None, until=services.clock(), role="SELLER", page=page, size=SIZE)
        return remote.fetch(replace(call, parse=loads, read=lambda answer, _headers: answer))  # type: ignore[arg-type]

    return sum(len(items) for items in _pages(fetch))


class FirstRow(SQLModel, table=True):
    booking: int = Field(primary_key=True)
    content: str


class Item(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: int
    confirmationCode: str | None = None  # noqa: N815 - Bokun's word
    productBookings: list[dict[str, Any]] = []  # noqa: N815


def first(url: str, database: str) -> int:
    engine = create_engine(database)
    SQLModel.metadata.create_all(engine, tables=[FirstRow.__table__])

    def fetch(page: int) -> Any:
        with httpx.Client(timeout=30) as client:
            return client.post(f"{url}/booking.json/booking-search", content=_asked(page)).json()

    seen = 0
    for items in _pages(fetch):
        for each in items:
            item = Item.model_validate(each)
            content = item.model_dump_json()
            with Session(engine) as session:
                row = session.get(FirstRow, item.id)
                if row is None:
                    session.add(FirstRow(booking=item.id, content=content))
                elif row.content != content:
                    row.content = content
                session.commit()
            seen += 1
    return seen


def main() -> None:
    kind, url, database = sys.argv[1:4]
    if kind == "first":

        def step() -> int:
            return first(url, database)
    else:
        environment = {"DATABASE_URL": database, "REDIS_URL": sys.argv[4], "SPACE_INVOICES_URL": url, "BOKUN_URL": url,
                       "SPACE_INVOICES_TOKEN": "t", "SPACE_INVOICES_ORGANIZATIONS": "org", "BOKUN_ACCESS_KEY": "a",
                       "BOKUN_SECRET_KEY": "s", "BOKUN_CALLS_PER_MINUTE": "6000000",
                       "SPACE_INVOICES_CALLS_PER_SECOND": "100000"}  # fmt: skip
        services = furnish(environment)

        def step() -> int:
            if kind == "parse":
                return parse(services)
            return poll_one(services, CONNECTION, Until.seconds(services, 600)).bookings

    begun, used = time.monotonic(), time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = step()
    print(json.dumps({"rows": rows, "seconds": time.monotonic() - begun, "cpu": time.process_time() - used,
                      "before": before / 1024, "most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))  # fmt: skip


if __name__ == "__main__":
    main()
