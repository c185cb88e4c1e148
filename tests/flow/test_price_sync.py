"""The price sync against the sandbox: what Space Invoices holds afterwards, and what it was asked."""

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import settings
from tests.price_lists import ADULT, PRODUCT, held, mark, other, passenger, real, season, tiered, written
from worker.flow import prices
from worker.flow.price_hold import PricesBusy, PricesFailed, hold
from worker.flow.refresh import refresh
from worker.flow.services import Until
from worker.store import connections
from worker.store import prices as store

TITLE = "Store EUR 2026-01-20 – 2027-01-20"


@pytest.fixture
def connection(house):
    """The only connection, mirrored."""
    return connect(house, "Store")


def connect(house, name):
    id_ = house.sandbox.connect(name)["id"]
    refresh(house.services)
    with house.services.database.reading() as open_:
        return connections.get(open_, id_)


def bokun_has(house, *lists):
    house.sandbox.world.products = {each["activityId"]: each for each in lists}


def sync(house, connection, services=None, **asked):
    """A plan and its application, as a person orders them."""
    services = services or house.services
    return prices.apply(services, connection, prices.plan_prices(services, connection, **asked))


def live(collection):
    return [row for row in collection.rows.values() if not row["_isDeleted"]]


def test_the_real_price_list_arrives(house, connection):
    """One list for currency and dates, one price per product, rate and category, each under its key."""
    sync(house, connection)
    (name, active_from, active_to, held_prices), *none = held(house.sandbox)
    assert (name, active_from, active_to, none) == (TITLE, "2026-01-20T00:00:00.000Z", "2027-01-20T23:59:59.999Z", [])
    assert held_prices == [
        ("814165|1565415|789585", "184.35", None),
        ("814165|1565415|789586", "159.69", None),
        ("814165|1567944|788208", "135.03", None),
        ("814165|1567944|788209", "113.45", None),
        ("814165|1760309|887614", "67.21", None),
        ("814165|1760309|887615", "61.04", None),
    ]


def seasons():
    return season(season(real(), "2027-01-21", "2027-06-30", amount=200), "2027-07-01", None)


