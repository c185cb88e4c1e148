"""Bokun's side: signatures, search, bookings, price lists."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from worker.sandbox import bookings
from worker.sandbox.bokun import sign
from worker.sandbox.exact import copy, loads

from .conftest import NOW

VECTOR = json.loads((Path(__file__).parent.parent / "samples" / "signature-test-vector.json").read_text())["rest"]
BOOKING = "/booking.json/booking/81000001?currency=EUR&lang=EN"


def ids(answer):
    return [item["id"] for item in answer["items"]]


@pytest.fixture
def season(sandbox, clock):
    """Books one booking of each kind, a minute apart."""
    for index, build in enumerate(bookings.KINDS.values(), start=1):
        sandbox.book(build(81_000_000 + index, clock()))
        clock.pass_by(minutes=1)


def test_the_published_signature_is_reproduced():
    """The worked example of Bokun's documentation gives the signature that is printed there."""
    signature = sign(
        VECTOR["secretKey"],
        date=VECTOR["date"],
        access_key=VECTOR["accessKey"],
        method=VECTOR["method"],
        target=VECTOR["pathWithQuery"],
    )
    assert signature == VECTOR["expected"]


@pytest.mark.parametrize("wrong", [{"key": "nobody"}, {"secret": "other"}, {"at": NOW - timedelta(minutes=16)}])
def test_wrong_credentials_are_sent_to_the_login_page(remote, season, wrong):
    """A wrong key, a wrong secret or a clock 16 minutes off is a 303 to the login page with nothing in it."""
    answer = remote.bokun("GET", BOOKING, **wrong)
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, "/extranet/login", b"")


def test_a_booking_is_answered_digit_by_digit(remote, sandbox):
    """A booking read by its id is what was booked, with every digit of its amounts."""
    booking = bookings.deposit(81_000_001, NOW, total="99.90")
    sandbox.book(booking)
    assert loads(remote.bokun("GET", BOOKING).text) == booking
    assert '"totalPrice":99.90' in remote.bokun("GET", BOOKING).text


def test_a_booking_is_found_by_its_code(remote, season):
    """A booking can be read by its confirmation code."""
    assert remote.bokun("GET", "/booking.json/booking/VNDA-81000001").json()["bookingId"] == 81_000_001


def test_an_unknown_booking_is_not_found(remote):
    """A booking that does not exist is a 404 with Bokun's own error body."""
    answer = remote.bokun("GET", BOOKING)
    assert (answer.status_code, answer.json()) == (404, {"message": "Booking 81000001 not found.", "fields": {}})


def test_an_account_sees_its_own_bookings(remote, sandbox, season):
    """The bookings of one account do not exist for another."""
    sandbox.add_account("other", "other-secret")
    answer = remote.bokun("POST", "/booking.json/booking-search", {}, key="other", secret="other-secret")
    assert answer.json()["items"] == []


def test_pages_count_from_one(remote, season):
    """Pages begin at 1, page 0 is page 1 again, and the last page is short."""
    pages = [ids(remote.search(page=page, pageSize=4)) for page in (0, 1, 2, 3)]
    first = [81_000_001, 81_000_002, 81_000_003, 81_000_004]
    assert pages == [first, first, [81_000_005, 81_000_006], []]


def test_roles_choose_whose_sales(remote, season):
    """Own sales show in both roles, sales of other suppliers' tours as SELLER, resold and OTA ones as SUPPLIER."""
    found = {role: [number - 81_000_000 for number in ids(remote.search(bookingRole=role))] for role in ROLES}
    assert found == {"SELLER": [1, 2, 3, 5], "SUPPLIER": [1, 2, 3, 4, 6]}


