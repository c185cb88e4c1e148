"""Calls to Space Invoices as values, against the seed's own words."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from worker.calls import json
from worker.calls.call import UnexpectedShape
from worker.domain.connection import Flags
from worker.domain.proof import Order
from worker.spaceinvoices import connections as bokun
from worker.spaceinvoices import orders
from worker.spaceinvoices.loopback import Page, date, pages, read_count, read_page, text

SEED = (Path(__file__).parent.parent / "samples" / "seed-endpoints.txt").read_text().splitlines()
MADE = (
    bokun.find_connections("o"),
    bokun.count_connections("o"),
    bokun.create_connection("o", {"name": "x"}),
    bokun.patch_connection("b", {"name": "x"}),
    bokun.delete_connection("b"),
    bokun.order("b", "{}", delivery=1),
    bokun.import_("b", "orders"),
)


def query(call):
    return {name: json.loads(value) for name, [value] in parse_qs(urlsplit(call.path).query).items()}


def test_the_seven_endpoints_of_the_seed_are_called():
    """Method and path of each call is one of the seed's Bokun endpoints, and none is missing."""
    seen = {
        f"{call.method} /v1{re.sub(r'/[ob](/|$)', r'/:id' + chr(92) + '1', urlsplit(call.path).path)}" for call in MADE
    }
    assert seen == {line for line in SEED if "okun" in line}


def test_only_what_makes_something_twice_is_not_repeatable():
    """A second create, order or import has a second effect; everything else may be asked again."""
    assert [call.name for call in MADE if not call.repeatable] == ["bokun.create", "bokun.order", "bokun.import"]


def test_a_find_asks_with_a_filter_in_json():
    """Types survive: the filter is one JSON text, with a stable order and the page's size."""
    call = bokun.find_connections("o", where={"active": True}, skip=200, deleted=True)
    assert query(call) == {
        "filter": {"limit": 100, "skip": 200, "order": "id ASC", "where": {"active": True}, "deleted": True}
    }


def test_a_count_asks_with_where_alone():
    """`where` is its own parameter there; without one there is no query at all."""
    assert query(bokun.count_connections("o", where={"name": "é&="})) == {"where": {"name": "é&="}}
    assert bokun.count_connections("o").path == "/Organizations/o/bokun/count"


def test_an_import_passes_its_options_through_unchanged():
    """ImportOptions is a string, present only when given."""
    made = [bokun.import_("b", "orders", options).body for options in (None, "", '{"a":1}')]
    assert [json.loads(body or "") for body in made] == [
        {"type": "orders"},
        {"type": "orders", "importOptions": ""},
        {"type": "orders", "importOptions": '{"a":1}'},
    ]


def test_orders_are_asked_for_by_both_names_and_all_connections():
    """One request asks for every name in orderId and in number, through any of our connections."""
    asked = query(orders.find_orders("o", connections=["c1", "c2"], names=["7", "T-7"]))["filter"]
    wanted = {"inq": ["7", "T-7"]}
    assert asked["where"] == {"bokunId": {"inq": ["c1", "c2"]}, "or": [{"orderId": wanted}, {"number": wanted}]}
    assert "payloads" not in asked["fields"]


def test_payloads_are_asked_for_only_where_they_prove_something():
    """A change is proven by our mark in the payloads, so then they are wanted."""
    asked = query(orders.find_orders("o", connections=["c"], names=["7"], payloads=True))["filter"]
    assert set(asked["fields"]) == {*orders.FIELDS, "payloads"}


@pytest.mark.parametrize("connections", [1, 40, 41, 500])
@pytest.mark.parametrize("length", [1, 8, 40, 300])
def test_a_group_of_bookings_fits_one_request(length, connections):
    """At most a hundred bookings, and a target that every proxy takes; each booking is in exactly one group."""
    names = [[f"{n:0{length}d}"[:length], f"CODE-{n:0{length}d}"[:length]] for n in range(250)]
    found = orders.groups(names)
    assert [position for group in found for position in group] == list(range(250))
    assert max(len(group) for group in found) <= 100
    for group in found:
        of, wanted = ["c" * 24] * connections, [name for position in group for name in names[position]]
        assert len(orders.find_orders("o" * 24, connections=of, names=wanted).path) < 8100


def test_no_bookings_make_no_group():
    """Nothing to look for is no request."""
    assert orders.groups([]) == []