VARIANTS = {
    "as it is": [real()],
    "tiers": [tiered(real())],
    "seasons": [seasons()],
    "products": [real(), other(5), tiered(other(6))],
    "nothing": [{**real(), "pricesByDateRange": []}],
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("currencies", [["EUR"], ["EUR", "USD"]])
def test_a_second_sync_changes_nothing(house, connection, variant, currencies):
    """Whatever Bokun has, the plan after a sync is empty and applying it asks nothing."""
    bokun_has(house, *VARIANTS[variant])
    sync(house, connection, currencies=currencies)
    before = len(written(house.sandbox))
    again = prices.plan_prices(house.services, connection, currencies=currencies)
    sync(house, connection, currencies=currencies)
    assert (again.size, len(written(house.sandbox)) - before) == (0, 0)


def test_every_currency_has_its_list(house, connection):
    """Two currencies are two lists with the same dates."""
    sync(house, connection, currencies=["EUR", "USD"])
    assert [name for name, *_ in held(house.sandbox)] == [TITLE, TITLE.replace("EUR", "USD")]


def test_one_changed_price_is_one_patch(house, connection):
    """A change of one price in Bokun sends one PATCH of that price and nothing else."""
    sync(house, connection)
    before = len(written(house.sandbox))
    passenger(house.sandbox.world.products[PRODUCT])["price"]["amount"] = Decimal("190.00")
    sync(house, connection)
    changed = [str(row["amount"]) for row in live(house.sandbox.world.prices) if mark(row) == ADULT]
    assert (written(house.sandbox)[before:], changed) == ([("PATCH", "Prices")], ["190.00"])


def test_what_bokun_drops_goes(house, connection):
    """A product that is not on sale any more, a season that ended: their prices and the empty list are deleted."""
    bokun_has(house, seasons(), other(5))
    sync(house, connection)
    bokun_has(house, real())
    sync(house, connection)
    assert [(name, len(found)) for name, _, _, found in held(house.sandbox)] == [(TITLE, 6)]
    assert len(live(house.sandbox.world.prices)) == 6


def test_no_product_on_sale_removes_nothing(house, connection):
    """An empty list of products is more likely a fault than a fact: nothing is removed, and the plan says so."""
    sync(house, connection)
    bokun_has(house)
    plan = prices.plan_prices(house.services, connection)
    assert (plan.size, plan.left_alone) == (0, (prices.NOTHING_ON_SALE,))


def test_a_product_that_is_not_understood_keeps_its_prices(house, connection):
    """An answer that makes no sense leaves that product as it is; the others go on."""
    bokun_has(house, real(), other(5))
    sync(house, connection)
    broken, changed = real(), other(5)
    passenger(broken)["price"]["amount"] = "much"
    passenger(changed)["price"]["amount"] = Decimal("1.00")
    bokun_has(house, broken, changed)
    plan = prices.plan_prices(house.services, connection)
    assert (plan.size, [each.product for each in plan.left_alone]) == (1, [str(PRODUCT)])


def test_a_product_that_bokun_does_not_know_is_named(house, connection):
    """A product id that a person mistyped is named with Bokun's own words."""
    plan = prices.plan_prices(house.services, connection, products=[99])
    assert [(each.product, each.because) for each in plan.left_alone] == [
        ("99", "Bokun answered 404: Activity not found.")
    ]


def test_a_named_product_leaves_the_others(house, connection):
    """With products named, prices of other products are neither changed nor removed."""
    bokun_has(house, real(), other(5))
    sync(house, connection)
    bokun_has(house, {**real(), "pricesByDateRange": []}, {**other(5), "pricesByDateRange": []})
    sync(house, connection, products=[5])
    assert {mark(row).split("|")[0] for row in live(house.sandbox.world.prices)} == {str(PRODUCT)}


def test_what_people_made_is_never_touched(house, connection):
    """A list by hand, a price by hand in our list, and another connection's lists stay to the last member."""
    world, other_connection = house.sandbox.world, connect(house, "Other")
    sync(house, other_connection)
    sync(house, connection)
    [*_, ours] = world.price_lists.rows
    mine = world.price_lists.create({"name": "Mine", "organizationId": house.sandbox.organization, "custom": {"a": 1}})
    for list_id in (mine["id"], ours):
        world.prices.create({"amount": 5, "priceListId": list_id, "custom": {"note": "mine"}})
    theirs = [row for row in live(world.prices) if row["priceListId"] != ours or "note" in row["custom"]]
    before = deepcopy([*theirs, mine])
    bokun_has(house, {**real(), "pricesByDateRange": []})
    sync(house, connection)
    assert [*theirs, mine] == before
    assert not world.price_lists.rows[ours]["_isDeleted"]


def test_more_than_a_page_is_read_to_the_end(house, connection):
    """Beyond a hundred lists and a hundred prices the second sync still finds all of its own."""
    world = house.sandbox.world
    for number in range(101):
        world.price_lists.create({"name": f"Mine {number}", "organizationId": house.sandbox.organization})
    bokun_has(house, *(other(number) for number in range(1, 19)))
    sync(house, connection)
    assert (len(live(world.prices)), prices.plan_prices(house.services, connection).size) == (108, 0)


def test_the_item_map_is_brought_across(house, connection):
    """A mapped key gets its item with the next sync; the keys without one are named."""
    sync(house, connection)
    organization = connection.organization
    house.services.database.run(lambda open_: store.map_items(open_, organization, {ADULT: "item-1"}))
    plan = prices.plan_prices(house.services, connection)
    sync(house, connection)
    items = {mark(row): row.get("itemId") for row in live(house.sandbox.world.prices)}
    assert (plan.size, len(plan.without_item), items[ADULT]) == (1, 5, "item-1")


def test_a_plan_that_grew_old_makes_no_double(house, connection):
    """What somebody created since the plan was made is found, not created again."""
    plan = prices.plan_prices(house.services, connection)
    prices.apply(house.services, connection, plan)
    done = prices.apply(house.services, connection, plan)
    assert (done.created, done.found, len(live(house.sandbox.world.prices))) == (0, 7, 6)


def test_a_double_is_removed(house, connection):
    """A create whose answer was lost and that took effect late is removed by the next sync, the older one stays."""
    sync(house, connection)
    world = house.sandbox.world
    twice = {**live(world.prices)[0]}
    world.prices.create(twice)
    done = sync(house, connection)
    assert (done.removed, sorted(mark(row) for row in live(world.prices)).count(mark(twice))) == (1, 1)
    assert not world.prices.rows[twice["id"]]["_isDeleted"]


def test_one_refused_price_does_not_stop_the_others(house, connection):
    """A 422 for one price is told with Space Invoices' own words; the rest of the plan is carried out."""
    house.sandbox.faults.add(
        kind="status", remote="space-invoices", method="POST", path="/prices", times=1, code=422,
        body={"error": {"statusCode": 422, "message": "no such item"}},
    )  # fmt: skip
    done = sync(house, connection)
    assert (done.created, [each.split(": ", 1)[1] for each in done.refused]) == (
        6,
        ["Space Invoices answered 422: no such item"],
    )


def test_only_one_sync_at_a_time(house, connection):
    """While a connection's prices are held, another sync of it changes nothing."""
    plan = prices.plan_prices(house.services, connection)
    with hold(house.services, connection), pytest.raises(PricesBusy):
        prices.apply(house.services, connection, plan)
    assert (written(house.sandbox), sync(house, connection).created) == ([], 7)


def test_refused_credentials_block_the_connection(house, connection):
    """A redirect to Bokun's login page ends the sync and blocks the connection, as everywhere."""
    house.sandbox.world.accounts.clear()
    with pytest.raises(PricesFailed):
        sync(house, connection)
    with house.services.database.reading() as open_:
        assert connections.get(open_, connection.id).blocked_by == "bokun"


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "reset", "after_effect": True}, {"kind": "status"}])
def test_a_lost_answer_is_looked_up(house, connection, fault):
    """A connection lost before or after the effect ends the sync; the next one finds what arrived."""
    house.sandbox.faults.add(remote="space-invoices", method="POST", path="/prices", times=1, **fault)
    with pytest.raises(PricesFailed):
        sync(house, connection)
    sync(house, connection)
    assert (len(live(house.sandbox.world.prices)), prices.plan_prices(house.services, connection).size) == (6, 0)


