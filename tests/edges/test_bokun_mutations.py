"""Real payloads with anything in them missing or replaced."""

from decimal import Decimal

import pytest
from bokun_samples import AGENT, DEPOSIT, NOTES, RESOLD, VIATOR, WEBSITE, booking_2019, read, sample, search_items
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.bokun.reduce import reduce_booking
from worker.calls.call import UnexpectedShape
from worker.domain.booking import Sale
from worker.domain.money import total

GONE = object()
JUNK = [
    GONE,
    None,
    True,
    "",
    "x",
    "\ud800\x00",
    0,
    -1,
    7,
    10**30,
    Decimal("0.005"),
    Decimal("1E+400"),
    1.5,
    [],
    [None],
    ["x"],
    {},
]


def trimmed(payload):
    """The payload with little of the catalogue, so that edits meet what is read."""
    for product in payload.get("activityBookings", []):
        catalogue = product.get("activity", {})
        product["activity"] = {name: catalogue.get(name) for name in ("timeZone", "vendor")}
    return payload


def children(value):
    """The members or elements of a value, with their names or places."""
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def size(value):
    return 1 + sum(size(child) for _, child in children(value))


def mutate(value, edits, *, at=0):
    """The tree again, with the nodes at these places in its order taken out or replaced."""
    if isinstance(value, dict | list):
        kept = []
        for name, child in children(value):
            at += 1
            new = edits[at] if at in edits else mutate(child, edits, at=at)
            at += size(child) - 1
            kept += [] if new is GONE else [(name, new)]
        return dict(kept) if isinstance(value, dict) else [child for _, child in kept]
    return value


NAMES = (WEBSITE, DEPOSIT, AGENT, RESOLD, VIATOR, NOTES)
PAYLOADS = [*(trimmed(sample(name)) for name in NAMES), trimmed(booking_2019()), search_items()[19]]


# Drawn as places, not as trees, so that a failure shows which edits broke it.
EDITS = st.dictionaries(st.integers(1, max(map(size, PAYLOADS)) - 1), st.sampled_from(JUNK), min_size=1, max_size=6)
WHICH = st.integers(0, len(PAYLOADS) - 1)


def broken(which, edits):
    payload = PAYLOADS[which]
    within = size(payload) - 1
    return mutate(payload, {(place - 1) % within + 1: junk for place, junk in edits.items()})


def usable(payload):
    found = payload.get("bookingId", payload.get("id"))
    return isinstance(found, int) and found is not True and 0 < found < 2**63


@settings(max_examples=300, deadline=None)
@given(WHICH, EDITS)
def test_never_raises(which, edits):
    """A broken booking is a booking or a question; only without an id is it neither."""
    payload = broken(which, edits)
    try:
        booking = read(payload)
    except UnexpectedShape:
        assert not usable(payload)
        return
    assert len(booking.revision) == 64
    if isinstance(booking.sale, Sale):
        assert booking.sale.recipient.name.strip()
        off = total(line.total for line in booking.sale.lines) - booking.sale.total.amount
        assert abs(off) <= booking.sale.total.half_minor_unit


@settings(max_examples=100, deadline=None)
@given(WHICH, EDITS)
def test_reduced_again(which, edits):
    """What is reduced has nothing more to take out."""
    reduced = reduce_booking(broken(which, edits))
    assert reduce_booking(reduced) == reduced


@pytest.mark.parametrize("payload", [None, [], "x", 7, {}, {"bookingId": 0}, {"bookingId": True}, {"id": "x"}])
def test_no_booking(payload):
    """What is no object or has no usable id is no booking."""
    with pytest.raises(UnexpectedShape):
        read(payload)


def test_product_booking():
    """A product with its parent inside is no booking, though it has an id and a status."""
    with pytest.raises(UnexpectedShape):
        read({**sample(WEBSITE)["activityBookings"][0], "parentBooking": {"bookingId": 80198796}})


def test_nothing_but_an_id():
    """An object with an id and nothing else is a booking to ask about."""
    assert read({"bookingId": 5}).confirmation_code == "5"
