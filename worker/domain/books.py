"""The three books as values: what Bokun sold, what our ledger says was told, what Space Invoices holds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from worker.domain.booking import Status
from worker.domain.decision import Document, Moment
from worker.domain.money import Money

SaleId = tuple[str, int]
"""(organization, booking)."""


class Kind(StrEnum):
    """The names of differences."""

    NEVER_READ = "never-read"
    UNREAD_CHANGE = "unread-change"
    NOT_IN_BOKUN = "not-in-bokun"
    MISSING = "missing"
    DELETED = "deleted"
    CANCELLED_THERE = "cancelled-there"
    DOUBLED = "doubled"
    WRONG_DOCUMENT = "wrong-document"
    WRONG_AMOUNT = "wrong-amount"
    WRONG_TAX = "wrong-tax"
    WRONG_CURRENCY = "wrong-currency"
    FOREIGN = "foreign"
    STILL_STANDING = "still-standing"
    CHANGED = "changed"
    REFUNDED = "refunded"
    HELD = "held"
    ASKS = "asks"
    STUCK = "stuck"


class Reading(StrEnum):
    """How what we know of a booking compares with what Bokun shows now."""

    CURRENT = "current"
    CHANGED = "changed"
    NEVER = "never"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Sold:
    """Bokun's book: one booking in the view of one connection, with what it calls for now."""

    connection: str
    organization: str
    booking: int
    code: str
    reading: Reading
    status: Status = Status.UNKNOWN
    total: Money | None = None
    tax: Decimal = Decimal(0)
    decision: str = ""
    """tell, wait, skip or ask, as decided now with what the ledger says was told."""
    document: Document | None = None
    rule: str = ""
    because: str = ""
    revision: str = ""
    refunded: Money | None = None
    under_way: bool = False
    """A notice of it has not been read yet."""
    news: str = ""
    """What Bokun shows now, where our reading is older."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Our ledger: one delivery that is not superseded."""

    id: int
    connection: str
    organization: str
    booking: int
    moment: Moment
    document: Document
    state: str
    told: bool
    under_way: bool
    """On its way, and not for long."""
    total: Money
    tax: Decimal | None = None
    revision: str = ""
    reason: str = ""
    by_hand: bool = False
    """A person settled it: what stands there is theirs."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Space Invoices: an order of one of our connections."""

    id: str
    connection: str
    organization: str
    names: frozenset[str]
    papers: frozenset[str] = frozenset()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """Space Invoices: a document; total includes tax, None where it does not say."""

    id: str
    kind: str
    order: str | None
    number: str
    total: Money | None
    tax: Decimal | None = None
    cancelled: bool = False
    deleted: bool = False

    @property
    def stands(self) -> bool:
        return not self.cancelled and not self.deleted


@dataclass(frozen=True, slots=True)
class Books:
    """All that is compared."""

    sold: Sequence[Sold]
    ledger: Sequence[Entry]
    placed: Sequence[Placed]
    papers: Sequence[Paper]


@dataclass(frozen=True, slots=True)
class Difference:
    """One named difference: what it is about, both sides in a sentence, and the command that settles it."""

    kind: Kind
    organization: str
    connection: str
    booking: int
    code: str
    because: str
    settle: str
    ours: Money | None = None
    theirs: Money | None = None

    @property
    def key(self) -> str:
        """The same for the same difference, another once anything about it is another."""
        said = (self.kind, self.organization, str(self.booking), self.because)
        return hashlib.sha256("|".join(said).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Line:
    """One book's count, sum and tax for one connection and currency."""

    connection: str
    currency: str
    book: str
    count: int = 0
    total: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Audit:
    """What the comparison found."""

    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    sales: int
    under_way: int
    others: int
    """Documents of the organization that belong to no order of our connections."""
