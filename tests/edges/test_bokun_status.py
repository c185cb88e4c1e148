"""The status that the products have together."""

from itertools import combinations_with_replacement, product

import pytest
from bokun_samples import WEBSITE, read, sample

from worker.bokun.statuses import status
from worker.domain.booking import Status

PENDING = ["CART", "REQUESTED", "RESERVED", "PENDING"]
VOID = ["TIMEOUT", "ABORTED", "ERROR", "REJECTED"]
SOLD = ["CONFIRMED", "ARRIVED", "NO_SHOW"]
UNKNOWN = ["STARTED", "confirmed", "CANCELLED ", "", None, 7, [], {"a": 1}]
KINDS = ["activityBookings", "accommodationBookings", "routeBookings", "carRentalBookings", "giftCardBookings"]


def together(*words):
    return status(tuple({"status": word} for word in words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [(PENDING, Status.PENDING), (VOID, Status.VOID), (SOLD, Status.CONFIRMED), (UNKNOWN, Status.UNKNOWN)],
)
def test_alone(words, expected):
    """Each word means the same alone as beside a cancelled product."""
    assert {together(word) for word in words} == {together(word, "CANCELLED") for word in words} == {expected}


def test_every_pair():
    """Of two products the unknown one decides, then the pending one, then the sold one."""
    order = [UNKNOWN, PENDING, SOLD, VOID]
    names = [Status.UNKNOWN, Status.PENDING, Status.CONFIRMED, Status.VOID]
    for (left, right), words in [
        ((a, b), pair) for a, b in combinations_with_replacement(range(4), 2) for pair in product(order[a], order[b])
    ]:
        assert together(*words) is together(*reversed(words)) is names[min(left, right)], words


def test_none_and_all_cancelled():
    """Without a product the status is unknown; with nothing but cancelled ones it is cancelled."""
    assert (together(), together("CANCELLED"), together("CANCELLED", "CANCELLED")) == (
        Status.UNKNOWN,
        Status.CANCELLED,
        Status.CANCELLED,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_list_counts(kind):
    """A product of any kind makes the whole booking pending."""
    payload = sample(WEBSITE)
    payload[kind] = [*(payload.get(kind) or []), {"status": "RESERVED"}]
    assert read(payload).status is Status.PENDING


@pytest.mark.parametrize("junk", ["x", 7, {"status": "CONFIRMED"}, ["CONFIRMED"], [None], True])
def test_what_is_no_list_of_products(junk):
    """Products that cannot be read make the status unknown, not confirmed."""
    assert read({**sample(WEBSITE), "routeBookings": junk}).status is Status.UNKNOWN


def test_cart_status_is_ignored():
    """The booking's own status says nothing against that of its products."""
    assert read({**sample(WEBSITE), "status": "CANCELLED"}).status is Status.CONFIRMED
