"""Both neighbours at protocol level, in one process of its own: tens of microseconds a request, any latency.

It knows the paths that the road uses and nothing else, keeps count of what it was asked, and holds the orders that
were posted, so that a look finds them and a run can be checked: every booking exactly once.

    python -m benchmarks.standin PORT LATENCY_MS BOOKINGS [--limit CALLS] [--seconds S]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter, deque
from functools import partial
from urllib.parse import parse_qs, urlsplit

from benchmarks import bookings

ORGANIZATION = "org"
CONNECTION = "cccccccccccccccccccccccc"
_BOOKING = re.compile(rb'"bookingId": ?(\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"


def _answer(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return _ANSWER.format(status=status, length=len(body), more=more).encode() + body


_TAKEN = _answer(b"{}")
_EMPTY = _answer(b"[]")
_NONE = _answer(b'{"items":[],"totalHits":0}')
_UNKNOWN = _answer(b'{"error":{"message":"unknown"}}', "404 Not Found")
_LATER = _answer(b'{"error":{"message":"later"}}', "429 Too Many Requests", "retry-after: 5\r\n")


class World:
    """What was asked and what was posted."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.latency = options.latency / 1000
        self.bookings = options.bookings
        self.connections = options.connections
        self.limit, self.seconds = options.limit, options.seconds
        self.template = bookings.Template(options.size)
        self.orders: dict[str, int] = {}
        self.calls: Counter[str] = Counter()
        self.recent: deque[float] = deque()
        self.times: list[float] = []
        self.refused = 0
        self.lanes: dict[str, list[float]] = {}
        self.last: tuple[str, float] = ("", 0.0)
        self._pages: dict[tuple[int, int], bytes] = {}

    def facts(self) -> dict[str, object]:
        posted = Counter(self.orders.values())
        return {
            "calls": dict(self.calls),
            "orders": len(self.orders),
            "twice": sum(n for times, n in posted.items() if times > 1),
            "refused": self.refused,
            "last": self.last,
            "times": self.times[:: max(1, len(self.times) // 20000)],
            "lanes": {name: [min(at), max(at)] for name, at in self.lanes.items()},
        }

    def answer(self, method: bytes, path: bytes, body: bytes) -> bytes:
        if path.startswith(b"/_"):
            return self._control(path, body)
        if self.limit and path.startswith(b"/booking.json") and not self._allowed():
            self.refused += 1
            return _LATER
        if method == b"POST":
            return self._posted(path, body)
        return self._got(path)

    def _allowed(self) -> bool:
        now = time.monotonic()
        while self.recent and self.recent[0] <= now - self.seconds:
            self.recent.popleft()
        if len(self.recent) >= self.limit:
            return False
        self.recent.append(now)
        self.times.append(now)
        return True

    def _posted(self, path: bytes, body: bytes) -> bytes:
        if path.startswith(b"/Bokun/"):
            self.calls["order"] += 1
            found = _BOOKING.search(body)
            name = found[1].decode() if found else "?"
            self.orders[name] = self.orders.get(name, 0) + 1
            self.lanes.setdefault(path[7:31].decode(), []).append(time.time())
            self.last = (name, time.time())
            return _TAKEN
        if path.startswith(b"/booking.json/booking-search"):
            self.calls["search"] += 1
            asked = json.loads(body)
            return self._page(asked["page"], asked["pageSize"]) if asked["bookingRole"] == "SELLER" else _NONE
        return _UNKNOWN

    def _got(self, path: bytes) -> bytes:
        if path.startswith(b"/booking.json/booking/"):
            self.calls["booking"] += 1
            return _answer(self.template.detail(path[22:].partition(b"?")[0]))
        if path.startswith(b"/Organizations/" + ORGANIZATION.encode()):
            return self._listed(path.decode())
        return _UNKNOWN

    def _listed(self, path: str) -> bytes:
        query = parse_qs(urlsplit(path).query)
        filter_ = json.loads(query.get("filter", ["{}"])[0])
        if "/bokun?" in path or path.endswith("/bokun"):
            self.calls["connections"] += 1
            shown = [connection(each) for each in range(self.connections)]
            first = filter_.get("skip", 0)
            return _answer(json.dumps(shown[first : first + 100]).encode())
        self.calls["look"] += 1
        if filter_.get("deleted"):
            return _EMPTY
        names = filter_["where"]["or"][0]["orderId"]["inq"]
        found = [self._order(name) for name in names if name in self.orders]
        first = filter_.get("skip", 0)
        return _answer(json.dumps(found[first : first + 100]).encode())

    def _order(self, name: str) -> dict[str, object]:
        return {"id": f"order-{name}", "bokunId": CONNECTION, "orderId": name, "number": f"BNCH-{name}",
                "invoiceId": f"invoice-{name}", "estimateId": None, "cancelled": False}  # fmt: skip

    def _page(self, page: int, size: int) -> bytes:
        if (page, size) not in self._pages:
            first = (page - 1) * size
            ids = range(bookings.FIRST + first, bookings.FIRST + min(first + size, self.bookings))
            items = b",".join(self.template.item(str(each).encode()) for each in ids)
            if len(self._pages) > 400:
                self._pages.clear()
            self._pages[page, size] = _answer(b'{"items":[%s],"totalHits":%d}' % (items, self.bookings))
        return self._pages[page, size]

    def _control(self, path: bytes, body: bytes) -> bytes:
        if path == b"/_set":
            for name, value in json.loads(body).items():
                setattr(self, name, value)
            self._pages.clear()
        if path == b"/_last":
            return _answer(json.dumps(self.last).encode())
        if path == b"/_forget":
            self.orders.clear()
            self.calls.clear()
            self.lanes.clear()
            self.times.clear()
        return _answer(json.dumps(self.facts()).encode())


def connection(number: int) -> dict[str, object]:
    """A Bokun object as Space Invoices shows it; the flags call for an invoice on arrival."""
    id_ = CONNECTION if number == 0 else f"{number:024d}"
    return {"id": id_, "name": f"Seller {number}", "active": True, "organizationId": ORGANIZATION,
            "sendInvoiceAutomatically": False, "sendEstimateAutomatically": False,
            "issueInvoiceOnComplete": False, "issueInvoiceForBankPayment": False}  # fmt: skip


class Neighbour(asyncio.Protocol):
    """One kept connection; requests one after the other, each answered after the latency."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self.world, self.loop = world, loop
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < whole:
                return
            method, path, _ = self.buffer[: self.buffer.index(b"\r\n")].split(b" ", 2)
            body = self.buffer[end + 4 : whole]
            self.buffer = self.buffer[whole:]
            if self.world.latency and not path.startswith(b"/_"):
                self.loop.call_later(self.world.latency, self._write, partial(self.world.answer, method, path, body))
            else:
                self._write(partial(self.world.answer, method, path, body))

    def _write(self, answer: partial[bytes]) -> None:
        self.transport.write(answer())  # type: ignore[attr-defined]


async def serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    world = World(options)
    server = await loop.create_server(lambda: Neighbour(world, loop), "127.0.0.1", options.port, backlog=1024)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("latency", type=float)
    parser.add_argument("bookings", type=int)
    parser.add_argument("--size", type=int, default=bookings.SIZE)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
