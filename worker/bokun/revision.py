"""The fingerprint of what a document shows (behaviour 10, revision)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

from worker.bokun.completion import ends_locally
from worker.bokun.lines import product_id, starts
from worker.bokun.reading import Json, key, number, record, rows
from worker.bokun.statuses import cancelled
from worker.calls.json import canonical
from worker.domain.booking import Line, Recipient, Sale, Unclear

# A new phone number or language changes no document; an address does.
_PRINTED = frozenset({"address", "postCode", "place", "state", "country", "organization"})


def revision(products: tuple[Json, ...], sale: Sale | Unclear) -> str:
    """Products, dates, quantities, amounts, taxes, currency and recipient; never statuses in between, payments or titles."""
    shown = {"products": _in_any_order(_product(product) for product in products), "sale": _sale(sale)}
    return sha256(canonical(shown).encode()).hexdigest()


def _product(product: Json) -> dict[str, Any]:
    end = ends_locally(product)
    return {
        "id": key(product.get("bookingId")) or key(product.get("id")),
        "product": product_id(product),
        "cancelled": cancelled(product),
        "from": starts(product),
        "to": None if end is None else end.isoformat(),
        "people": _people(product),
    }


def _people(product: Json) -> dict[str, Decimal]:
    """How many of each pricing category: Bokun has a row for each passenger (bokun.md 3.3)."""
    fields = record(product.get("fields"))
    booked = rows(product.get("pricingCategoryBookings")) or rows(fields.get("priceCategoryBookings"))
    counts: dict[str, Decimal] = {}
    for row in booked:
        category = key(row.get("pricingCategoryId")) or ""
        counts[category] = counts.get(category, Decimal(0)) + (number(row.get("quantity")) or Decimal(0))
    return counts


def _sale(sale: Sale | Unclear) -> dict[str, Any]:
    if isinstance(sale, Unclear):
        return {"unclear": sale.trouble, "because": sale.because}
    return {
        "recipient": _recipient(sale.recipient),
        "total": sale.total.amount,
        "currency": sale.total.currency,
        "tax": sale.tax,
        "lines": _in_any_order(_line(line) for line in sale.lines),
    }


def _recipient(recipient: Recipient) -> list[Any]:
    return [recipient.role, recipient.name, [pair for pair in recipient.details if pair[0] in _PRINTED]]


def _line(line: Line) -> list[Any]:
    return [line.product_id, line.rate_id, line.category_id, line.date, line.quantity, line.total, line.tax]


def _in_any_order(values: Iterable[Any]) -> list[str]:
    """Bokun promises no order, and an order is nothing that changes."""
    return sorted(canonical(value) for value in values)
