"""Bokun's price list of a product, read into offers that a flat price list can hold (bokun.md 5).

The shapes are ActivityPriceListDto and its parts: https://github.com/Bokun/api-docs, schemas/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from worker.bokun.reading import Json, key, number, record, rows, text
from worker.calls.call import UnexpectedShape
from worker.domain.pricelist import PER_BOOKING, Offer, PriceKey, Season, Unmapped

NO_PLACE = "a price list has one price per product, rate and pricing category"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a product's price list offers, and what of it has no place in ours."""

    offers: tuple[Offer, ...]
    unmapped: tuple[Unmapped, ...]


def read_price_list(product: int, currency: str, answer: Json) -> Reading:
    """All prices of a product in one currency; UnexpectedShape where anything in it is not understood.

    All or nothing: a product that is half understood would lose the other half of its prices.
    """
    if key(answer.get("activityId")) not in (None, str(product)):
        raise UnexpectedShape("the price list of another product")
    found = [each for season in rows(answer.get("pricesByDateRange")) for each in _season(product, currency, season)]
    return Reading(
        _unambiguous(each for each in found if isinstance(each, Offer)),
        tuple(each for each in found if isinstance(each, Unmapped)),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a price list we are."""

    season: Season
    key: PriceKey
    title: str

    def offer(self, amount: Decimal) -> Offer:
        return Offer(self.season, self.key, self.title, amount)

    def unmapped(self, what: str, because: str = NO_PLACE) -> Unmapped:
        """Names it with its place: a rate's own extras belong to no pricing category."""
        place = f"{str(self.key).removesuffix(f'|{PER_BOOKING}')} ({self.title}), {self.season}"
        return Unmapped(self.key.product, self.season.currency, f"{what} of {place}" if what else place, because)


def _season(product: int, currency: str, season: Json) -> Iterator[Offer | Unmapped]:
    dates = Season(currency, _day(season.get("from")), _day(season.get("to")))
    for rate in rows(season.get("rates")):
        place = _Place(dates, PriceKey(str(product), _id(rate, "rateId"), PER_BOOKING), text(rate.get("title")) or "")
        yield from _rate(place, rate)


def _rate(place: _Place, rate: Json) -> Iterator[Offer | Unmapped]:
    if rate.get("price") is not None:
        yield from _priced(place, rate)
    for passenger in rows(rate.get("passengers")):
        category = replace(place.key, category=_id(passenger, "pricingCategoryId"))
        titles = (place.title, text(passenger.get("title")) or "")
        there = _Place(place.season, category, " · ".join(each for each in titles if each))
        yield from _priced(there, passenger)
        yield from _beside(there, passenger)
    yield from _beside(place, rate)


def _priced(place: _Place, holder: Json) -> Iterator[Offer | Unmapped]:
    """The plain price, else the lowest tier; tiers come unsorted, `price` and `tieredPrices` exclude each other."""
    plain = _amount(place, holder.get("price"))
    tiers = sorted((least, most, amount) for least, most, amount in _tiers(place, holder))
    if plain is None and tiers:
        *_, plain = tiers.pop(0)
    if plain is None:
        yield place.unmapped("", "Bokun has no price for it")
    else:
        yield place.offer(plain)
    for least, most, amount in tiers:
        yield place.unmapped(f"tier {least}–{most or '…'} at {amount}")


def _tiers(place: _Place, holder: Json) -> Iterator[tuple[int, int, Decimal]]:
    for tier in rows(holder.get("tieredPrices")):
        amount = _amount(place, tier)
        if amount is not None:
            yield _size(tier, "minPassengersRequired", 1), _size(tier, "maxPassengersRequired", 0), amount


def _beside(place: _Place, holder: Json) -> Iterator[Unmapped]:
    """Extras, pick-up and drop-off are named, whether Bokun has a price for them or not."""
    for extra in rows(holder.get("extras")):
        yield place.unmapped(f"extra {key(extra.get('extraId')) or '?'} ({text(extra.get('title')) or ''})")
    for name, word in (("pickupPrice", "pick-up"), ("dropoffPrice", "drop-off")):
        if holder.get(name) is not None:
            yield place.unmapped(word)


def _amount(place: _Place, price: object) -> Decimal | None:
    """The exact amount in the currency that was asked for; None where Bokun says that there is none."""
    if price is None or record(price).get("priceNotFound") is True:
        return None
    found = number(record(price).get("amount"))
    if found is None or found < 0:
        raise UnexpectedShape(f"the price of {place.key} is no amount")
    if record(price).get("currency") not in (None, place.season.currency):
        raise UnexpectedShape(f"the price of {place.key} is not in {place.season.currency}")
    return found


def _unambiguous(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    found: dict[tuple[Season, PriceKey], Offer] = {}
    for each in offers:
        if found.setdefault((each.season, each.key), each).amount != each.amount:
            raise UnexpectedShape(f"two prices for {each.key} in one season")
    return tuple(found.values())


def _id(holder: Json, name: str) -> str:
    found = key(holder.get(name))
    if found is None or "|" in found:
        raise UnexpectedShape(f"a price without {name}")
    return found


def _size(tier: Json, name: str, missing: int) -> int:
    found = missing if tier.get(name) is None else tier[name]
    if isinstance(found, bool) or not isinstance(found, int):
        raise UnexpectedShape(f"a tier whose {name} is no number")
    return found


def _day(value: object) -> date | None:
    """A day as `YYYY-MM-DD`; an end that is missing is open."""
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise UnexpectedShape("a season whose dates are no dates") from None
