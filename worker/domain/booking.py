"""A booking as far as invoicing needs it: the facts that decide and the sale that a document shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from worker.domain.connection import BookingId
from worker.domain.money import Money


class Status(StrEnum):
    """What the products' statuses say together (behaviour 5)."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    VOID = "void"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Who receives the document."""

    CUSTOMER = "customer"
    AGENT = "agent"
    RESELLER = "reseller"


class Trouble(StrEnum):
    """Why a booking that is due cannot be told: the rule names of behaviour 5."""

    UNREADABLE = "unreadable"
    UNCLEAR_ROLE = "unclear-role"
    UNCLEAR_AMOUNT = "unclear-amount"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whose document it is; `name` is the name on that invoice."""

    role: Role
    name: str
    details: tuple[tuple[str, str], ...] = ()
    """What a document may print besides: email, address, country, taxId ... as (field, text) pairs, sorted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One position of the role's invoice; `total` is net of commission and discount (bokun.md 3.5)."""

    title: str
    quantity: Decimal
    total: Decimal
    tax: Decimal
    product_id: str | None = None
    rate_id: str | None = None
    category_id: str | None = None
    date: str | None = None
    """The tour's local start as ISO text without zone, where the line names a product that has one."""


@dataclass(frozen=True, slots=True)
class Sale:
    """What the document shows: recipient, total with tax inside, the tax, and lines that add up to the total."""

    recipient: Recipient
    total: Money
    tax: Decimal
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Unclear:
    """A sale that could not be read: which rule asks, and a sentence for a person without personal data."""

    trouble: Trouble
    because: str


@dataclass(frozen=True, slots=True)
class Completion:
    """When the last product ends. `at` None with `done` False: no clock ends it (behaviour 5, complete)."""

    done: bool
    at: datetime | None

    def reached(self, now: datetime) -> bool:
        return self.done or (self.at is not None and self.at <= now)


@dataclass(frozen=True, slots=True)
class Booking:
    """One booking read from Bokun. `sale` is what is told, or why it cannot be."""

    id: BookingId
    confirmation_code: str
    created_at: datetime | None
    """None where Bokun's creation date cannot be read; `sale` is then unreadable too."""
    status: Status
    bank_payment: bool
    paid: bool
    completion: Completion
    sale: Sale | Unclear
    revision: str
    """Fingerprint of what a document shows: products, dates, quantities, amounts, taxes, currency, recipient."""
    refunded: Money | None = None
    """What Bokun shows as paid back, if anything."""
