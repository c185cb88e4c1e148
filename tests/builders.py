"""What tests are made of: bookings, connections and rows with only what matters said, and the house around them."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from threading import Lock
from typing import Any

from sqlalchemy import event, insert, select

from config.settings import Settings
from worker import wiring
from worker.bokun.signature import sign
from worker.calls import json
from worker.calls.limiter import LocalLimiter
from worker.domain.booking import Booking, Completion, Line, Recipient, Role, Sale, Status
from worker.domain.connection import Flags
from worker.domain.money import Money
from worker.flow.deliver import deliver
from worker.flow.drain import drain
from worker.flow.plan import plan
from worker.flow.poll import PollFailed, due, poll
from worker.flow.reconcile import reconcile
from worker.flow.refresh import refresh
from worker.flow.services import Services, Until
from worker.sandbox import Sandbox
from worker.store import connections, database, facts, tables
from worker.store.connections import Stored
from worker.store.database import Database

NOW = datetime(2025, 7, 1, 12, 0, tzinfo=UTC)
PLENTY = 10**9


class OneByOne:
    """A wire in a test's hands: what many calls at once are is what one call is, one after the other."""

    def send_all(self, requests: Any, *, at_once: int = 1) -> Any:  # noqa: ARG002 - the door's own signature
        return ((place, self.send(request)) for place, request in enumerate(requests))  # type: ignore[attr-defined]


class Clock:
    """A clock that stands still until it is moved; its seconds are the monotonic clock of the rate limits."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now
        self._lock = Lock()

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        with self._lock:
            self.now += timedelta(**span)

    def monotonic(self) -> float:
        return (self.now - NOW).total_seconds() + 1000

    def sleep(self, seconds: float) -> None:
        self.pass_by(seconds=seconds)


def settings(**said: Any) -> Settings:
    """Settings that know nothing of this machine."""
    return Settings(_env_file=None, **said)  # type: ignore[call-arg]


def _begin(connection: Any) -> None:
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def database_in(folder: Any) -> Database:
    """An empty database in a file of this folder."""
    made = Database(f"sqlite:///{folder}/test.db")
    # No test cuts the power: waiting for the disk at each commit would be a third of all the time.
    event.listen(made.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    event.remove(made.engine, "begin", database._begin)
    event.listen(made.engine, "begin", _begin)
    tables.metadata.create_all(made.engine)
    return made


def furnish(built: Services, sandbox: Sandbox, database: Database, clock: Clock, **said: Any) -> Services:
    """The built services between the neighbours of one test; `said` are settings."""
    told = settings(space_invoices_organizations=tuple(sandbox.organizations), **said)
    limiter = LocalLimiter(monotonic=clock.monotonic)
    paced = {"clock": clock, "limiter": limiter, "sleep": clock.sleep}
    space_invoices = replace(
        built.space_invoices,
        base=sandbox.space_invoices_url,
        sign=lambda _method, _target: {"authorization": sandbox.token},
        limit=replace(built.space_invoices.limit, calls=PLENTY),
        **paced,
    )

    remotes: dict[tuple[str, str], Any] = {}

    def bokun(connection: Stored) -> Any:
        keys = _keys(sandbox, connection)
        if keys not in remotes:
            known = built.bokun(replace(connection, access_key=None, secret_key=None))
            limit = replace(known.limit, calls=PLENTY)
            remotes[keys] = replace(known, base=sandbox.bokun_url, sign=_signer(*keys, clock), limit=limit, **paced)
        return remotes[keys]

    return replace(
        built,
        terms=wiring.terms(told),
        database=database,
        space_invoices=space_invoices,
        bokun=bokun,
        account=lambda connection: _keys(sandbox, connection)[0],
        clock=clock,
        chance=lambda: 0.5,
    )


def _keys(sandbox: Sandbox, connection: Stored) -> tuple[str, str]:
    """A connection's own keys, here not encrypted, else those of the sandbox's first account."""
    if connection.access_key and connection.secret_key:
        return connection.access_key, connection.secret_key
    return sandbox.access_key, sandbox.secret_key


def _signer(access: str, secret: str, clock: Clock) -> Any:
    return lambda method, path: sign(access_key=access, secret_key=secret, method=method, path=path, at=clock())


@dataclass(frozen=True)
class House:
    """The product, its two neighbours and the clock, with the few moves that the roads are made of."""

    services: Services
    sandbox: Sandbox
    clock: Clock

    def with_services(self, **other: Any) -> "House":
        return replace(self, services=replace(self.services, **other))

    def with_terms(self, **said: Any) -> "House":
        """The same house under other settings."""
        organizations = self.services.terms.organizations
        return self.with_services(terms=wiring.terms(settings(space_invoices_organizations=organizations, **said)))

    @cached_property
    def until(self) -> Until:
        return Until.seconds(self.services, 60)

    def drain(self, times: int = 1) -> Any:
        """The whole corridor, so many times without time passing between."""
        done = None
        for _ in range(times):
            done = drain(self.services, self.until)
        return done

    def later(self, **span: float) -> Any:
        """Time passes, then the corridor."""
        self.clock.pass_by(**span)
        return self.drain()

    def settle_down(self) -> None:
        """Time passes in steps, as bells ring, until every absence can be proven and what follows is sent and seen."""
        for minutes in (0, 1, 5, 16, 16, 1):
            self.later(minutes=minutes)

    def mirror(self) -> None:
        refresh(self.services)

    def poll(self) -> list[str]:
        """Polls every connection; the sentences of those that failed."""
        failed = []
        for connection in due(self.services):
            try:
                poll(self.services, self.connection(connection), self.until)
            except PollFailed as failure:
                failed.append(str(failure))
        return failed

    def plan(self) -> Any:
        return plan(self.services, self.until)

    def deliver(self) -> Any:
        return deliver(self.services, self.until)

    def reconcile(self) -> Any:
        return reconcile(self.services, self.until)

    def connection(self, id_: str) -> Stored:
        with self.services.database.reading() as open_:
            found = connections.get(open_, id_)
        assert found is not None
        return found

    def rows(self, model: Any, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of all rows of a table, oldest first."""
        found = model.__table__
        order = found.c.id if "id" in found.c and model is not tables.Connection else None
        with self.services.database.reading() as open_:
            return [tuple(row) for row in open_.execute(select(*(found.c[name] for name in columns)).order_by(order))]

    @property
    def deliveries(self) -> list[tuple[Any, ...]]:
        """Moment, document and state of each delivery, in the order of planning."""
        return self.rows(tables.Delivery, "moment", "document", "state")

    @property
    def reasons(self) -> list[Any]:
        return [reason for (reason,) in self.rows(tables.Delivery, "reason")]

    @property
    def outcomes(self) -> list[Any]:
        """The ledger: how each attempt ended."""
        return [outcome for (outcome,) in self.rows(tables.Attempt, "outcome")]

    @property
    def decisions(self) -> list[tuple[Any, ...]]:
        """Decision and rule of each booking as it stands, by booking and connection."""
        found = self.rows(tables.Booking, "booking_id", "connection_id", "decision", "rule")
        return [row[2:] for row in sorted(found)]

    @property
    def documents(self) -> list[tuple[Any, ...]]:
        """What Space Invoices has issued: type and booking, in order."""
        return [(each["type"], each["bookingId"]) for each in self.sandbox.documents]

    @property
    def posts(self) -> int:
        """How often Space Invoices was sent an order."""
        return sum(1 for each in self.sandbox.requests if each["method"] == "POST" and each["path"].endswith("/order"))

    def most_documents(self) -> int:
        """The largest number of documents of one type for one booking."""
        return max(Counter(self.documents).values(), default=0)


