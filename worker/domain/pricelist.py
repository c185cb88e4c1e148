"""Price lists: Bokun's prices with their natural keys, and the lists that Space Invoices has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

MARK = "bokunSync"
"""Our member of `custom`: only what carries it is ours, everything else was made by a person and stays untouched."""
PER_BOOKING = "booking"
"""Stands for the pricing category where a rate has one price per booking (bokun.md 5)."""


@dataclass(frozen=True, slots=True, order=True)
class PriceKey:
    """The natural key of a price, in its list: Bokun's ids of product, rate and pricing category."""

    product: str
    rate: str
    category: str

    def __str__(self) -> str:
        return f"{self.product}|{self.rate}|{self.category}"

    @classmethod
    def parse(cls, text: object) -> PriceKey | None:
        """The key in the text; None for anything else."""
        parts = text.split("|") if isinstance(text, str) else []
        return cls(*parts) if len(parts) == 3 and all(parts) else None


@dataclass(frozen=True, slots=True)
class Season:
    """A currency and a range of dates, both ends inclusive (bokun.md 5); None is open. One price list each."""

    currency: str
    first: date | None
    last: date | None

    def __str__(self) -> str:
        return f"{self.currency}|{self.first or ''}|{self.last or ''}"

    def key(self, connection: str) -> str:
        """The natural key of this season's list."""
        return f"{connection}|{self}"

    @classmethod
    def parse(cls, text: object, connection: str) -> Season | None:
        """The season in a list's key; None where the list is not of this connection or the key is not ours."""
        owner, *parts = text.rsplit("|", 3) if isinstance(text, str) else ("",)
        if owner != connection or len(parts) != 3:
            return None
        try:
            return cls(parts[0], *(date.fromisoformat(part) if part else None for part in parts[1:]))
        except ValueError:
            return None

    def name(self, connection: str) -> str:
        """What people read; theirs to change afterwards."""
        return f"{connection} {self.currency} {self.first or '…'} – {self.last or '…'}"

    @property
    def active_from(self) -> datetime | None:
        return None if self.first is None else datetime.combine(self.first, time(), UTC)

    @property
    def active_to(self) -> datetime | None:
        """The last instant of the last day: right whether the remote takes the end as inclusive or not."""
        if self.last is None:
            return None
        return datetime.combine(self.last, time(), UTC) + timedelta(days=1, milliseconds=-1)


@dataclass(frozen=True, slots=True)
class Offer:
    """One price as Bokun asks it."""

    season: Season
    key: PriceKey
    title: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Something of Bokun's that has no place in a flat price list, and why."""

    product: str
    currency: str
    what: str
    because: str


@dataclass(frozen=True, slots=True)
class Price:
    """A price as Space Invoices has it."""

    id: str
    amount: Decimal | None
    item: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> PriceKey | None:
        return PriceKey.parse(mark(self.custom).get("key"))


@dataclass(frozen=True, slots=True)
class PriceList:
    """A price list as Space Invoices has it, with its prices."""

    id: str
    name: str
    active_from: datetime | None
    active_to: datetime | None
    type: str | None
    custom: Mapping[str, Any] = field(default_factory=dict)
    prices: tuple[Price, ...] = ()

    def season(self, connection: str) -> Season | None:
        """The season that this list holds for the connection; None: not ours."""
        return Season.parse(mark(self.custom).get("key"), connection)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a sync was asked for; nothing outside of it is changed or removed."""

    currencies: frozenset[str]
    products: frozenset[str] | None = None
    """None: all."""
    left_alone: frozenset[tuple[str, str]] = frozenset()
    """Product and currency where Bokun's answer was not understood: better an old price than none."""

    def covers(self, currency: str, key: PriceKey | None) -> bool:
        """Whether a price may be removed by this sync; what has no key of ours never may."""
        if key is None or (key.product, currency) in self.left_alone:
            return False
        return self.products is None or key.product in self.products


def mark(custom: Mapping[str, Any]) -> Mapping[str, Any]:
    """Our member of a `custom`; empty where there is none."""
    found = custom.get(MARK)
    return found if isinstance(found, Mapping) else {}
