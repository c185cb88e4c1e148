"""The positions of a Bokun invoice as lines of a document, each with the catalogue ids of its product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from worker.bokun.doubt import unclear_amount
from worker.bokun.reading import Json, first, key, number, record, rows, wall_clock
from worker.domain.booking import Line
from worker.domain.money import total

_ONE, _NOTHING = Decimal(1), Decimal(0)
_ITEM = re.compile(r"([0-9]+)_([0-9]+)", re.ASCII)  # <product id>_<pricing category id> (bokun.md 3.4)


def lines(invoice: Json, products: tuple[Json, ...], *, currency: str) -> tuple[Line, ...]:
    """Every position of the invoice and of the product invoices in it, custom positions included."""
    return tuple(_line(row, product, currency=currency) for row, product in _positions(invoice, products))


def whole(product: Json, *, amount: Decimal, tax: Decimal) -> Line:
    """One line for a product whose invoice has no positions of its own, as in a search item."""
    return Line(
        title=first(product, "title") or first(record(product.get("product")), "title") or "Booking",
        quantity=_ONE,
        total=amount,
        tax=tax,
        product_id=product_id(product),
        rate_id=_rate_id(product),
        date=starts(product),
    )


def product_id(product: Json) -> str | None:
    """The id in the catalogue, not of the booking."""
    return key(product.get("productId")) or key(record(product.get("product")).get("id"))


def starts(product: Json) -> str | None:
    """The local start as ISO text without zone; the day alone where Bokun says no more."""
    if (start := wall_clock(product.get("startDateTime"))) is not None:
        return start.isoformat(timespec="seconds")
    day = wall_clock(product.get("date")) or wall_clock(product.get("startDate"))
    return None if day is None else day.date().isoformat()


def money(source: Json, name: str) -> Decimal | None:
    """A figure by Bokun's name for it, plain or as Money."""
    plain = source.get(name)
    return number(plain if plain is not None else record(source.get(f"{name}AsMoney")).get("amount"))


def applied_taxes(source: Json, *names: str) -> Decimal:
    """The sum of a list of taxes: two can sit on one position, where its `tax.title` names only one (bokun.md 3.4)."""
    return total(money(tax, "tax") or _NOTHING for name in names for tax in rows(source.get(name)))


def _positions(invoice: Json, products: tuple[Json, ...]) -> Iterator[tuple[Json, Json]]:
    for part in (invoice, *rows(invoice.get("productInvoices"))):
        for name in ("lineItems", "customLineItems"):
            for row in rows(part.get(name)):
                yield row, _product_of(row, part, products)


def _product_of(row: Json, part: Json, products: tuple[Json, ...]) -> Json:
    """The product booking that a position belongs to: by its id, else by its confirmation code."""
    booked = key(part.get("productBookingId"))
    code = first(row, "confirmationCode") or first(part, "productConfirmationCode")
    for product in products:
        if booked is not None and booked in (key(product.get("bookingId")), key(product.get("id"))):
            return product
        if code is not None and code == first(product, "productConfirmationCode"):
            return product
    return {}


def _line(row: Json, product: Json, *, currency: str) -> Line:
    due = next(
        (found for name in ("totalDue", "totalDiscounted", "total") if (found := money(row, name)) is not None), None
    )
    quantity = number(row.get("quantity", 1))
    if due is None or quantity is None:
        raise unclear_amount("A position of the invoice has no readable amount or quantity.")
    own = first(row, "currency")
    if own is not None and own.upper() != currency:
        raise unclear_amount(f"A position of the invoice is in another currency than its total in {currency}.")
    item, category = _item(row)
    return Line(
        title=_title(row, product),
        quantity=quantity,
        total=due,
        tax=_tax(row),
        product_id=product_id(product) or item,
        rate_id=_rate_id(product),
        category_id=key(row.get("pricingCategoryId")) or category or _category(row, product),
        date=starts(product),
    )


def _item(row: Json) -> tuple[str | None, str | None]:
    found = _ITEM.fullmatch(first(row, "itemBookingId") or "")
    return (found[1], found[2]) if found else (None, None)


def _category(row: Json, product: Json) -> str | None:
    """Agent and seller invoices name the category by its title only."""
    title = first(row, "title")
    booked = rows(product.get("bookedPricingCategories"))
    ids = {key(category.get("id")) for category in booked if title is not None and first(category, "title") == title}
    return ids.pop() if len(ids) == 1 else None


def _rate_id(product: Json) -> str | None:
    return key(product.get("rateId")) or key(record(product.get("fields")).get("rateId"))


def _title(row: Json, product: Json) -> str:
    """What was sold and for whom: "Colosseum tour: Adult"."""
    sold = first(product, "title") or first(row, "costGroupTitle", "productTitle")
    parts = [part for part in (sold, first(row, "title")) if part]
    return ": ".join(dict.fromkeys(parts)) or "Booking"


def _tax(row: Json) -> Decimal:
    if row.get("taxesAsMoney"):
        return applied_taxes(row, "taxesAsMoney")
    # Not `tax`, which is the definition of the tax and no amount.
    return number(record(row.get("taxAsMoney")).get("amount")) or number(row.get("taxAmount")) or _NOTHING