def test_an_order_is_read_with_both_names_and_our_marks():
    """Ids may be numbers, the mark is found in any payload, and what is missing is none."""
    record = {
        "id": "o1", "bokunId": "c1", "orderId": 7, "number": "T-7", "invoiceId": "d1", "estimateId": None,
        "cancelled": True, "payloads": [{"custom": {"bokunSync": {"key": "k"}}}, {"custom": None}, None, "x"],
    }  # fmt: skip
    assert orders.read_order(record) == Order(
        "o1", "c1", frozenset({"7", "T-7"}), "d1", None, cancelled=True, keys=frozenset({"k"})
    )


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ""}, {"id": ["x"]}])
def test_an_order_without_id_is_none(record):
    """A record without id proves nothing."""
    assert orders.read_order(record) is None


def test_a_strange_order_is_read_as_far_as_it_goes():
    """Members of another type are as good as missing."""
    strange = {"id": "o1", "bokunId": {}, "orderId": True, "number": "", "invoiceId": 5, "cancelled": "yes"}
    assert orders.read_order(strange) == Order("o1", None, frozenset(), "5", None)


def test_a_connection_is_read_with_its_flags():
    """The record stays whole; a flag that is missing or null has the seed's default."""
    record = {
        "id": "c1",
        "organizationId": "o",
        "name": "Shop",
        "active": False,
        "issueInvoiceOnComplete": None,
        "x": 1,
    }
    seen = bokun.shown(record)
    assert (seen.id, seen.organization, seen.name, seen.record) == ("c1", "o", "Shop", record)
    assert seen.flags == Flags(active=False)


@pytest.mark.parametrize("record", [{"name": "x"}, {"id": "c1", "active": "true"}, {"id": "c1", "active": 1}])
def test_a_connection_without_id_or_with_strange_flags_is_refused(record):
    """A flag that is no boolean is never guessed."""
    with pytest.raises(UnexpectedShape):
        bokun.shown(record)


@pytest.mark.parametrize("body", [None, {}, "x", [1], [{}, None]])
def test_a_page_is_a_list_of_records(body):
    """Anything else is another shape."""
    with pytest.raises(UnexpectedShape):
        read_page(body, {})


@pytest.mark.parametrize(("said", "total"), [("7", 7), ("", None), ("many", None), ("-1", None), ("٣", None)])
def test_the_total_is_read_from_its_header(said, total):
    """A header that is no number is no total."""
    assert read_page([{}], {"x-total-count": said}) == Page(({},), total)


@pytest.mark.parametrize("body", [None, [], {}, {"count": "3"}, {"count": True}, {"count": 1.0}])
def test_a_count_is_a_whole_number(body):
    """Anything else is another shape."""
    with pytest.raises(UnexpectedShape):
        read_count(body, {})


def test_pages_are_asked_for_until_a_short_one():
    """Full pages go on, the first short one ends it, an empty one too."""
    asked = []

    def first(skip):
        asked.append(skip)
        return skip

    sizes = {0: 100, 100: 100, 200: 0}
    found = list(pages(first, lambda skip: Page(tuple({"n": n + skip} for n in range(sizes[skip])), None)))
    assert ([each["n"] for each in found], asked) == (list(range(200)), [0, 100, 200])


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2022-04-20T10:10:30.000Z", "2022-04-20T10:10:30+00:00"),
        ("2022-04-20T10:10:30+00:00Z", "2022-04-20T10:10:30+00:00"),
        ("2022-04-20T10:10:30+02:00", "2022-04-20T10:10:30+02:00"),
        ("2022-04-20T10:10:30", "2022-04-20T10:10:30+00:00"),
        ("2022-04-20", "2022-04-20T00:00:00+00:00"),
    ],
)
def test_dates_are_read_in_every_form_that_is_shown(said, read):
    """The documentation's own form has offset and Z at once; without a zone it is UTC."""
    found = date(said)
    assert found is not None
    assert found.isoformat() == read


@pytest.mark.parametrize("said", [None, 5, "", "yesterday", "2022-13-01T00:00:00Z", {}])
def test_what_is_no_date_is_none(said):
    """Nothing is raised for a strange date."""
    assert date(said) is None


def test_a_text_may_be_a_number_but_nothing_else():
    """Ids come as text or number; empty text is none."""
    values = ["x", "", 7, True, None, [], 1.5]
    assert [text({"a": value}, "a") for value in values] == ["x", None, "7", None, None, None, None]
