"""When a booking is complete."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from bokun_samples import DEPOSIT, NO_SHOW, RESOLD, SECOND_TOUR, TOUR, WEBSITE, edited, put, read, sample, take

from worker.bokun.completion import completion
from worker.domain.booking import Completion

OPEN = Completion(done=False, at=None)


def packed(*local):
    """A local wall clock as Bokun packs it."""
    return int(datetime(*local, tzinfo=UTC).timestamp() * 1000)


def ending(*local, zone="Europe/Rome"):
    """The moment at which a product that ends at this local time has ended."""
    tour = {"status": "CONFIRMED", "endDateTime": packed(*local), "activity": {"timeZone": zone}}
    return completion((tour,), seller={}).at


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_latest_end():
    """The booking ends with its last product, at that product's local time."""
    assert read(sample(WEBSITE)).completion == Completion(done=False, at=utc(2026, 1, 7, 11, 15))


def test_suppliers_zone():
    """The supplier's zone wins over that of a seller who says UTC by mistake."""
    assert read(sample(RESOLD)).completion.at == utc(2026, 2, 12, 12, 45)


@pytest.mark.parametrize(
    ("local", "zone", "end"),
    [
        ((2025, 7, 1, 18, 0), "Europe/Rome", (2025, 7, 1, 16, 0)),
        ((2025, 10, 26, 2, 30), "Europe/Rome", (2025, 10, 26, 1, 30)),
        ((2025, 3, 30, 2, 30), "Europe/Rome", (2025, 3, 30, 1, 30)),
        ((2025, 11, 2, 1, 30), "America/New_York", (2025, 11, 2, 6, 30)),
        ((2025, 3, 9, 2, 30), "America/New_York", (2025, 3, 9, 7, 30)),
        ((2025, 4, 6, 1, 45), "Australia/Lord_Howe", (2025, 4, 5, 15, 15)),
        ((2025, 7, 1, 18, 0), "Pacific/Kiritimati", (2025, 7, 1, 4, 0)),
    ],
)
def test_clock_changes(local, zone, end):
    """An hour that comes twice ends the second time, and one that is skipped ends after the gap."""
    assert ending(*local, zone=zone) == utc(*end)


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../../etc/passwd", "Europe", "\ud800", "\x00", 7, None, "", "A" * 300]
)
def test_unknown_zone(zone):
    """Where nobody knows the zone the end is that of the last place on Earth: never early."""
    assert ending(2025, 7, 1, 18, 0, zone=zone) == utc(2025, 7, 2, 6, 0)


def test_unreadable_zone_is_not_replaced():
    """A zone that the product states and nobody can read is not replaced by its seller's, which might be early."""
    tour = {"status": "CONFIRMED", "endDateTime": packed(2025, 7, 1, 18), "activity": {"timeZone": "Mars/Olympus"}}
    assert completion((tour,), seller={"timeZone": "Asia/Tokyo"}).at == utc(2025, 7, 2, 6, 0)


@pytest.mark.parametrize("end", [None, 0, -1, 1766597400, "soon", [], [2025, 1], True, {}, 10**30, Decimal("1E+400")])
def test_no_end_time(end):
    """Without an end that can be read, or with one that is noise, no clock ends the booking."""
    assert edited(DEPOSIT, put(*TOUR, endDateTime=end)).completion == OPEN


def test_end_before_start():
    """An end before its own start is no end."""
    assert edited(DEPOSIT, put(*TOUR, endDateTime=1766586599999)).completion == OPEN


@pytest.mark.parametrize(
    "end",
    [
        1766597400000,
        Decimal(1766597400000),
        "1766597400000",
        [2025, 12, 24, 17, 30],
        [2025, 12, 24, 17, 30, 0, 0],
        "2025-12-24T17:30:00",
        "2025-12-24T17:30:00.000Z",
        "Wed Dec 24 17:30:00 UTC 2025",
    ],
)
def test_every_form_of_a_date(end):
    """A local time is the same in each form in which Bokun writes one."""
    assert edited(DEPOSIT, put(*TOUR, endDateTime=end)).completion.at == utc(2025, 12, 24, 16, 30)


@pytest.mark.parametrize("word", ["ARRIVED", "NO_SHOW"])
def test_check_in_ends_a_product(word):
    """A checked-in product has ended, and the clock goes on for the others."""
    one = edited(WEBSITE, put(*SECOND_TOUR, status=word, endDateTime=None))
    assert one.completion == Completion(done=False, at=utc(2026, 1, 6, 12, 25))
    assert read(sample(NO_SHOW)).completion == Completion(done=True, at=None)


def test_cancelled_product_is_ignored():
    """A cancelled product neither delays the end nor keeps the clock from ending the others."""
    booking = edited(WEBSITE, put(*SECOND_TOUR, status="CANCELLED", endDateTime=None))
    assert booking.completion == Completion(done=False, at=utc(2026, 1, 6, 12, 25))


def test_all_cancelled():
    """A booking of which everything is cancelled never completes."""
    assert edited(DEPOSIT, put(*TOUR, status="CANCELLED")).completion == OPEN


def test_one_open_end_holds_all():
    """One product without an end time keeps the whole booking open, whatever the others say."""
    assert edited(WEBSITE, take(*TOUR, "endDateTime")).completion == OPEN