def sale(total: str = "100.00", currency: str = "EUR", name: str = "Ada Example") -> Sale:
    """A sale of one line."""
    amount = Decimal(total)
    line = Line("Tour: Adult", Decimal(1), amount, Decimal(0))
    return Sale(Recipient(Role.CUSTOMER, name), Money(amount, currency), Decimal(0), (line,))


def booking(**said: Any) -> Booking:
    """A confirmed, unpaid booking of 100 EUR that no clock ends."""
    usual: dict[str, Any] = {
        "id": 7,
        "confirmation_code": "TEST-7",
        "created_at": NOW - timedelta(days=1),
        "status": Status.CONFIRMED,
        "bank_payment": False,
        "paid": False,
        "completion": Completion(False, None),
        "sale": sale(),
        "revision": "r1",
    }
    return Booking(**(usual | said))


def add(database: Database, model: Any, **values: Any) -> int:
    """Inserts one row by a plain statement and returns its primary key."""
    with database.transaction() as open_:
        result = open_.execute(insert(model.__table__).values(**values))
    return result.inserted_primary_key[0]


def add_connection(database: Database, id_: str = "c1", **said: Any) -> str:
    """A connection of org-1 with the flags of the seed's defaults."""
    record = {"name": id_, "active": True, "sendInvoiceAutomatically": True, "sendEstimateAutomatically": True}
    usual = {
        "id": id_,
        "organization": "org-1",
        "name": id_,
        "record": json.dumps({"id": id_, **record}),
        "flags": facts.dump_flags(Flags()),
        "refreshed_at": NOW,
    }
    add(database, tables.Connection, **(usual | said))
    return id_


def add_delivery(database: Database, **said: Any) -> int:
    """A planned delivery of an invoice on arrival of booking 7, already looked for."""
    usual = {
        "organization": "org-1",
        "booking_id": 7,
        "connection_id": "c1",
        "moment": "received",
        "document": "invoice",
        "change": "",
        "expects_invoice": True,
        "key": "k",
        "rule": "on-arrival",
        "revision": "r1",
        "mark": "{}",
        "amount": "100.00",
        "currency": "EUR",
        "state": "planned",
        "planned_at": NOW,
        "due_at": NOW,
        "look_at": NOW,
        "looked_at": NOW,
    }
    defaults = dict.fromkeys(("attempts", "failures", "taken", "risks", "looks", "empty_looks"), 0)
    return add(database, tables.Delivery, **(usual | defaults | {"released": False} | said))
