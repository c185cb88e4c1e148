"""A database that can be cut at every commit, and a wire that can be cut before, in and after the effect."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette

from tests.builders import Clock, OneByOne
from worker.calls import json
from worker.calls.wire import Reply, Request, Silence
from worker.sandbox import Sandbox
from worker.sandbox.bokun import Bokun
from worker.sandbox.spaceinvoices import SpaceInvoices
from worker.store import database, tables
from worker.store.database import Database, must_be_closed

SLOWEST = 500.0
"""Seconds after which a remote that went silent can still take an order; well below ABSENCE_AFTER (adr/0006)."""


@dataclass
class Weather:
    """How bad it is, and what happened: one random number generator decides everything."""

    random: random.Random
    clock: Clock
    cut: float = 0.0
    """The share of commits, and of calls, that go wrong."""
    orders: float = 0.5
    """The share of orders that go wrong."""
    slow: int = 2
    """How often, beside the nine other faults, an order takes effect long after its call was given up."""
    pause: Callable[[], None] = lambda: None
    committed: Callable[[], None] = lambda: None
    story: list[str] = field(default_factory=list)
    faults: int = 0

    def happens(self, share: float | None = None) -> bool:
        """Whether something goes wrong now."""
        wrong = self.random.random() < (self.cut if share is None else share)
        self.faults += wrong
        return wrong

    def tell(self, line: str) -> None:
        """One line of the story, with its time."""
        self.story.append(f"{self.clock():%d %H:%M:%S} {line}")


def in_memory() -> Database:
    """One database in memory for all threads: the baton lets only one of them use it at a time."""
    made = Database("sqlite:///:memory:")
    made.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(made.engine, "connect", _quick)
    event.listen(made.engine, "begin", database._begin)
    tables.metadata.create_all(made.engine)
    return made


def _quick(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def emptied(made: Database) -> Database:
    """The same database without a row."""
    with made.transaction() as open_:
        for each in tables.metadata.sorted_tables:
            open_.execute(each.delete())
    return made


@dataclass
class CutDatabase:
    """Every transaction waits for the baton first; it may fail before, or be committed and nobody hears of it."""

    real: Database
    weather: Weather

    def run(self, step: Callable[[Any], Any], *, durable: bool = True) -> Any:
        self._before()
        result = self.real.run(step, durable=durable)
        self._after()
        return result

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Any]:
        self._before()
        with self.real.transaction(durable=durable) as open_:
            yield open_
        self._after()

    @contextmanager
    def reading(self) -> Iterator[Any]:
        self._before()
        with self.real.reading() as open_:
            yield open_

    def _before(self) -> None:
        self.weather.pause()
        if self.weather.happens():
            self.weather.tell("the database is away")
            raise OperationalError("-", {}, Exception("connection refused"))

    def _after(self) -> None:
        self.weather.committed()
        if self.weather.happens(self.weather.cut / 2):
            self.weather.tell("a commit's answer is lost")
            raise OperationalError("-", {}, Exception("server closed the connection unexpectedly"))


class Remotes(Sandbox):
    """Both neighbours without sockets: a call is a call of their applications."""

    bokun_url = "http://bokun"  # type: ignore[assignment]
    space_invoices_url = "http://space-invoices/v1"  # type: ignore[assignment]


@dataclass(frozen=True)
class Seen:
    """An order or a look that reached Space Invoices, as the judge needs it."""

    at: datetime
    kind: str
    booking: int
    key: str
    status: int | None
    effect: bool
    """Whether it may have taken effect, as the sender can know."""
    text: str
    stale: bool = False
    """Whether our own inbox knew of a cancellation before this order was claimed."""


@dataclass
class CutWire(OneByOne):
    """The wire to both remotes: refuses late calls like the real one, and is cut before, in and after the effect."""

    remotes: Sandbox
    weather: Weather
    blind: bool = False
    """A weakened copy: looks see nothing."""
    is_stale: Callable[[int], bool] = lambda _: False
    seen: list[Seen] = field(default_factory=list)
    late: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.remotes.world
        self._apps = {
            "bokun": Starlette(routes=Bokun(world).routes()),
            "space-invoices": Starlette(routes=SpaceInvoices(world).routes()),
        }

    def send(self, request: Request) -> Reply | Silence:
        """One call with everything that can become of it."""
        must_be_closed()
        weather, clock = self.weather, self.weather.clock
        weather.pause()
        if request.send_until is not None and clock.monotonic() > request.send_until:
            weather.tell("the guard refuses a late order")
            return Silence(began=False, why="NotInTime")
        order = request.method == "POST" and request.url.endswith("/order")
        if weather.happens(weather.cut / 2):
            weather.tell(f"{request.method} {urlsplit(request.url).path} is not sent")
            return Silence(began=False, why="ConnectError")
        answer = self._order(request) if order else self._read(request)
        weather.pause()
        return answer

    def _read(self, request: Request) -> Reply | Silence:
        if self.weather.happens():
            return self._spoiled()
        answer = self._call(request)
        if "/orders" in request.url and answer.status == 200:
            if self.blind:
                answer = Reply(200, {"x-total-count": "0"}, b"[]")
            self._note("look", 0, "", answer.status, unquote(request.url), effect=False)
        return answer

    def _order(self, request: Request) -> Reply | Silence:
        body = json.loads(request.body or "{}")
        booking, mark = int(body["bookingId"]), body["custom"]["bokunSync"]
        kind = self._fault()
        answer: Reply | Silence = Silence(began=True, why="ReadTimeout")
        if kind in ("fine", "lost"):
            taken = self._call(request)
            answer = taken if kind == "fine" else answer
        elif kind == "late":
            wait = timedelta(seconds=self.weather.random.uniform(1, SLOWEST))
            self.late.append((self.weather.clock() + wait, lambda: self._call(request)))
        elif kind == "spoiled":
            answer = self._spoiled()
        elif kind == "spoiled after":
            self._call(request)
            answer = self._spoiled()
        elif kind != "lost before":
            answer = self._refused(int(kind))
        status = answer.status if isinstance(answer, Reply) else None
        effect = status is None or status not in (401, 404, 422, 429)
        self.weather.tell(f"order {booking} {mark['moment']}/{mark['document']} {kind} -> {status}")
        self._note("order", booking, mark["key"], status, mark["moment"], effect=effect)
        return answer

    def _fault(self) -> str:
        if not self.weather.happens(self.weather.orders if self.weather.cut else 0):
            return "fine"
        kinds = ["lost", "lost", "lost before", "spoiled", "spoiled after", "429", "422", "401", "404"]
        return self.weather.random.choice(kinds + ["late"] * self.weather.slow)

    def _spoiled(self) -> Reply | Silence:
        """An answer that says nothing."""
        answers = (
            Silence(began=True, why="ReadError"),
            Reply(200, {"content-type": "text/html"}, b"<p>One moment."),
            Reply(502, {}, b"<h1>Bad gateway</h1>"),
            Reply(408, {}, b""),
            Reply(302, {"location": "/"}, b""),
            Reply(200, {}, None),
        )
        return self.weather.random.choice(answers)

    def _refused(self, status: int) -> Reply:
        headers = {"retry-after": "2"} if status == 429 else {}
        return Reply(status, headers, b'{"error": {"statusCode": %d, "message": "no"}}' % status)

    def _note(self, kind: str, booking: int, key: str, status: int | None, text: str, *, effect: bool) -> None:
        stale = kind == "order" and self.is_stale(booking)
        self.seen.append(Seen(self.weather.clock(), kind, booking, key, status, effect, text, stale))

    def come(self) -> None:
        """Late orders whose time has come took effect then, however far the clock jumped."""
        clock, now = self.weather.clock, self.weather.clock()
        due = [each for each in self.late if each[0] <= now]
        self.late = [each for each in self.late if each[0] > now]
        for clock.now, effect in sorted(due, key=lambda each: each[0]):
            self.weather.tell("an order that was given up takes effect now")
            effect()
        clock.now = now

    def _call(self, request: Request) -> Reply:
        """Drives the remote's application: none of its handlers waits for anything."""
        url = urlsplit(request.url)
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "scheme": "http", "path": unquote(url.path), "raw_path": url.path.encode(),
            "query_string": url.query.encode(), "root_path": "", "server": (url.netloc, 80), "client": ("127.0.0.1", 1),
            "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()],
        }  # fmt: skip
        said: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": (request.body or "").encode(), "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        _drive(self._apps[url.netloc](scope, receive, send))
        head = {name.decode().lower(): value.decode() for name, value in said[0]["headers"]}
        return Reply(said[0]["status"], head, b"".join(each.get("body", b"") for each in said[1:]))


def _drive(coroutine: Any) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("a remote's handler waited for something")