def clocked(house):
    """The house with the sync switched on, once an hour."""
    return house.with_terms(prices_sync_every=3600)


def test_by_the_clock(house, connection):
    """A connection is due at once, then an hour after each sync."""
    house = clocked(house)
    due = [prices.due(house.services)]
    done = prices.sync(house.services, connection.id, Until.seconds(house.services, 60))
    due.append(prices.due(house.services))
    house.clock.pass_by(seconds=3601)
    due.append(prices.due(house.services))
    assert (due, done.created) == ([[connection.id], [], [connection.id]], 7)


def test_a_failed_sync_is_due_again_soon(house, connection):
    """A failure by the clock is written down and tried again after a growing pause, not after the whole period."""
    house = clocked(house)
    house.sandbox.faults.add(kind="status", remote="bokun", path="/activity", times=1)
    prices.sync(house.services, connection.id, Until.seconds(house.services, 60))
    with house.services.database.reading() as open_:
        row = store.get(open_, connection.id)
    assert (row.failures, row.reason, row.due_at - house.clock()) == (1, "Bokun answered 503", timedelta(seconds=2))


def test_a_sync_whose_time_is_up_goes_on(house, connection):
    """What was not begun in time is due at once, and the next bell does the rest."""
    house = clocked(house)
    first = prices.sync(house.services, connection.id, Until.seconds(house.services, 0))
    due = prices.due(house.services)
    second = prices.sync(house.services, connection.id, Until.seconds(house.services, 60))
    assert (first.created, first.left, due, second.created) == (0, 7, [connection.id], 7)


def test_a_connection_that_does_not_work_is_not_due(house, connection):
    """Paused, blocked or switched off connections are left alone by the clock."""
    database = house.services.database
    database.run(lambda open_: connections.change(open_, connection.id, paused_at=house.clock()))
    assert prices.due(house.services) == []
    done = prices.sync(house.services, connection.id, Until.seconds(house.services, 60))
    assert (done, written(house.sandbox)) == ("the connection is gone, paused or blocked", [])


def test_the_clock_rings_only_where_it_was_asked_for():
    """Off by default; switched on, beat looks every minute for what is due, or more often for a shorter period."""
    from config.schedule import beat_schedule

    periods = [beat_schedule(settings(**said)).get("tasks.prices.sync", {}).get("schedule")
               for said in ({}, {"prices_sync_every": 86400}, {"prices_sync_every": 20})]  # fmt: skip
    assert periods == [None, 60.0, 20.0]


def test_the_tasks_have_their_names():
    """Flower shows the sync as `tasks.prices.sync` and one task per connection, with a time limit of its own."""
    from tasks import prices as tasks

    assert [(each.name, each.soft_time_limit) for each in (tasks.sync, tasks.one)] == [
        ("tasks.prices.sync", 60),
        ("tasks.prices.connection", 500),
    ]
