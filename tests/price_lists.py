"""Bokun's real price list and variants made from it, and what Space Invoices holds of it."""

from pathlib import Path

from worker.calls import json

SAMPLE = Path(__file__).parent / "samples" / "price-list-converted-814165.json"
PRODUCT = 814165
ADULT = "814165|1565415|789585"


def real():
    """The real price list of one product: one season, three rates with two pricing categories each."""
    return json.loads(SAMPLE.read_text("utf-8"))


def passenger(prices, season=0, rate=0, place=0):
    """One pricing category of one rate."""
    return prices["pricesByDateRange"][season]["rates"][rate]["passengers"][place]


def season(prices, first, last, *, amount=None):
    """Another season with the rates of the first; `amount` is what its first category costs."""
    added = {**real()["pricesByDateRange"][0], "from": first, "to": last}
    if amount is not None:
        added["rates"][0]["passengers"][0]["price"]["amount"] = amount
    prices["pricesByDateRange"].append({name: each for name, each in added.items() if each is not None})
    return prices


def tiered(prices):
    """The first category is priced by group size, the tiers in no order, as Bokun sends them."""
    one = passenger(prices)
    sizes = [(5, None, "150.00"), (1, 1, "190.00"), (2, 4, "170.00")]
    one["price"] = {"currency": "EUR", "priceNotFound": True}
    one["tieredPrices"] = [
        {"minPassengersRequired": least, "maxPassengersRequired": most, "currency": "EUR", "amount": json.loads(amount)}
        for least, most, amount in sizes
    ]
    return prices


def other(product):
    """The same prices for another product."""
    return {**real(), "activityId": product}


def held(sandbox):
    """What Space Invoices holds: by list, by our key, amount and item; what a person made has no key."""
    world = sandbox.world
    lists = {each["id"]: each for each in world.price_lists.rows.values() if not each["_isDeleted"]}
    found = {id_: [] for id_ in lists}
    for price in world.prices.rows.values():
        if not price["_isDeleted"]:
            found[price["priceListId"]].append((mark(price), str(price["amount"]), price.get("itemId")))
    return sorted(
        (each["name"], each.get("activeFrom"), each.get("activeTo"), sorted(found[id_], key=str))
        for id_, each in lists.items()
    )


def mark(row):
    """Our key in a row of Space Invoices, without the connection's id."""
    return row.get("custom", {}).get("bokunSync", {}).get("key")


def written(sandbox):
    """Every call that changed something in Space Invoices, by method and resource."""
    paths = [
        (each["method"], each["path"].removeprefix("/v1/")) for each in sandbox.requests if each["method"] != "GET"
    ]
    return [(method, path.split("/")[-1] if method == "POST" else path.split("/")[0]) for method, path in paths]
