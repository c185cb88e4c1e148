"""What both remotes hold: accounts, bookings, connections, orders, documents, and what they were asked."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from worker.sandbox.collection import Clock, Collection
from worker.sandbox.exact import Json, dumps, parse, sample
from worker.sandbox.faults import Switchboard
from worker.sandbox.search import Entry, entry

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
    """A booking in an account, with the entries that the search index has had of it."""

    text: str
    detail: Json
    entries: list[Entry] = field(default_factory=list)

    def indexed(self, at: datetime) -> Entry | None:
        """Gives the newest entry that the index knows at a moment."""
        return next((entry for entry in reversed(self.entries) if entry.since <= at), None)


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
        self.codes: dict[tuple[str, str], int] = {}
        self.products: dict[int, Json] = {814165: sample("price-list")}
        self.accounts_of: dict[str, str] = {}
        ids = _object_ids()
        self.connections = Collection("Bokun", clock, ids=ids, required=FLAGS, defaults=DEFAULTS)
        price_list = {"active": True, "type": "sale", "custom": {}}
        self.price_lists = Collection("PriceList", clock, ids=ids, required=("name",), defaults=price_list)
        self.prices = Collection("Price", clock, ids=ids, required=("amount",))
        self.orders = Collection("Order", clock, ids=ids)
        self.documents = Collection("Document", clock, ids=ids)
        self.order_of: dict[tuple[str, str], Json] = {}
        self.issued: dict[str, list[Json]] = defaultdict(list)
        self.numbers: Counter[tuple[str, str]] = Counter()
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
            stored = self.bookings.setdefault(key, Stored("", {}))
            stored.text = dumps(booking)
            stored.detail = parse(stored.text)
            self.codes[account, booking["confirmationCode"]] = key[1]
            visible = now + timedelta(seconds=self.knobs.search_lag)
            stored.entries.append(entry(stored.detail, since=visible, modified=modified or now))
            return new

    def find(self, account: str, wanted: str) -> Stored | None:
        """Gives a booking of an account by its id or confirmation code."""
        number = int(wanted) if wanted.isdecimal() else self.codes.get((account, wanted), 0)
        return self.bookings.get((account, number))

    def index(self, account: str) -> list[Entry]:
        """Gives what the search index knows of one account's bookings by now."""
        now = self.clock()
        with self.lock:
            known = [stored.indexed(now) for (owner, _), stored in self.bookings.items() if owner == account]
            return [found for found in known if found]


def _object_ids() -> Iterator[str]:
    """Counts in the shape of MongoDB's ObjectIds, so that ids sort by creation."""
    return (f"65a0c0de{number:016x}" for number in count(1))
