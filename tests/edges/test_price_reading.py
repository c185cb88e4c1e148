"""Bokun's price list of a product, read into offers."""

from datetime import date
from decimal import Decimal

import pytest

from tests.price_lists import ADULT, PRODUCT, passenger, real, season, tiered
from worker.bokun.prices import read_price_list
from worker.calls.call import UnexpectedShape
from worker.domain.pricelist import Season


def read(prices, currency="EUR"):
    return read_price_list(PRODUCT, currency, prices)


def amounts(prices):
    return {str(each.key): each.amount for each in read(prices).offers}


def test_the_real_price_list():
    """Each pricing category of each rate is one offer, exact to the digit, in the one season."""
    assert amounts(real()) == {
        "814165|1565415|789585": Decimal("184.35"),
        "814165|1565415|789586": Decimal("159.69"),
        "814165|1760309|887614": Decimal("67.21"),
        "814165|1760309|887615": Decimal("61.04"),
        "814165|1567944|788209": Decimal("113.45"),
        "814165|1567944|788208": Decimal("135.03"),
    }
    assert {each.season for each in read(real()).offers} == {Season("EUR", date(2026, 1, 20), date(2027, 1, 20))}


def test_the_lowest_tier_is_the_price():
    """Tiers come unsorted: the smallest group's price counts, the others are named."""
    reading = read(tiered(real()))
    assert amounts(tiered(real()))[ADULT] == Decimal("190.00")
    assert [each.what.split(" of ")[0] for each in reading.unmapped] == ["tier 2–4 at 170.00", "tier 5–… at 150.00"]


def test_seasons_are_kept_apart():
    """Each range of dates is a season of its own; a missing end is open."""
    seasons = {each.season for each in read(season(real(), "2027-01-21", None)).offers}
    assert sorted(map(str, seasons)) == ["EUR|2026-01-20|2027-01-20", "EUR|2027-01-21|"]


def test_a_price_per_booking_has_no_category():
    """A rate with one price per booking is one offer under the word `booking`."""
    prices = real()
    prices["pricesByDateRange"][0]["rates"] = [{"rateId": 5, "title": "Boat", "price": {"amount": 300}}]
    assert amounts(prices) == {"814165|5|booking": Decimal(300)}


def test_extras_and_transfers_are_named():
    """Extras, pick-up and drop-off have no place in a price list and are named with their place."""
    prices = real()
    prices["pricesByDateRange"][0]["rates"][0]["extras"] = [{"extraId": 5, "title": "Lunch"}]
    passenger(prices).update(pickupPrice={"amount": 4}, dropoffPrice={"amount": 4})
    assert [each.what.split(" (All")[0] for each in read(prices).unmapped] == [
        f"pick-up of {ADULT}",
        f"drop-off of {ADULT}",
        "extra 5 (Lunch) of 814165|1565415",
    ]


def test_a_price_that_bokun_does_not_have_is_named():
    """`priceNotFound` is no offer of 0; it is named."""
    prices = real()
    passenger(prices)["price"] = {"currency": "EUR", "amount": 0, "priceNotFound": True}
    assert (ADULT in amounts(prices), read(prices).unmapped[0].because) == (False, "Bokun has no price for it")


def test_a_price_of_zero_is_a_price():
    """An infant who pays nothing has a price of 0."""
    prices = real()
    passenger(prices)["price"]["amount"] = Decimal("0.0")
    assert amounts(prices)[ADULT] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": {"amount": "much"}},
        {"price": {"amount": -1}},
        {"price": {"amount": 1, "currency": "CAD"}},
        {"price": 5},
        {"pricingCategoryId": None},
        {"pricingCategoryId": "a|b"},
        {"price": None, "tieredPrices": [{"minPassengersRequired": "few", "amount": 1}]},
        {"price": None, "tieredPrices": "none"},
    ],
)
def test_half_understood_is_not_understood(wrong):
    """One price that cannot be read refuses the product, so that none of its prices is lost."""
    prices = real()
    passenger(prices).update(wrong)
    with pytest.raises(UnexpectedShape):
        read(prices)


@pytest.mark.parametrize("dates", [{"from": "soon"}, {"to": 5}])
def test_dates_must_be_dates(dates):
    """A season whose dates cannot be read refuses the product."""
    prices = real()
    prices["pricesByDateRange"][0].update(dates)
    with pytest.raises(UnexpectedShape):
        read(prices)


def test_two_prices_for_one_key_are_refused():
    """The same season twice is one season, unless its prices contradict each other."""
    same = season(real(), "2026-01-20", "2027-01-20")
    assert len(read(same).offers) == 6
    with pytest.raises(UnexpectedShape):
        read(season(real(), "2026-01-20", "2027-01-20", amount=1))


def test_another_products_answer_is_refused():
    """The price list of another product than the one asked for is not taken."""
    with pytest.raises(UnexpectedShape):
        read({**real(), "activityId": 5})
