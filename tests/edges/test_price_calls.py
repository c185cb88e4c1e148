"""The calls about price lists and prices, asked of the sandbox."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Failure
from worker.spaceinvoices.loopback import date, pages
from worker.spaceinvoices.pricelists import (
    count_price_lists,
    create_price_list,
    delete_price_list,
    find_price_lists,
    get_price_list,
    patch_price_list,
    shown_list,
)
from worker.spaceinvoices.prices import (
    count_prices,
    create_price,
    delete_price,
    find_prices,
    patch_price,
    shown_price,
)

ORG = "org-1"
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def fetch(services):
    """Sends a call to Space Invoices and gives its typed answer."""
    return services.space_invoices.fetch


@pytest.fixture
def made(fetch):
    """A price list of the sandbox."""
    return fetch(create_price_list(ORG, {"name": "Summer", "activeFrom": MAY, "custom": {"erp": 5}}))


def test_a_list_is_shown_with_its_types(made):
    """Times, switches and the free field come back typed, and the record has everything."""
    shown = (made.organization, made.name, made.active, made.active_from, made.active_to, made.type, made.client)
    assert shown == (ORG, "Summer", True, MAY, None, "sale", None)
    assert (made.custom, made.record["activeFrom"]) == ({"erp": 5}, "2026-05-01T00:00:00.000Z")


def test_a_patch_changes_only_what_it_names(fetch, made):
    """Members that nobody names stay, known or not."""
    fetch(patch_price_list(made.id, {"unheardOf": [1]}))
    patched = fetch(patch_price_list(made.id, {"name": "Summer 2026"}))
    assert patched.record == made.record | {"name": "Summer 2026", "unheardOf": [1]}


def test_lists_are_found_and_counted(fetch, made):
    """A where finds and counts the same lists."""
    fetch(create_price_list(ORG, {"name": "Winter"}))
    where = {"name": {"like": "^Sum"}}
    found = fetch(find_price_lists(ORG, where=where))
    assert [each["id"] for each in found.records] == [made.id]
    assert (found.total, fetch(count_price_lists(ORG, where=where)), fetch(count_price_lists(ORG))) == (1, 1, 2)


def test_a_deleted_list_is_hidden_not_gone(fetch, made):
    """A delete counts once, then hides; who asks for deleted records sees it with its mark."""
    assert [fetch(delete_price_list(made.id)) for _ in range(2)] == [1, 0]
    with pytest.raises(CallFailed) as gone:
        fetch(get_price_list(made.id))
    [deleted] = map(shown_list, fetch(find_price_lists(ORG, deleted=True)).records)
    assert (gone.value.failure, deleted.deleted, fetch(count_price_lists(ORG))) == (Failure.GONE, True, 0)


def test_one_list_can_be_asked_for_in_part(fetch, made):
    """The filter of a single read names the fields."""
    assert dict(fetch(get_price_list(made.id, more={"fields": ["id", "name"]})).record) == {
        "id": made.id,
        "name": "Summer",
    }


@pytest.mark.parametrize("amount", ["0", "0.10", "184.35", "0.1234567890123456789", "100000000000"])
def test_amounts_keep_their_digits(fetch, made, amount):
    """An amount goes out and comes back as the very number, never through a float."""
    price = fetch(create_price(made.id, {"amount": Decimal(amount)}))
    assert (price.amount, str(price.record["amount"])) == (Decimal(amount), amount)


def test_a_price_is_shown_changed_and_deleted(fetch, made):
    """A price knows its list and item; a patch leaves the rest; a delete hides it."""
    price = fetch(create_price(made.id, {"amount": Decimal("5.00"), "itemId": "i1", "custom": {"a": [1]}}))
    changed = fetch(patch_price(price.id, {"amount": Decimal("6.00")}))
    assert (changed.price_list, changed.item, changed.amount, changed.custom) == (
        made.id, "i1", Decimal("6.00"), {"a": [1]},
    )  # fmt: skip
    assert (fetch(count_prices(made.id)), fetch(delete_price(price.id)), fetch(count_prices(made.id))) == (1, 1, 0)


def test_prices_are_read_page_by_page(fetch, made, sandbox):
    """Three pages of a hundred are read to the end, each price once, in a stable order."""
    for number in range(201):
        sandbox.world.prices.create({"amount": number, "priceListId": made.id})
    found = [record["amount"] for record in pages(lambda skip: find_prices(made.id, skip=skip), fetch)]
    assert (found, fetch(find_prices(made.id)).total) == (list(range(201)), 201)


def test_a_price_without_amount_is_refused(fetch, made):
    """The remote's own words come back with a 422."""
    with pytest.raises(CallFailed) as refused:
        fetch(create_price(made.id, {"itemId": "i1"}))
    assert (refused.value.failure, refused.value.status, "amount" in refused.value.sentence) == (
        Failure.REFUSED,
        422,
        True,
    )


@pytest.mark.parametrize("amount", ["a lot", None, True, [], "NaN"])
def test_an_amount_that_is_none_is_no_number(amount):
    """A price whose amount cannot be read has none, so that a sync puts it right."""
    assert shown_price({"id": "p1", "amount": amount}).amount is None


@pytest.mark.parametrize("shown", [shown_list, shown_price])
def test_a_record_without_id_is_refused(shown):
    """Nothing can be done with a record that has no id."""
    with pytest.raises(UnexpectedShape):
        shown({"name": "Summer"})


@pytest.mark.parametrize(
    "text", ["2026-05-01T00:00:00+00:00Z", "2026-05-01T00:00:00.000Z", "2026-05-01", "2026-05-01T02:00:00+02:00"]
)
def test_dates_are_read_leniently(text):
    """The documentation's own date, with offset and Z, is read like a correct one."""
    assert date(text) == MAY
