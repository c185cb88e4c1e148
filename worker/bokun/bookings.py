"""Bokun's REST calls as values (bokun.md 2 and 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal

from worker.bokun.mapping import identify, whole_booking
from worker.bokun.reading import Json, booking_id, text
from worker.calls.call import Call, UnexpectedShape, target
from worker.calls.json import dumps
from worker.domain.connection import BookingId

# The official list (bokun.md 3.2), always sent: what the search leaves out without being asked is not documented.
STATUSES = (
    "CART",
    "REQUESTED",
    "RESERVED",
    "CONFIRMED",
    "TIMEOUT",
    "ABORTED",
    "CANCELLED",
    "ERROR",
    "ARRIVED",
    "NO_SHOW",
    "REJECTED",
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A booking as a search saw it; the fingerprint covers the whole item, payment and statuses included."""

    booking_id: BookingId
    confirmation_code: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search. Only a page that is not full is the last one: Bokun's total is no proof (bokun.md 2.4)."""

    items: tuple[Sighting, ...]
    total: int | None
    full: bool
    unreadable: int = 0
    """Items without a usable id; they count for `full`."""


def search_bookings(
    *, since: datetime | None, until: datetime, role: Literal["SELLER", "SUPPLIER"], page: int, size: int
) -> Call[SearchPage]:
    """The bookings of one role that changed in the window, a page of them; pages count from 1, `since` None is open."""
    asked = {
        "bookingRole": role,
        "bookingStatuses": STATUSES,
        "lastModifiedDateRange": _window(since, until),
        "page": page,
        "pageSize": size,
    }
    return Call(
        name="bokun.search",
        method="POST",
        path=target("booking.json", "booking-search"),
        read=lambda answer, _headers: _page(answer, size),
        body=dumps(asked),
        about={"role": role, "page": page},
    )


def search_created(
    *, since: datetime, until: datetime, role: Literal["SELLER", "SUPPLIER"], page: int, size: int
) -> Call[SearchPage]:
    """The bookings of one role that were made in the window, whatever became of them: what an audit counts."""
    asked = {
        "bookingRole": role,
        "bookingStatuses": STATUSES,
        "creationDateRange": _window(since, until),
        "page": page,
        "pageSize": size,
    }
    return Call(
        name="bokun.search",
        method="POST",
        path=target("booking.json", "booking-search"),
        read=lambda answer, _headers: _page(answer, size),
        body=dumps(asked),
        about={"role": role, "page": page},
    )


def get_booking(booking: int | str, currency: str = "EUR") -> Call[Json]:
    """The whole booking by its id or confirmation code; without `currency` and `lang` Bokun answers in ISK and IS."""
    return Call(
        name="bokun.booking",
        method="GET",
        path=target("booking.json", "booking", booking, query={"currency": currency, "lang": "EN"}),
        read=lambda answer, _headers: _booking(answer, booking),
        about={"booking_id": booking},
    )


def get_active_products() -> Call[tuple[int, ...]]:
    """The ids of the products that are on sale."""
    return Call(
        name="bokun.products",
        method="GET",
        path=target("activity.json", "active-ids"),
        read=lambda answer, _headers: _ids(answer),
    )


def get_price_list(product_id: int | str, currency: str) -> Call[Json]:
    """A product's prices by date range and rate."""
    return Call(
        name="bokun.price-list",
        method="GET",
        path=target("activity.json", product_id, "price-list", query={"currency": currency}),
        read=lambda answer, _headers: _price_list(answer),
        about={"product_id": product_id},
    )


def _window(since: datetime | None, until: datetime) -> dict[str, str | bool]:
    """Both ends belong to it: seen twice is harmless, missed is not."""
    lower = {} if since is None else {"from": _utc(since)}
    return {**lower, "to": _utc(until), "includeLower": True, "includeUpper": True}


def _utc(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a window needs aware times")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _page(answer: Any, size: int) -> SearchPage:
    """Bokun's own specification says a list, its servers answer an object (bokun.md 2.3)."""
    found = answer.get("items") if isinstance(answer, dict) else answer
    if not isinstance(found, list):
        raise UnexpectedShape("a search answer without a list of items")
    items = tuple(sighting for item in found if (sighting := _sighting(item)) is not None)
    total = answer.get("totalHits") if isinstance(answer, dict) else None
    return SearchPage(
        items=items,
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
        full=len(found) >= size,
        unreadable=len(found) - len(items),
    )


def _sighting(item: Any) -> Sighting | None:
    found = booking_id(item.get("id", item.get("bookingId"))) if isinstance(item, dict) else None
    if found is None:
        return None
    return Sighting(found, text(item.get("confirmationCode")), _fingerprint(item))


def _fingerprint(item: Mapping[str, Any]) -> str:
    """By the standard encoder, in C: a poll fingerprints thousands of items and reads none."""
    canonical = json.dumps(item, sort_keys=True, separators=(",", ":"), default=_plain)
    return sha256(canonical.encode("ascii")).hexdigest()


def _plain(value: object) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    return str(value.normalize())


def _booking(answer: Any, asked: int | str) -> Json:
    booking = whole_booking(answer)
    if isinstance(asked, int) and identify(booking) != asked:
        raise UnexpectedShape("another booking than the one asked for")
    return booking


def _ids(answer: Any) -> tuple[int, ...]:
    if not isinstance(answer, list) or any(isinstance(each, bool) or not isinstance(each, int) for each in answer):
        raise UnexpectedShape("active-ids that are no list of ids")
    return tuple(answer)


def _price_list(answer: Any) -> Json:
    if not isinstance(answer, dict) or not isinstance(answer.get("pricesByDateRange"), list):
        raise UnexpectedShape("a price list without pricesByDateRange")
    return answer
