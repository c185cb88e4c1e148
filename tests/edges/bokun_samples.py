"""Real Bokun payloads, fresh for every test, and ways to edit them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

from worker.bokun.mapping import to_booking
from worker.calls.json import loads
from worker.domain.booking import Booking

_FOLDER = Path(__file__).parent.parent / "samples"
BANK = frozenset({"BANK_TRANSFER", "INVOICED"})

WEBSITE = "webhook-classic-two-activities-own-website-offer"
DEPOSIT = "webhook-classic-deposit"
AGENT = "webhook-classic-agent-invoiced"
RESOLD = "webhook-classic-resold-foreign-currency-supplier-view"
OTHERS_TOUR = "webhook-classic-selling-other-suppliers-product"
RECOVERY = "booking-detail-recovery-fixture"
VIATOR = "booking-search-item-viator-confirmed"
AIRBNB = "booking-search-item-airbnb-usd-customer-eur-reseller"
NO_SHOW = "booking-search-item-no-show"
NOTES = "booking-search-item-with-notes"
CLASSIC = (WEBSITE, DEPOSIT, AGENT, RESOLD, OTHERS_TOUR)


@cache
def _raw(name: str) -> bytes:
    return (_FOLDER / f"{name}.json").read_bytes()


def sample(name: str) -> Any:
    """The payload as it came, numbers exact."""
    return loads(_raw(name))


def booking_2019() -> Any:
    """The booking in the answer to a checkout of 2019, the only real one with tax."""
    return sample("checkout-submit-response-2019-with-vat")["booking"]


def search_items() -> list[Any]:
    return list(sample("booking-search-35-items")["items"])


def read(payload: Any) -> Booking:
    return to_booking(payload, bank_payment_types=BANK)


def edited(name: str, *edits: Callable[[Any], object]) -> Booking:
    """The booking in a sample after these edits."""
    payload = sample(name)
    for edit in edits:
        edit(payload)
    return read(payload)


TOUR = ("activityBookings", 0)
SECOND_TOUR = ("activityBookings", 1)
LINE = ("invoice", "productInvoices", 0, "lineItems", 0)


def at(payload: Any, *path: str | int) -> Any:
    """What is at that place of a payload."""
    return reduce(getitem, path, payload)


def put(*path: str | int, **members: object) -> Callable[[Any], None]:
    """The edit that sets these members of the object at that place."""
    return lambda payload: at(payload, *path).update(members)


def take(*path: str | int) -> Callable[[Any], None]:
    """The edit that takes out the member at that place."""
    return lambda payload: at(payload, *path[:-1]).__delitem__(path[-1])
