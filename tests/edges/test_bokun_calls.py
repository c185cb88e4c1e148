"""The calls as values, and what is made of their answers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from bokun_samples import WEBSITE, sample, search_items

from worker.bokun.bookings import STATUSES, get_active_products, get_booking, get_price_list, search_bookings
from worker.calls.call import UnexpectedShape
from worker.calls.json import dumps, loads

SINCE, UNTIL = datetime(2025, 7, 1, tzinfo=UTC), datetime(2025, 7, 1, 1, 0, 0, 999999, tzinfo=UTC)


def search(*, since=SINCE, until=UNTIL, page=1, size=50):
    return search_bookings(since=since, until=until, role="SUPPLIER", page=page, size=size)


def seen(answer, *, size=50):
    call = search(size=size)
    return call.read(call.parse(dumps(answer).encode()), {})


def digests_of(item):
    """Of the text, and with the members in order."""
    page = seen([item])
    return page.items[0].fingerprint, page.ordered(page.items[0].booking_id)


def test_search_request():
    """A search asks for what changed in the window, with every official status, one role and one page."""
    assert loads(search(page=2).body) == {
        "bookingRole": "SUPPLIER",
        "bookingStatuses": list(STATUSES),
        "lastModifiedDateRange": {
            "from": "2025-07-01T00:00:00.000Z",
            "to": "2025-07-01T01:00:00.999Z",
            "includeLower": True,
            "includeUpper": True,
        },
        "page": 2,
        "pageSize": 50,
    }


def test_search_target():
    """A search is a POST that may be repeated."""
    call = search()
    assert (call.method, call.path, call.repeatable) == ("POST", "/booking.json/booking-search", True)


def test_open_window():
    """A window that is open below has no `from`."""
    assert "from" not in loads(search(since=None).body)["lastModifiedDateRange"]


def test_window_in_utc():
    """Times of any zone are sent in UTC, and a time without one is refused."""
    assert search(since=SINCE.astimezone(timezone(timedelta(hours=9)))).body == search().body
    with pytest.raises(ValueError, match="aware"):
        search(since=datetime(2025, 7, 1))  # noqa: DTZ001


def test_search_answer():
    """A page has each item's id and code, Bokun's total, and says whether it is full."""
    page = seen(sample("booking-search-35-items"), size=35)
    assert (len(page.items), page.total, page.full, page.unreadable) == (35, 35, True, 0)
    assert (page.items[0].booking_id, page.items[0].confirmation_code) == (74186895, "ABNB-74186895")


def test_plain_list():
    """Bokun's specification says a list, and a list is read as well."""
    page = seen(search_items())
    assert (len(page.items), page.total, page.full) == (35, None, False)


def test_unusable_item():
    """An item without a usable id is counted, and the page is not lost."""
    page = seen([{"id": 7}, {"id": "x"}, {}, None, 5, {"id": 0}], size=6)
    assert ([item.booking_id for item in page.items], page.unreadable, page.full) == ([7], 5, True)


@pytest.mark.parametrize("answer", [None, "x", 7, {}, {"items": None}, {"items": {}}, {"message": "no"}])
def test_strange_search_answer(answer):
    """An answer without items is an unexpected shape, never an empty page."""
    with pytest.raises(UnexpectedShape):
        seen(answer)


def test_fingerprint_covers_everything():
    """A payment, a status or a note changes both of an item's digests; the order of its members only the first."""
    item = search_items()[0]
    changes = [{"paymentStatus": "PAID_IN_FULL"}, {"productBookings": []}, {"labels": ["x"]}, {"paidPercentage": 100}]
    digests = [digests_of({**item, **change}) for change in [{}, *changes]]
    assert [len(set(each)) for each in zip(*digests, strict=True)] == [5, 5]
    turned = digests_of(dict(reversed(item.items())))
    assert [one == other for one, other in zip(turned, digests[0], strict=True)] == [False, True]


def test_a_page_knows_its_items_apart():
    """Each booking's digests are of its own item."""
    page = seen([{"id": 1, "a": 1}, {"id": 2, "a": 1}, {"id": "x"}])
    alone = [digests_of({"id": id_, "a": 1}) for id_ in (1, 2)]
    assert [(each.fingerprint, page.ordered(each.booking_id)) for each in page.items] == alone


def test_an_answer_shows_nobody():
    """Its text in a log or a traceback has nothing of what its items hold."""
    assert "Ada" not in repr(seen([{"id": 1, "name": "Ada"}]))


def test_booking_request():
    """A booking is asked for in a currency and in English, its id quoted as one part of the path."""
    assert get_booking(80198796).path == "/booking.json/booking/80198796?currency=EUR&lang=EN"
    assert get_booking("../VIA-1?", currency="USD").path == "/booking.json/booking/..%2FVIA-1%3F?currency=USD&lang=EN"


def test_booking_answer():
    """The booking that was asked for is handed on as it came."""
    assert get_booking(80198796).read(sample(WEBSITE), {}) == sample(WEBSITE)
    assert get_booking("VNDA-80198796").read(sample(WEBSITE), {})["bookingId"] == 80198796


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"bookingId": 1}, {"bookingId": 80198796, "parentBooking": {"bookingId": 1}}]
)
def test_strange_booking_answer(answer):
    """Another booking, a product of one, or no booking at all is an unexpected shape."""
    with pytest.raises(UnexpectedShape):
        get_booking(80198796).read(answer, {})


def test_active_products():
    """The products on sale are a list of ids."""
    call = get_active_products()
    assert (call.method, call.path, call.read([3, 1], {})) == ("GET", "/activity.json/active-ids", (3, 1))
    for strange in (None, {}, ["3"], [True]):
        with pytest.raises(UnexpectedShape):
            call.read(strange, {})


def test_price_list():
    """A price list is asked for in a currency and handed on as it came."""
    call, answer = get_price_list(814165, currency="EUR"), sample("price-list-converted-814165")
    assert (call.path, call.read(answer, {})) == ("/activity.json/814165/price-list?currency=EUR", answer)
    with pytest.raises(UnexpectedShape):
        call.read({}, {})
