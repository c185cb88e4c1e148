"""Bokun's REST calls as values (bokun.md 2 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from worker.bokun.fingerprints import fingerprint, ordered
from worker.bokun.mapping import identify, whole_booking
from worker.bokun.reading import Json, booking_id, record, text
from worker.calls.call import Call, UnexpectedShape, target
from worker.calls.json import dumps, loads_each
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


class Sighting(NamedTuple):
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
    ordered: Callable[[int], str]
    """The digest of a booking's item with its members in order."""
    unreadable: int = 0
    """Items without a usable id; they count for `full`."""


def search_bookings(
    *, since: datetime | None, until: datetime, role: Literal["SELLER", "SUPPLIER"], page: int, size: int
) -> Call[SearchPage]:
    """The bookings of one role that changed in the window, a page of them; pages count from 1, `since` None is open."""
    return _search({"lastModifiedDateRange": _window(since, until)}, role=role, page=page, size=size)


def search_created(
    *, since: datetime, until: datetime, role: Literal["SELLER", "SUPPLIER"], page: int, size: int
) -> Call[SearchPage]:
    """The bookings of one role that were made in the window, whenever they changed."""
    return _search({"creationDateRange": _window(since, until)}, role=role, page=page, size=size)


def _search(range_: Mapping[str, Any], *, role: str, page: int, size: int) -> Call[SearchPage]:
    asked = {"bookingRole": role, "bookingStatuses": STATUSES, **range_, "page": page, "pageSize": size}
    return Call(
        name="bokun.search",
        method="POST",
        path=target("booking.json", "booking-search"),
        read=lambda answer, _headers: _page(answer, size),
        body=dumps(asked),
        parse=_items,
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


def _items(text: bytes) -> Any:
    """The answer, each item in its place as a sighting, where it is one, and its text."""
    return loads_each(text, lambda item, its: (_sighting(item, its), its))


def _page(answer: Any, size: int) -> SearchPage:
    """Bokun's own specification says a list, its servers answer an object (bokun.md 2.3)."""
    whole = record(answer)
    found = whole.get("items") if whole else answer
    if not isinstance(found, list):
        raise UnexpectedShape("a search answer without a list of items")
    items = tuple(sighting for sighting, _ in found if sighting is not None)
    texts = {sighting.booking_id: text for sighting, text in found if sighting is not None}
    total = whole.get("totalHits")
    return SearchPage(
        items=items,
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
        full=len(found) >= size,
        ordered=lambda booking: ordered(texts[BookingId(booking)]),
        unreadable=len(found) - len(items),
    )


def _sighting(item: Any, its: str) -> Sighting | None:
    if not isinstance(item, dict):
        return None
    found = booking_id(item.get("id")) or booking_id(item.get("bookingId"))
    return None if found is None else Sighting(found, text(item.get("confirmationCode")), fingerprint(its))


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
