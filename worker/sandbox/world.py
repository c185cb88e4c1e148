"""What both remotes hold: accounts, bookings, connections, orders, documents, and what they were asked."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from worker.sandbox.collection import Clock, Collection
from worker.sandbox.exact import Json, copy, sample
from worker.sandbox.faults import Switchboard
from worker.sandbox.search import item

FLAGS = ("name", "active", "sendInvoiceAutomatically", "sendEstimateAutomatically")
DEFAULTS: Json = {
    "active": True,
    "sendInvoiceAutomatically": True,
    "sendEstimateAutomatically": True,
    "issueInvoiceForBankPayment": False,
    "issueInvoiceOnComplete": False,
    "custom": {},
}


@dataclass
class Knobs:
    """How slow, strict and forgetful the remotes are."""

    order_lag: float = 0
    document_lag: float = 0
    search_lag: float = 0
    dedupe: bool = False
    bokun_calls_per_minute: int | None = None
    space_invoices_calls_per_second: int | None = None
    bank_payment_types: frozenset[str] = frozenset({"BANK_TRANSFER", "INVOICED"})


@dataclass(frozen=True)
class Account:
    """One Bokun vendor with its REST key pair."""

    access_key: str
    secret_key: str
    vendor: int


@dataclass
class Stored:
    """A booking in an account, with the search items made of it and since when the index could know each."""

    detail: Json
    modified: datetime
    items: list[tuple[datetime, datetime, Json]] = field(default_factory=list)

    def indexed(self, at: datetime) -> tuple[datetime, Json] | None:
        """Gives the newest last-modified time and item that the index knows at a moment."""
        known = [(modified, shown) for since, modified, shown in self.items if since <= at]
        return known[-1] if known else None


class World:
    """The state of the sandbox; whoever reads or changes it holds the lock."""

    def __init__(self, clock: Clock, knobs: Knobs) -> None:
        self.clock = clock
        self.knobs = knobs
        self.lock = threading.RLock()
        self.token = "sandbox-token"  # noqa: S105 - a made-up token of a made-up remote
        self.organizations = ["org-1"]
        self.accounts: dict[str, Account] = {}
        self.bookings: dict[tuple[str, int], Stored] = {}
        self.products: dict[int, Json] = {814165: sample("price-list")}
        self.accounts_of: dict[str, str] = {}
        ids = _object_ids()
        self.connections = Collection("Bokun", clock, ids=ids, required=FLAGS, defaults=DEFAULTS)
        price_list = {"active": True, "type": "sale", "custom": {}}
        self.price_lists = Collection("PriceList", clock, ids=ids, required=("name",), defaults=price_list)
        self.prices = Collection("Price", clock, ids=ids, required=("amount",))
        self.orders = Collection("Order", clock, ids=ids)
        self.documents = Collection("Document", clock, ids=ids)
        self.imports: list[Json] = []
        self.requests: list[Json] = []
        self.expectations: list[Json] = []
        self.faults = Switchboard()

    def add_account(self, access_key: str, secret_key: str) -> Account:
        """Opens a Bokun account for a key pair."""
        with self.lock:
            account = Account(access_key, secret_key, vendor=27164 + len(self.accounts))
            self.accounts[access_key] = account
            return account

    def store(self, account: str, booking: Json, modified: datetime | None) -> bool:
        """Adds or replaces a booking; tells whether it was new."""
        with self.lock:
            now = self.clock()
            key = (account, int(booking["bookingId"]))
            new = key not in self.bookings
            stored = self.bookings.setdefault(key, Stored({}, now))
            stored.detail, stored.modified = copy(booking), modified or now
            visible = now + timedelta(seconds=self.knobs.search_lag)
            stored.items.append((visible, stored.modified, item(stored.detail)))
            return new

    def seen_by(self, account: str) -> list[Stored]:
        """Gives the bookings of one account."""
        with self.lock:
            return [stored for (owner, _), stored in self.bookings.items() if owner == account]


def _object_ids() -> Iterator[str]:
    """Counts in the shape of MongoDB's ObjectIds, so that ids sort by creation."""
    return (f"65a0c0de{number:016x}" for number in count(1))
