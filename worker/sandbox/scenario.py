"""The demonstration: a season of bookings of every kind, with what must come of each written down by hand."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Self

from worker.sandbox.bookings import (
    Builder,
    Knobs,
    agent_sale,
    deposit,
    ota,
    other_suppliers_tour,
    own_sale,
    resold,
)
from worker.sandbox.exact import Json
from worker.sandbox.sandbox import Sandbox

FIRST_BOOKING = 81_000_001
SOON, OVER = timedelta(days=20), timedelta(days=-2)


@dataclass(frozen=True)
class Store:
    """One connection, with a Bokun account of its own, so that each booking has exactly one."""

    name: str
    organization: str
    flags: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One booking of a store and what must come of it; `why` is the decision while nothing is told yet."""

    store: str
    build: Builder
    knobs: Knobs = field(default_factory=Knobs)
    invoice: int = 0
    estimate: int = 0
    why: str = "tell"
    rule: str
    fault: Json | None = None


STORES = {
    "arrival": Store("Rome walks: invoice on arrival", "org-1"),
    "complete": Store("Florence evenings: invoice when over", "org-1", {"issueInvoiceOnComplete": True}),
    "bank-invoice": Store("Venice groups: invoice for the bank", "org-1", {"issueInvoiceForBankPayment": True}),
    "bank-estimate": Store("Milan groups: estimate for the bank", "org-2"),
    "second": Store("Naples, another Bokun vendor", "org-2"),
    "inactive": Store("Closed branch", "org-2", {"active": False}),
}

_LOST: Json = {"kind": "reset", "after_effect": True}
_BUSY: Json = {
    "kind": "status",
    "code": 429,
    "headers": {"Retry-After": "1"},
    "body": {"error": {"statusCode": 429, "name": "TooManyRequests", "message": "Too Many Requests"}},
}

# Exactly two wait, one was cancelled in time, one is a question, one answer is lost and one call comes too soon.
ONCE = (
    Line(store="complete", build=own_sale, knobs={"starts_in": SOON}, why="wait", rule="until-complete"),
    Line(store="inactive", build=own_sale, knobs={"starts_in": SOON}, why="wait", rule="connection-inactive"),
    Line(store="arrival", build=deposit, knobs={"status": "CANCELLED"}, why="skip", rule="cancelled-before-document"),
    Line(store="arrival", build=own_sale, knobs={"status": ("CONFIRMED", "ON_HOLD")}, why="ask", rule="unknown-status"),
    Line(store="arrival", build=own_sale, invoice=1, rule="on-arrival", fault=_LOST),
    Line(store="bank-invoice", build=own_sale, invoice=1, rule="on-arrival", fault=_BUSY),
    Line(store="arrival", build=deposit, knobs={"status": "TIMEOUT", "paid": False}, why="skip", rule="never-sold"),
    Line(store="second", build=own_sale, knobs={"total": "0"}, why="skip", rule="nothing-to-invoice"),
)

_LATER: Knobs = {"payment_type": "BANK_TRANSFER", "paid": False, "starts_in": SOON}
_AT_ONCE: Knobs = {"payment_type": "BANK_TRANSFER", "paid": True, "starts_in": SOON}

# The rest of the season repeats these.
ORDINARY = (
    Line(store="arrival", build=own_sale, invoice=1, rule="on-arrival"),
    Line(store="arrival", build=deposit, invoice=1, rule="on-arrival"),
    Line(store="arrival", build=resold, invoice=1, rule="on-arrival"),
    Line(store="arrival", build=ota, invoice=1, rule="on-arrival"),
    Line(store="arrival", build=other_suppliers_tour, invoice=1, rule="on-arrival"),
    Line(store="arrival", build=own_sale, knobs={"status": ("CONFIRMED", "CANCELLED")}, invoice=1, rule="on-arrival"),
    Line(store="complete", build=own_sale, knobs={"ends_in": OVER}, invoice=1, rule="complete"),
    Line(store="complete", build=own_sale, knobs={"status": "ARRIVED"}, invoice=1, rule="complete"),
    Line(store="complete", build=deposit, knobs={"status": "NO_SHOW", "ends_in": OVER}, invoice=1, rule="complete"),
    Line(store="complete", build=ota, knobs={"ends_in": OVER}, invoice=1, rule="complete"),
    Line(
        store="complete", build=agent_sale, knobs={"paid": False, "starts_in": SOON}, estimate=1, rule="bank-estimate"
    ),
    Line(store="bank-invoice", build=agent_sale, invoice=1, rule="bank-invoice"),
    Line(store="bank-invoice", build=deposit, knobs=_LATER, invoice=1, rule="bank-invoice"),
    Line(store="bank-invoice", build=resold, invoice=1, rule="on-arrival"),
    Line(store="bank-estimate", build=own_sale, knobs=_LATER, estimate=1, rule="bank-estimate"),
    Line(store="bank-estimate", build=own_sale, knobs=_AT_ONCE, invoice=1, rule="bank-paid"),
    Line(store="bank-estimate", build=agent_sale, invoice=1, rule="bank-paid"),
    Line(
        store="bank-estimate",
        build=agent_sale,
        knobs={"paid": False, "ends_in": OVER},
        invoice=1,
        rule="bank-complete",
    ),
    Line(store="second", build=own_sale, invoice=1, rule="on-arrival"),
    Line(store="second", build=resold, invoice=1, rule="on-arrival"),
)


@dataclass(frozen=True)
class Scenario:
    """Bookings to be put into a sandbox, each with its expectation."""

    now: datetime
    lines: tuple[Line, ...]

    @classmethod
    def demo(cls, now: datetime, bookings: int = 216) -> Self:
        """Gives the demonstration with so many bookings in all."""
        if bookings < len(ONCE):
            raise ValueError(f"the demonstration needs at least {len(ONCE)} bookings")
        return cls(now, (*ONCE, *islice(cycle(ORDINARY), bookings - len(ONCE))))

    def fill(self, sandbox: Sandbox) -> Sandbox:
        """Opens organizations, accounts and connections, books everything and notes what must come of it."""
        connections = {key: _open(sandbox, key, store) for key, store in STORES.items()}
        for index, line in enumerate(self.lines):
            booking = self._booking(index, line)
            connection = connections[line.store]
            sandbox.book(booking, account=f"sandbox-access-{line.store}")
            sandbox.world.expectations.append(_expectation(booking, line, connection))
            if line.fault:
                target = {"remote": "space-invoices", "path": "/order$", "booking": booking["bookingId"]}
                sandbox.faults.add(**{**target, **line.fault})
        return sandbox

    def _booking(self, index: int, line: Line) -> Json:
        total = Decimal(40 + 7 * (index % 31)) + Decimal(index % 100) / 100
        usual: Knobs = {"created": self.now - timedelta(hours=1 + index), "total": f"{total:.2f}"}
        return line.build(FIRST_BOOKING + index, self.now, **{**usual, **line.knobs})


def _open(sandbox: Sandbox, key: str, store: Store) -> Json:
    if store.organization not in sandbox.organizations:
        sandbox.add_organization(store.organization)
    account = sandbox.add_account(f"sandbox-access-{key}", f"sandbox-secret-{key}")
    return sandbox.connect(store.name, store.organization, account=account.access_key, **store.flags)


def _expectation(booking: Json, line: Line, connection: Json) -> Json:
    return {
        "booking": booking["bookingId"],
        "connection": connection["id"],
        "organization": connection["organizationId"],
        "invoice": line.invoice,
        "estimate": line.estimate,
        "why": line.why,
        "rule": line.rule,
    }