ROLES = ("SELLER", "SUPPLIER")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"lastModifiedDateRange": {"from": "2025-07-01T12:04:00.000Z"}}, [5, 6]),
        ({"lastModifiedDateRange": {"from": "2025-07-01T12:04:00.000Z", "includeLower": False}}, [6]),
        ({"lastModifiedDateRange": {"to": "2025-07-01T12:01:00Z", "includeUpper": False}}, [1]),
        ({"creationDateRange": {"from": "2025-07-01T12:02:00Z", "to": "2025-07-01T12:03:00Z"}}, [3, 4]),
        ({"startDateRange": {"to": "2025-07-30T00:00:00Z"}}, []),
        ({"cancellationDateRange": {"from": "2025-01-01T00:00:00Z"}}, []),
        ({"bookingStatuses": ["CANCELLED"]}, []),
        ({"confirmationCode": "VIA-81000006"}, [6]),
    ],
)
def test_ranges_and_words_choose_bookings(remote, season, query, found):
    """Each field of the query that is given narrows the search."""
    assert ids(remote.search(**query)) == [81_000_000 + number for number in found]


@pytest.mark.parametrize("query", [{"pageSize": "many"}, {"creationDateRange": {"from": "yesterday"}}])
def test_an_unreadable_query_is_refused(remote, season, query):
    """A query that cannot be read is a 400 with Bokun's own error body."""
    assert remote.bokun("POST", "/booking.json/booking-search", query).status_code == 400


def test_a_cancelled_booking_is_found_by_its_cancellation(remote, sandbox, season, clock):
    """A cancellation gives the product a date by which the search finds the booking."""
    sandbox.change(81_000_002, cancel=True)
    found = remote.search(cancellationDateRange={"from": clock().isoformat()}, bookingStatuses=["CANCELLED"])
    assert ids(found) == [81_000_002]


def test_the_last_change_comes_last(remote, sandbox, season):
    """A changed booking moves to the end of the search."""
    sandbox.change(81_000_001, pay=False)
    assert ids(remote.search())[-1] == 81_000_001


@pytest.mark.parametrize("wish", [{"cancel": True}, {"pay": "500.00"}, {"reprice": "17.01"}, {"status": "ARRIVED"}])
def test_an_item_changes_with_its_booking(remote, sandbox, wish):
    """Status, payment and amount show in the search item."""
    sandbox.book(bookings.deposit(81_000_001, NOW))
    before = copy(remote.search()["items"][0])
    sandbox.change(81_000_001, **wish)
    assert remote.search()["items"][0] != before


def test_an_item_is_shaped_like_the_real_ones(remote, sandbox):
    """A search item has every member of a real one and, like it, no status and no booking id of its own."""
    real = json.loads((Path(bookings.__file__).parent / "samples" / "search-item.json").read_text())
    sandbox.book(bookings.ota(81_000_001, NOW))
    item = remote.search()["items"][0]
    assert set(item) == set(real)
    assert set(real["productBookings"][0]) <= set(item["productBookings"][0])
    assert item["productBookings"][0]["resellerInvoice"]["totalDue"] == loads("131.20")


def test_the_index_lags_behind(remote, sandbox, clock):
    """With a lag the search knows the old state until the time is over; the booking itself is new at once."""
    sandbox.book(bookings.deposit(81_000_001, NOW))
    sandbox.knobs.search_lag = 60
    sandbox.change(81_000_001, reprice="10.00")
    statuses = []
    for _ in range(2):
        statuses.append(str(remote.search()["items"][0]["customerInvoice"]["totalDueAsMoney"]["amount"]))
        clock.pass_by(seconds=60)
    assert statuses == ["520", "10.00"]


def test_too_many_calls_are_turned_away(remote, sandbox, season):
    """Past the limit of a minute a call is a 429 that says when to come again."""
    sandbox.knobs.bokun_calls_per_minute = 2
    answers = [remote.bokun("GET", BOOKING) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "60"


def test_active_products_have_a_price_list(remote):
    """Each active product has a price list in the currency that is asked for."""
    (product,) = remote.bokun("GET", "/activity.json/active-ids").json()
    prices = remote.bokun("GET", f"/activity.json/{product}/price-list?currency=EUR").json()
    passenger = prices["pricesByDateRange"][0]["rates"][0]["passengers"][0]
    assert (prices["activityId"], passenger["price"]["currency"]) == (product, "EUR")
    assert remote.bokun("GET", "/activity.json/1/price-list").status_code == 404
